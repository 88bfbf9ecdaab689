"""What is in a packet, as unpack works with it, whoever packed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.packet.graph import Graph, GraphHeader
from omero_irods_bridge.packet.manifest import Manifest
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import Origin


class PacketForm(StrEnum):
    """Who packed it (docs/packet-format.md, What a reader accepts)."""

    OURS = "ours"
    STOCK = "stock"
    STOCK_OLD = "stock before January 2024"


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A member and what its bytes should be; ``size`` is in bytes and that of the member.

    ``hash`` is what OMERO had and ``sha256`` that of the manifest, none where nobody says.
    """

    member: str
    size: int
    hash: OmeroHash | None = None
    sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class FilesetFile:
    """A file of a fileset; ``client_path`` is fit for ``ports.ImportFile``."""

    file: ContentFile
    client_path: str


@dataclass(frozen=True, slots=True)
class ContentFileset:
    """Files that are imported together. The first is the one that OMERO opens.

    ``source`` is unique in the packet: ``Fileset:12``, or ``Image:77`` where the packet tells of no fileset,
    then of the image with the lowest id. ``images`` are ids by series, from 0. With ``is_export`` the file is
    an OME-TIFF that OMERO exported of an image without original files.
    """

    source: str
    files: tuple[FilesetFile, ...]
    images: Mapping[int, int]
    is_export: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """The file of a file annotation (``FileAnnotation:7``), which refers to the row ``original_file``.

    Of a file that is not attached, such as the source of a region, ``annotation`` is the file itself.
    """

    annotation: str
    original_file: str
    file: ContentFile
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class PacketContent:
    """All that is in a packet, or the part of it that was selected.

    ``graph`` of a stock packet is made of ``transfer.xml`` (transfer_xml_reading.py) and tells of no
    filesets: ``filesets`` does. ``roots`` are what was packed, of a stock packet what nothing in it holds.
    ``origin`` is common to all objects, ``origins`` what a stock packet says of single ones, by reference.
    With ``problems`` it cannot be unpacked as it is; ``notices`` say what is worth knowing.
    """

    form: PacketForm
    graph: Graph
    roots: tuple[ObjectRef, ...]
    filesets: tuple[ContentFileset, ...]
    attachments: tuple[Attachment, ...]
    origin: Origin
    origins: Mapping[str, Origin]
    header: GraphHeader | None = None
    manifest: Manifest | None = None
    problems: tuple[BridgeError, ...] = ()
    notices: tuple[Notice, ...] = ()

    def files(self) -> Iterator[ContentFile]:
        """All members that are to be read, in the order of import."""
        for fileset in self.filesets:
            yield from (one.file for one in fileset.files)
        yield from (one.file for one in self.attachments)

    @property
    def bytes(self) -> int:
        """How many bytes are to be read."""
        return sum(file.size for file in self.files())
