"""What is in a packet that we made: ``bridge/omero.jsonl``, and the manifest, which has to agree with it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from omero_irods_bridge.model.errors import BadPacket, BridgeError, ChecksumMismatch
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.packet.content_selection import without_files
from omero_irods_bridge.packet.content_values import (
    Attachment,
    ContentFile,
    ContentFileset,
    FilesetFile,
    PacketContent,
    PacketForm,
)
from omero_irods_bridge.packet.file_list import OTHER_FILES, is_figure
from omero_irods_bridge.packet.graph import Graph, GraphHeader, id_of, lines_of, read_jsonl
from omero_irods_bridge.packet.manifest import Manifest, ManifestMember, read_manifest, unlisted
from omero_irods_bridge.packet.names import quoted, unsafe
from omero_irods_bridge.packet.reading import GRAPH, Packet
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import Origin
from omero_irods_bridge.ports import Row

_Told = TypeVar("_Told")
_OF_ANNOTATION: Final = re.compile(
    r"(?:file_annotations/([0-9]{1,18})/[^/]+|figures/Figure_([0-9]{1,18})\.json)", re.ASCII
)
_OTHER: Final = re.compile(rf"{OTHER_FILES}/([0-9]{{1,18}})/[^/]+", re.ASCII)


def load_ours(packet: Packet) -> PacketContent:
    """What is in it. ``transfer.xml`` is not looked at.

    Raises:
        BadPacket: manifest or graph are malformed, newer than this program, or not of this packet.
        ChecksumMismatch: the graph is not the one that was packed.
    """
    manifest = read_manifest(packet)
    header, graph = _read_graph(packet, manifest)
    loading = _Loading(graph, manifest)
    filesets = (*loading.filesets(), *loading.exports())
    attachments = (*loading.attachments(), *loading.other_files())
    notices = [
        Notice(f"{one} is not in the manifest: it was added later.") for one in unlisted(manifest, packet)
    ]
    return PacketContent(
        form=PacketForm.OURS,
        graph=without_files(graph, loading.dropped) if loading.dropped else graph,
        roots=header.roots,
        filesets=filesets,
        attachments=attachments,
        origin=_origin(manifest),
        origins={},
        header=header,
        manifest=manifest,
        problems=(*_disagreement(header, manifest), *loading.problems, *loading.left_over()),
        notices=(*notices, *loading.notices),
    )


def _read_graph(packet: Packet, manifest: Manifest) -> tuple[GraphHeader, Graph]:
    listed = next((one for one in manifest.members if one.path == GRAPH), None)
    if listed is None:
        raise BadPacket(f"The manifest of the packet does not name {GRAPH}.")
    digest = hashlib.sha256()

    def passing() -> Iterator[bytes]:
        for chunk in packet.chunks(GRAPH):
            digest.update(chunk)
            yield chunk

    found = read_jsonl(lines_of(passing()))
    if digest.hexdigest() != listed.sha256.hex:
        raise ChecksumMismatch(
            f"{GRAPH} has the SHA-256 {digest.hexdigest()}, and {listed.sha256} in the manifest.",
            hint="The packet was damaged or changed: fetch it again, or use another replica.",
        )
    return found


def _disagreement(header: GraphHeader, manifest: Manifest) -> Iterator[BridgeError]:
    if (header.server, set(header.roots)) != (manifest.server.uuid, set(manifest.objects)):
        yield BadPacket(
            f"{GRAPH} is of {_listed(header.roots)} of the server {header.server}, the manifest of "
            f"{_listed(manifest.objects)} of {manifest.server.uuid}."
        )


def _listed(objects: Sequence[object]) -> str:
    return ", ".join(map(str, objects[:5])) + (", ..." if len(objects) > 5 else "")


def _origin(manifest: Manifest) -> Origin:
    return Origin(
        host=manifest.server.host,
        database_uuid=manifest.server.uuid,
        user=manifest.packed_by,
        packed_at=manifest.created,
        software=manifest.software,
    )


@dataclass(slots=True)
class _Loading:
    """Takes the members of the manifest one after the other; what is not taken belongs to nothing."""

    graph: Graph
    manifest: Manifest
    problems: list[BridgeError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    _originals: dict[int, list[ManifestMember]] = field(default_factory=lambda: defaultdict(list))
    _exports: dict[int, ManifestMember] = field(default_factory=dict)
    _attached: dict[int, ManifestMember] = field(default_factory=dict)
    _others: dict[int, ManifestMember] = field(default_factory=dict)
    _nobodys: list[ManifestMember] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in self.manifest.members:
            attached = _OF_ANNOTATION.fullmatch(one.path)
            if one.role is FileRole.ORIGINAL and one.fileset is not None:
                self._originals[one.fileset.id].append(one)
            elif one.role is FileRole.PIXELS and one.id is not None:
                self._exports[one.id] = one
            elif one.role in {FileRole.ATTACHMENT, FileRole.FIGURE} and attached:
                self._attached[int(attached[1] or attached[2])] = one
            elif one.role is FileRole.METADATA and (other := _OTHER.fullmatch(one.path)):
                self._others[int(other[1])] = one
            elif one.role is not FileRole.METADATA:
                self._nobodys.append(one)

    def left_over(self) -> Iterator[BridgeError]:
        """After all others: a problem for each member that no row of the graph speaks of."""
        originals = (one for members in self._originals.values() for one in members)
        others = (*self._exports.values(), *self._attached.values(), *self._others.values(), *self._nobodys)
        for one in (*originals, *others):
            yield BadPacket(f"{quoted(one.path)} belongs to nothing that {GRAPH} tells of.")

    # -- filesets

    def filesets(self) -> Iterator[ContentFileset]:
        images = self._images_of_filesets()
        for fileset in dict.fromkeys((*(row["@"] for row in self.graph.rows("Fileset")), *images)):
            members = sorted(self._originals.pop(id_of(fileset), ()), key=_position)
            entries = list(self._entries(fileset))
            if not members or [one.id for one in members] != [file for file, _ in entries]:
                self.problems.append(
                    BadPacket(f"The manifest has other files of {fileset} than {GRAPH}, or in another order.")
                )
                continue
            for one in members:
                self._check_size(one, f"OriginalFile:{one.id}")
            paths = _client_paths([path for _, path in entries], [one.path for one in members])
            files = (FilesetFile(_file(one), path) for one, path in zip(members, paths, strict=True))
            yield ContentFileset(fileset, tuple(files), self._series(fileset, images.get(fileset, [])))

    def _images_of_filesets(self) -> dict[str, list[tuple[int | None, int]]]:
        """Series and id of the images of each fileset, in the order of their rows."""
        found: dict[str, list[tuple[int | None, int]]] = defaultdict(list)
        for row in self.graph.rows("Image"):
            if fileset := _told(row, "fileset", str):
                found[fileset].append((_told(row, "series", int), id_of(row["@"])))
        return found

    def _series(self, fileset: str, images: Sequence[tuple[int | None, int]]) -> dict[int, int]:
        """By the series that OMERO has; where it has none or odd ones, by ascending id, as stock does."""
        told = {series: image for series, image in images if series is not None and series >= 0}
        if len(told) == len(images):
            return dict(sorted(told.items()))
        self.notices.append(
            Notice(
                f"The images of {fileset} have no series of their own: they are taken in the order of ids."
            )
        )
        return dict(enumerate(sorted(image for _, image in images)))

    def _entries(self, fileset: str) -> Iterator[tuple[int | None, str]]:
        """Id and client path of the files of a fileset, in its order."""
        for entry in _told(self.graph.one(fileset) or {}, "usedFiles", list) or ():
            row = self.graph.one(entry) or {}
            file = _told(row, "originalFile", str)
            yield id_of(file) if file else None, _told(row, "clientPath", str) or ""

    def exports(self) -> Iterator[ContentFileset]:
        for row in self.graph.rows("Image"):
            if row.get("fileset"):
                continue
            number = id_of(row["@"])
            member = self._exports.pop(number, None)
            if member is None:
                self.problems.append(BadPacket(f"The packet has no pixels of {row['@']}."))
            else:
                files = (FilesetFile(_file(member), member.path.rpartition("/")[2]),)
                yield ContentFileset(row["@"], files, {0: number}, is_export=True)

    # -- attachments

    def attachments(self) -> Iterator[Attachment]:
        for row in self.graph.rows("FileAnnotation"):
            member = self._attached.pop(id_of(row["@"]), None)
            file = _told(row, "file", str)
            if member is not None and file:
                self._check_size(member, file)
                yield Attachment(row["@"], file, _file(member), is_figure(row))
            else:
                self._miss(row)

    def other_files(self) -> Iterator[Attachment]:
        """Files that are neither of a fileset nor attached; without its member one is a row alone."""
        for row in self.graph.rows("OriginalFile"):
            member = self._others.pop(id_of(row["@"]), None)
            if member is not None:
                self._check_size(member, row["@"])
                yield Attachment(row["@"], row["@"], _file(member))

    def _miss(self, annotation: Row) -> None:
        if is_figure(annotation):
            self.dropped.append(annotation["@"])
            self.notices.append(
                Notice(f"The packet does not have the figure {annotation['@']}; it is left out.")
            )
        else:
            self.problems.append(BadPacket(f"The packet does not have the file of {annotation['@']}."))

    def _check_size(self, member: ManifestMember, file: str) -> None:
        size = _told(self.graph.one(file) or {}, "size", int)
        if size is not None and size != member.size:
            self.problems.append(
                BadPacket(
                    f"{quoted(member.path)} has {member.size:,} bytes, and {size:,} in OMERO as {file}."
                )
            )


def _told(row: Row, name: str, kind: type[_Told]) -> _Told | None:
    """A field of a row that a stranger wrote; none where it is not there."""
    value = row.get(name)
    if value is None or type(value) is kind:
        return value
    raise BadPacket(f"{GRAPH}: {row['@']} has the {name} {value!r:.100}, which cannot be there.")


def _position(member: ManifestMember) -> int:
    return -1 if member.fileset is None else member.fileset.position


def _file(member: ManifestMember) -> ContentFile:
    return ContentFile(member.path, member.size, member.hash, member.sha256)


def _client_paths(told: Sequence[str], members: Sequence[str]) -> Sequence[str]:
    """Where the files came from at first; where that cannot be said again, their places in the packet."""
    paths = [path.lstrip("/") for path in told]
    return members if any(map(unsafe, paths)) or len(set(paths)) < len(paths) else paths
