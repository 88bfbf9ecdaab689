"""The files of a packet before they are in it: where OMERO has their bytes, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omero_irods_bridge.model.checksums import OmeroHash


class FileRole(StrEnum):
    """Why a file is in the packet."""

    ORIGINAL = "original"
    """A file of a fileset, as it is in the ManagedRepository."""
    ATTACHMENT = "attachment"
    """The file of a file annotation, OMERO.tables included."""
    FIGURE = "figure"
    """An OMERO.figure file."""
    PIXELS = "pixels"
    """An OME-TIFF that OMERO exports of an image without original files; its size is not known before."""
    METADATA = "metadata"
    """``transfer.xml`` and what is below ``bridge/``: made while packing, or a file without another place."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that OMERO can give.

    ``member`` is its path in the packet. ``id`` is of the OriginalFile, of the Image for PIXELS. ``size`` is
    in bytes, none when it is not known before it is made. ``repository_path`` is relative to the
    ManagedRepository, none for a file that is not in it. ``fileset`` is set for ORIGINAL.
    """

    member: str
    role: FileRole
    id: int
    size: int | None
    hash: OmeroHash | None = None
    repository_path: str | None = None
    fileset: int | None = None

    def __str__(self) -> str:
        kind = "Image" if self.role is FileRole.PIXELS else "OriginalFile"
        return f"{self.member} ({kind}:{self.id})"
