"""What is in a packet of the stock tool: ``transfer.xml``, and which members are the files of which images.

The file does not tell of filesets. Images of one path are of one fileset, and their series go by ascending
id, as in stock unpack (``_make_image_map``). A path that ends in ``mock_folder`` stands for all members below
its folder that no path further down stands for. ``omero transfer prepare`` names only the file that OMERO
opens: members that no path stands for go to the only fileset of the nearest folder above that has one.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.errors import BadPacket, BridgeError
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.packet.content_order import in_order
from omero_irods_bridge.packet.content_selection import without_files
from omero_irods_bridge.packet.content_values import (
    Attachment,
    ContentFile,
    ContentFileset,
    FilesetFile,
    PacketContent,
    PacketForm,
)
from omero_irods_bridge.packet.file_list import is_figure
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.reading import TRANSFER_XML, Packet
from omero_irods_bridge.packet.transfer_xml_bookkeeping import SEVERAL_FILES
from omero_irods_bridge.packet.transfer_xml_reading import TransferXml, read_transfer_xml
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import common_origin
from omero_irods_bridge.ports import Row

_NOT_ORIGINALS: Final = ("pixel_images/", "file_annotations/", "figures/", "bridge/")
_EXPORTS: Final = "pixel_images/"


def load_stock(packet: Packet) -> PacketContent:
    """What is in it.

    Raises:
        BadPacket: ``transfer.xml`` is malformed, hostile, or contradicts itself.
    """
    told = read_transfer_xml(packet.chunks(TRANSFER_XML))
    loading = _Loading(packet, told)
    attachments = tuple(loading.attachments())
    filesets = tuple(loading.filesets())
    return PacketContent(
        form=PacketForm.STOCK_OLD if told.is_old else PacketForm.STOCK,
        graph=without_files(told.graph, loading.dropped) if loading.dropped else told.graph,
        roots=roots_of(told.graph),
        filesets=filesets,
        attachments=attachments,
        origin=common_origin(told.origins),
        origins=told.origins,
        problems=tuple(loading.problems),
        notices=(*(one.notice for one in told.unread), *loading.notices, *loading.left_over()),
    )


def roots_of(graph: Graph) -> tuple[ObjectRef, ...]:
    """The objects that nothing in the graph holds, from the outside in."""
    links = ("ProjectDatasetLink", "DatasetImageLink", "ScreenPlateLink")
    held = {row["child"] for kind in links for row in graph.rows(kind)}
    held |= {row["image"] for row in graph.rows("WellSample") if row.get("image")}
    kinds = (Kind.PROJECT, Kind.DATASET, Kind.SCREEN, Kind.PLATE, Kind.IMAGE)
    return tuple(
        ObjectRef(kind, number)
        for kind in kinds
        for number in graph.ids(kind)
        if f"{kind}:{number}" not in held
    )


def _below_common_folder(members: Sequence[str]) -> list[str]:
    """Where the files are among each other.

    The folders above were those of another repository. OMERO keeps three of them where it does not know the
    reader, and the stock tool packs what lies so deep in another place than it says.
    """
    above = posixpath.commonpath([posixpath.dirname(member) for member in members])
    return [member[len(above) :].lstrip("/") for member in members]


@dataclass(slots=True)
class _Loading:
    packet: Packet
    told: TransferXml
    problems: list[BridgeError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    _taken: set[str] = field(default_factory=lambda: {TRANSFER_XML})

    # -- filesets

    def filesets(self) -> Iterator[ContentFileset]:
        images = self._images_by_path()
        for path, members in self._members(images).items():
            self._taken.update(members)
            ordered = in_order(self.packet, members)
            paths = zip(ordered, _below_common_folder(ordered), strict=True)
            files = tuple(FilesetFile(self._file(member), place) for member, place in paths)
            yield ContentFileset(
                f"Image:{images[path][0]}",
                files,
                dict(enumerate(images[path])),
                is_export=path.startswith(_EXPORTS),
            )

    def _images_by_path(self) -> dict[str, list[int]]:
        """Ids in ascending order, by their path."""
        found: dict[str, list[int]] = defaultdict(list)
        for number in sorted(self.told.graph.ids("Image")):
            path = self.told.paths.get(f"Image:{number}")
            if path is None:
                self.problems.append(
                    BadPacket(f"{TRANSFER_XML} does not say where the file of Image:{number} is.")
                )
            else:
                found[path].append(number)
        return found

    def _members(self, images: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
        """The members that each path stands for; where there are none, a problem."""
        found: dict[str, list[str]] = {path: [path] if path in self.packet.members else [] for path in images}
        folders = {_folder(path): path for path, members in found.items() if not members}
        openers = self._openers(found) if self.told.is_prepared else {}
        taken = {member for members in found.values() for member in members} | self._taken
        for member in self.packet.members:
            if member not in taken and not member.startswith(_NOT_ORIGINALS):
                path = _nearest(member, folders) or _nearest(member, openers)
                if path:
                    found[path].append(member)
        for path, members in found.items():
            if not members:
                self.problems.append(self._lacking(path, images[path]))
        return {path: members for path, members in found.items() if members}

    def _openers(self, found: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """The path of the only fileset with a file just in a folder, by that folder."""
        by_folder: dict[str, list[str]] = defaultdict(list)
        for path, members in found.items():
            if members:
                by_folder[posixpath.dirname(path)].append(path)
        return {folder: paths[0] if len(paths) == 1 else "" for folder, paths in by_folder.items()}

    def _lacking(self, path: str, images: Sequence[int]) -> BridgeError:
        others = f" and {len(images) - 1:,} other images" if len(images) > 1 else ""
        return BadPacket(
            f"The packet lacks {quoted(path)}, the file of Image:{images[0]}{others} in {TRANSFER_XML}.",
            hint="Stock packs so with --ignore_errors and with --binaries none. Pack the objects again.",
        )

    def _file(self, member: str) -> ContentFile:
        return ContentFile(member, self.packet.members[member].size)

    # -- attachments

    def attachments(self) -> Iterator[Attachment]:
        for row in self.told.graph.rows("FileAnnotation"):
            path = self.told.paths.get(row["@"])
            if path is not None and path in self.packet.members:
                self._taken.add(path)
                yield self._attachment(row, path)
            elif is_figure(row):
                self.dropped.append(row["@"])
                self.notices.append(
                    Notice(
                        f"The packet does not have the figure {row['@']}; stock packs it with --figure only."
                    )
                )
            else:
                self.problems.append(
                    BadPacket(
                        f"The packet lacks {quoted(path or '')}, the file of {row['@']} in {TRANSFER_XML}."
                    )
                )

    def _attachment(self, row: Row, path: str) -> Attachment:
        file, size = self._file(path), (self.told.graph.one(row["file"]) or {}).get("size")
        if size != file.size:
            self.problems.append(
                BadPacket(
                    f"{quoted(path)} has {file.size:,} bytes, and {size:,} in {TRANSFER_XML} as {row['@']}."
                )
            )
        return Attachment(row["@"], row["file"], file, is_figure(row))

    def left_over(self) -> Iterator[Notice]:
        """After all others: members that nothing in ``transfer.xml`` stands for."""
        found = [member for member in self.packet.members if member not in self._taken]
        if found:
            more = f" and {len(found) - 1:,} more members" if len(found) > 1 else ""
            yield Notice(
                f"{quoted(found[0])}{more}: nothing in {TRANSFER_XML} is of them; they are left out."
            )


def _folder(path: str) -> str:
    folder, _, last = path.rpartition("/")
    return folder if last == SEVERAL_FILES else path


def _nearest(member: str, folders: Mapping[str, str]) -> str | None:
    """What is given for the nearest folder that holds a member."""
    folder = member
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in folders:
            return folders[folder]
    return None
