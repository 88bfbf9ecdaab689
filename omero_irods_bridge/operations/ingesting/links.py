"""What is linked in place stays true: links that lead nowhere, files that changed, images that are gone.

``find_linked`` and ``check_links`` look; ``repair_links`` and ``release`` change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotInPlace
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step
from omero_irods_bridge.model.imports import LinkedFile
from omero_irods_bridge.model.ingest import IngestOptions, Linked, version_of
from omero_irods_bridge.model.stored import Avu, DataObject, ReplicaStatus
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.attributes import Known, known_of, was_ingested
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.operations.placing import is_place_of, place_of
from omero_irods_bridge.ports import AvuCondition, FilePlace, ObjectStore, TreeStore


class Fault(StrEnum):
    """What is wrong with a linked object."""

    RELEASED = "its image is gone from OMERO"
    MISSING = "its file is not where OMERO's link leads"
    CHANGED = "its content is not what was imported"
    MOVED = "it is at another place than OMERO's link says"
    FEW_REPLICAS = "it has too few good replicas"
    UNMAPPED = "no line of [paths] holds it"


@dataclass(frozen=True, slots=True)
class LinkFault:
    """A linked object and what is wrong with it; ``remedy`` is what to do."""

    path: str
    fault: Fault
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LinkedObject:
    """A data object that OMERO links to, as its AVUs say."""

    found: DataObject
    known: Known
    avus: tuple[Avu, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Relink:
    """A link of OMERO that is to lead to ``target``, where the object is now."""

    path: str
    place: FilePlace
    target: PurePosixPath


_MOST_CLAIMS: Final = 1_000
_REMEDIES: Final = {
    Fault.RELEASED: "The next scan, or omero-irods ingest check --release, takes the AVUs away.",
    Fault.MISSING: "Bring the replica back (irepl), or see whether the mount is there.",
    Fault.CHANGED: "Delete the image in OMERO and run: omero-irods ingest retry",
    Fault.MOVED: "Run: omero-irods ingest relink",
    Fault.FEW_REPLICAS: "Run: irepl",
    Fault.UNMAPPED: "Add its resource and vault to [paths].",
}


def find_linked(store: TreeStore, collection: str, options: IngestOptions) -> list[LinkedObject]:
    """All objects at and below a collection that were ingested, in place or not, by path; few queries."""
    avus = store.avus_below(collection, options.prefix)
    children = store.children(collection, recursive=True)
    return linked_among((one for one in children if isinstance(one, DataObject)), avus, options)


def linked_among(
    objects: Iterable[DataObject], avus: Mapping[str, tuple[Avu, ...]], options: IngestOptions
) -> list[LinkedObject]:
    """Those of ``objects`` that were ingested, as their ``avus`` by path say; no query."""
    found = []
    for one in objects:
        if one.path in avus:
            known = known_of(avus[one.path], options)
            if was_ingested(known, one):
                found.append(LinkedObject(one, known, avus[one.path]))
    return found


# -- released


def gone(linked: Sequence[LinkedObject], side: IngestSide) -> list[LinkedObject]:
    """Those whose fileset is on this server no more.

    Those of another server are none of its business; and who is no administrator does not know of what others
    have imported, and perhaps moved to a group of their own.
    """
    identity, all_seen = side.receiver.server.identity, side.book.sees_everything
    mine = [
        one
        for one in linked
        if one.known.server == identity.uuid and (all_seen or one.known.imported_as == identity.user)
    ]
    ids = [one.known.fileset for one in mine if one.known.fileset is not None]
    there = side.book.existing("Fileset", ids) if ids else set()
    return [one for one in mine if one.known.fileset not in there]


def release(found: Sequence[LinkedObject], store: ObjectStore, options: IngestOptions) -> list[str]:
    """Take away what says that an object is in OMERO, and with it the protection; the paths.

    A mark is left that it was there, so that the next scan does not bring back what somebody deleted.
    """
    released = []
    for one in found:
        mark = Avu(options.name("released"), version_of(one.found), str(one.found.id))
        store.change_avus(
            one.found.path,
            add=[] if mark in one.avus else [mark],
            remove=attributes.results(one.avus, options),
        )
        released.append(one.found.path)
    return released


# -- checked


def check_links(
    linked: Sequence[LinkedObject],
    side: IngestSide,
    options: IngestOptions,
    report: Report,
    cancel: CancelToken,
) -> list[LinkFault]:
    """What is wrong, object by object; changes nothing and reads no file."""
    in_place = _linked_here(linked, side)
    report(Step("Checking linked objects", items_total=len(linked)))
    gone_now = {one.found.path for one in gone(linked, side)}
    files = _files(in_place, side)
    faults = [_fault(one, Fault.RELEASED) for one in linked if one.found.path in gone_now]
    for number, one in enumerate(in_place, 1):
        cancel.check()
        if one.found.path not in gone_now:
            faults += _faults_of(one, files.get(one.known.file or -1), side, options)
        report(Progress(items_done=number))
    return sorted(faults, key=lambda one: one.path)


def _linked_here(linked: Sequence[LinkedObject], side: IngestSide) -> list[LinkedObject]:
    """Those to which this server links; another one has other files by the same ids."""
    here = side.receiver.server.identity.uuid
    return [one for one in linked if one.known.linked == Linked.IN_PLACE and one.known.server == here]


def _files(linked: Sequence[LinkedObject], side: IngestSide) -> Mapping[int, FilePlace]:
    filesets = [one.known.fileset for one in linked if one.known.fileset is not None]
    found = side.book.files_of(filesets) if filesets else {}
    return {file.file: file for files in found.values() for file in files}


def _faults_of(
    one: LinkedObject, file: FilePlace | None, side: IngestSide, options: IngestOptions
) -> Iterator[LinkFault]:
    good = sum(replica.status is ReplicaStatus.GOOD for replica in one.found.replicas)
    if good < options.replicas:
        yield _fault(one, Fault.FEW_REPLICAS, f"{good} of {options.replicas}")
    if one.known.version != version_of(one.found):
        yield _fault(one, Fault.CHANGED)
    place = place_of(one.found, options.paths)
    if place is None:
        yield _fault(one, Fault.UNMAPPED)
        return
    if file is not None and file.target is not None:
        if not is_place_of(file.target, one.found, options.paths):
            yield _fault(one, Fault.MOVED, f"the link leads to {file.target}, it is at {place}")
            return
        place = file.target  # of several replicas that OMERO sees the one that it shows
    try:
        linked = LinkedFile(one.found.path.lstrip("/"), place, size=one.found.size)
        side.receiver.importer.check_in_place([linked])
    except NotInPlace as error:
        yield _fault(one, Fault.MISSING, error.message)


def _fault(one: LinkedObject, fault: Fault, more: str = "") -> LinkFault:
    text = f"{one.found.path}: {fault}" + (f" ({more.rstrip('.')})" if more else "")
    return LinkFault(one.found.path, fault, text, _REMEDIES[fault])


# -- repaired


def plan_relinks(linked: Sequence[LinkedObject], side: IngestSide, options: IngestOptions) -> list[Relink]:
    """Links that lead to another place than where their object is."""
    in_place = _linked_here(linked, side)
    files = _files(in_place, side)
    found = []
    for one in in_place:
        file, place = files.get(one.known.file or -1), place_of(one.found, options.paths)
        if file is None or file.target is None or place is None:
            continue
        if not is_place_of(file.target, one.found, options.paths):
            found.append(Relink(one.found.path, file, place))
    return found


def repair_links(
    relinks: Sequence[Relink],
    side: IngestSide,
    store: ObjectStore,
    options: IngestOptions,
    report: Report,
    cancel: CancelToken,
) -> tuple[list[str], list[tuple[str, BridgeError]]]:
    """Let each link lead to where its object is, if a file of the same size is there; done and failed."""
    done, failed = [], list[tuple[str, BridgeError]]()
    report(Step("Repairing links", items_total=len(relinks)))
    for number, one in enumerate(relinks, 1):
        cancel.check()
        try:
            _check_own(one, side, store, options)
            linked = LinkedFile(one.place.client_path, one.target, size=one.place.size)
            side.receiver.importer.check_in_place([linked])
            side.book.link_anew(one.place, one.target)
            done.append(one.path)
        except (NotInPlace, AccessDenied) as error:
            failed.append((one.path, error))
        report(Progress(items_done=number))
    return done, failed


def _check_own(one: Relink, side: IngestSide, store: ObjectStore, options: IngestOptions) -> None:
    """People can write AVUs: of an object that names the file of another one the link is not.

    Raises:
        AccessDenied: another object says the same.
    """
    named = AvuCondition(options.name("file"), equals=str(one.place.file))
    for path in store.find_by_avus([named], limit=_MOST_CLAIMS):
        found = store.find(path) if path != one.path else None
        if isinstance(found, DataObject):
            linked = linked_among([found], {path: store.avus(path)}, options)
            if _linked_here(linked, side):
                raise AccessDenied(
                    f"{one.path} and {path} both say that they are OriginalFile:{one.place.file} in OMERO;"
                    " the link stays as it is.",
                    hint="Take these AVUs from the one that is not, then relink again.",
                )
