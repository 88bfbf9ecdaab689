"""Files cut into parts, each read by one reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omero_irods_bridge.model.errors import ChecksumMismatch
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.ports import FileReader


@dataclass(frozen=True, slots=True)
class Piece:
    """``data`` begins at ``offset`` in the file of number ``index``; an empty file has one empty piece.

    ``size`` is of the whole file. ``cost`` is what the piece holds of the budget; who is done with it gives
    it back.
    """

    index: int
    offset: int
    data: bytes
    size: int
    cost: int

    @property
    def is_first(self) -> bool:
        return self.offset == 0

    @property
    def is_last(self) -> bool:
        return self.offset + len(self.data) == self.size


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of one file for one reader: a known range, or all of a file of unknown size (none)."""

    index: int
    file: SourceFile
    offset: int
    length: int | None
    piece_bytes: int

    @property
    def cost(self) -> int:
        """Bytes to take from the budget before it is read."""
        return self.piece_bytes if self.length is None else self.length


def cut(files: Sequence[SourceFile], piece_bytes: int) -> Iterator[Part]:
    """Parts of at most ``piece_bytes`` of all files, in order."""
    for index, file in enumerate(files):
        if file.size is None:
            yield Part(index, file, 0, None, piece_bytes)
            continue
        for offset in range(0, max(file.size, 1), piece_bytes):
            yield Part(index, file, offset, min(piece_bytes, file.size - offset), piece_bytes)


class PartReader:
    """Reads parts through one reader, which it turns to another file only when it must. For one thread."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._index: int | None = None
        self._size = 0

    def pieces(self, part: Part) -> Iterator[Piece]:
        """One piece of a known range, all pieces of a file of unknown size.

        Raises:
            ChecksumMismatch: the file does not have the bytes that OMERO's record says it has.
        """
        if part.index != self._index:
            self._turn_to(part)
        end = self._size if part.length is None else part.offset + part.length
        for offset in range(part.offset, max(end, part.offset + 1), part.piece_bytes):
            length = min(part.piece_bytes, end - offset)
            is_end_of_part = offset + length == end
            yield Piece(
                part.index,
                offset,
                self._read(part.file, offset, length),
                self._size,
                part.cost if is_end_of_part else 0,
            )

    def _turn_to(self, part: Part) -> None:
        self._index = None
        self._size = self._reader.open(part.file)
        if part.file.size not in (None, self._size):
            raise ChecksumMismatch(
                f"{part.file} has {self._size} bytes, but OMERO's record says {part.file.size}.",
                hint="The file on OMERO's disk is damaged or was replaced; ask the administrator of OMERO.",
            )
        self._index = part.index

    def _read(self, file: SourceFile, offset: int, length: int) -> bytes:
        data = self._reader.read_at(offset, length) if length else b""
        if len(data) != length:
            raise ChecksumMismatch(f"{file} ended early, at byte {offset + len(data)} of {self._size}.")
        return data
