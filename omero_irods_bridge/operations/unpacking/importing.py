"""Bring the filesets of a packet into OMERO, each once, however often a load is begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from omero_irods_bridge.model.errors import ImportFailed
from omero_irods_bridge.model.events import CancelToken, Report, Step
from omero_irods_bridge.model.imports import Imported, ImportMark, ImportOptions, MarkedFileset
from omero_irods_bridge.operations.unpacking.compared import compared_member
from omero_irods_bridge.operations.unpacking.counting import Counter
from omero_irods_bridge.operations.unpacking.in_place import linked_files
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.side_by_side import SideBySide
from omero_irods_bridge.packet.content_of_packet import ContentFile, ContentFileset
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.ports import ByteSource, Importer, ImportFile

_READER: Final = "bioformats.reader"


@dataclass(frozen=True, slots=True)
class Arrived:
    """What the filesets of a packet have become: ``seeds`` are keys there and here of filesets and images.

    ``filesets`` are in the order of the plan's, ``plates_of`` the plates that each of them shows.
    """

    seeds: Mapping[str, str]
    filesets: tuple[int, ...]
    images: tuple[int, ...]
    plates_of: Mapping[int, tuple[int, ...]]

    @property
    def plates(self) -> tuple[int, ...]:
        """Each once, in the order of the filesets."""
        return tuple(dict.fromkeys(plate for plates in self.plates_of.values() for plate in plates))


@dataclass(slots=True)
class _Arriving:
    seeds: dict[str, str] = field(default_factory=dict)
    filesets: list[int] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    plates_of: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def add(self, fileset: ContentFileset, there: MarkedFileset) -> None:
        """Take over an imported fileset; its images are matched by their series."""
        self.filesets.append(there.id)
        self.images += there.images
        self.plates_of[there.id] = there.plates
        if fileset.source.startswith("Fileset:"):
            self.seeds[fileset.source] = f"Fileset:{there.id}"
        for series, image in fileset.images.items():
            self.seeds[f"Image:{image}"] = f"Image:{there.images[series]}"

    def done(self) -> Arrived:
        return Arrived(self.seeds, tuple(self.filesets), tuple(self.images), self.plates_of)


def import_filesets(
    plan: UnpackPlan, packet: Packet, importer: Importer, report: Report, cancel: CancelToken
) -> Arrived:
    """Import all filesets of the plan that this load has not imported yet, several at once.

    What an earlier run began and did not end is deleted first. After a failure those that have begun are
    still brought to their end.

    Raises:
        ChecksumMismatch: a file is not what was packed.
        UnreadableImage: OMERO cannot read one.
        ImportFailed: OMERO made fewer images of one than there were.
    """
    filesets = plan.content.filesets
    there = _complete(importer, plan.load, {one.source: _images_of(one) for one in filesets})
    total = sum(_size(fileset) for fileset in filesets)
    report(Step("Importing", bytes_total=total, items_total=len(filesets)))
    counter = Counter(report)
    readers = _readers(plan.content.graph)

    def found_or_made(by: Importer, fileset: ContentFileset, cancel: CancelToken) -> MarkedFileset:
        found = there.get(fileset.source)
        if found is None:
            with counter.one() as tell:
                found = _import(fileset, plan, packet, by, readers.get(fileset.source), tell, cancel)
        counter.add(_size(fileset))
        return found

    arriving = _Arriving()
    arrived = SideBySide(importer, found_or_made).run(filesets, cancel)
    for fileset, found in zip(filesets, arrived, strict=True):
        arriving.add(fileset, found)
    return arriving.done()


def _size(fileset: ContentFileset) -> int:
    return sum(one.file.size for one in fileset.files)


def _images_of(fileset: ContentFileset) -> int:
    """How many images OMERO has to make of it."""
    return max(fileset.images, default=-1) + 1


def _complete(importer: Importer, load: str, images: Mapping[str, int]) -> dict[str, MarkedFileset]:
    """Filesets of this load by their source; of two that two runs have made at once the older one stays.

    One with fewer ``images`` than it has to have is of a run that could not take it back.
    """
    found: dict[str, MarkedFileset] = {}
    broken: list[int] = []
    for one in importer.find_marked(load):
        is_whole = one.complete and len(one.images) >= images.get(one.mark.source, 0)
        if is_whole and one.mark.source not in found:
            found[one.mark.source] = one
        else:
            broken.append(one.id)
    if broken:
        importer.discard(broken)
    return found


def _import(
    fileset: ContentFileset,
    plan: UnpackPlan,
    packet: Packet,
    importer: Importer,
    reader: str | None,
    report: Report,
    cancel: CancelToken,
) -> MarkedFileset:
    mark = ImportMark(plan.load, plan.request.packet, fileset.source)
    options = ImportOptions(mark=mark, reader=reader)
    made = _sent_or_linked(fileset, plan, packet, importer, options)(report, cancel)
    wanted = _images_of(fileset)
    if len(made.images) < wanted:
        importer.discard([made.fileset])
        raise ImportFailed(
            f"OMERO made {len(made.images)} images of {fileset.files[0].file.member}, not {wanted}.",
            hint="The OMERO server may read this format in another way than the one that packed it did.",
        )
    return MarkedFileset(made.fileset, mark, complete=True, images=made.images, plates=made.plates)


def _sent_or_linked(
    fileset: ContentFileset, plan: UnpackPlan, packet: Packet, importer: Importer, options: ImportOptions
) -> Callable[[Report, CancelToken], Imported]:
    if plan.places is not None:
        return partial(importer.import_in_place, linked_files(fileset, plan.places), options)
    files = [_import_file(one.file, one.client_path, packet) for one in fileset.files]
    return partial(importer.import_fileset, files, options)


def _readers(graph: Graph) -> dict[str, str]:
    """The Bio-Formats reader that made each fileset where it was: it decides which folders above are kept."""
    found: dict[str, str] = {}
    for link in graph.rows("FilesetJobLink"):
        job = graph.one(link.get("child")) or {}
        for key, value in filter(None, job.get("versionInfo") or ()):
            if key == _READER:
                found.setdefault(str(link.get("parent")), str(value))
    return found


def _import_file(file: ContentFile, client_path: str, packet: Packet) -> ImportFile:
    return ImportFile(client_path, file.size, _opener(file, packet), file.hash)


def _opener(file: ContentFile, packet: Packet) -> Callable[[], AbstractContextManager[ByteSource]]:
    """Opens the member, which is read in order, so that what was packed is what is sent.

    Whoever sends it compares it with a hash of content from OMERO. Without one it is compared here with that
    of the manifest, and where there is no manifest either with the sum that a zip has.
    """
    has_proof = file.hash is not None and file.hash.proves_content

    def opened() -> AbstractContextManager[ByteSource]:
        if has_proof:
            return nullcontext(packet.source(file.member))
        if file.sha256 is None:
            return nullcontext(packet.checked_source(file.member))
        return nullcontext(compared_member(packet.source(file.member), file.member, file.sha256))

    return opened
