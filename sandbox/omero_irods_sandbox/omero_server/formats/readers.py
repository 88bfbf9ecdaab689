"""Which reader takes a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from omero_irods_sandbox.omero_server.formats.description import FilesetDescription
from omero_irods_sandbox.omero_server.formats.errors import UnknownFormat, UnreadableFile
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_MAGIC_BYTES: Final = 8


class Reader(Protocol):
    """Files that are open. Used by one thread at a time."""

    @property
    def description(self) -> FilesetDescription: ...

    def plane(self, image_index: int, z: int, c: int, t: int) -> Plane:
        """A plane that exists, in the byte order and type of the file."""

    def close(self) -> None: ...


def open_reader(paths: Sequence[Path]) -> Reader:
    """A reader for the files of which it is handed the first.

    Raises:
        UnknownFormat, MissingLibrary, UnreadableFile: see :func:`formats.read_fileset`.
    """
    # Each imports its library, so a server that never sees an image never loads them.
    first = paths[0]
    if first.name.endswith((".fake", ".fake.ini")):
        from omero_irods_sandbox.omero_server.formats.fake import open_fake  # noqa: PLC0415

        return open_fake(first)
    if first.name.endswith(".companion.ome"):
        from omero_irods_sandbox.omero_server.formats.ome_tiff import open_companion  # noqa: PLC0415

        return open_companion(first)
    magic = _magic(first)
    if magic.startswith(_TIFF):
        from omero_irods_sandbox.omero_server.formats.tiff import open_tiff  # noqa: PLC0415

        return open_tiff(first)
    if magic.startswith(_PICTURES):
        from omero_irods_sandbox.omero_server.formats.pictures import open_picture  # noqa: PLC0415

        return open_picture(first)
    raise UnknownFormat(f"Unknown file format: {first}")


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_BYTES)
    except OSError as error:
        raise UnreadableFile(f"cannot read {path}: {error.strerror}") from error
