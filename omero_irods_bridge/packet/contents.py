"""Bytes of a member inside of a packet: a window of it, or an inflated stream."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from omero_irods_bridge.model.errors import BadPacket, ChecksumMismatch
from omero_irods_bridge.ports import ByteSource

CHUNK_BYTES: Final = 1024 * 1024
"""How much is read, or handed out, at once at most."""


class Content(Protocol):
    """Where the bytes of one member are. Several threads may use it, each iterator is for one."""

    @property
    def size(self) -> int:
        """In bytes, as the packet says."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """All bytes in order, in chunks of ``CHUNK_BYTES`` at most; the end says whether they were right.

        Raises:
            BadPacket: there are more or fewer than ``size``.
            ChecksumMismatch: they are not those that were packed.
        """
        ...

    def source(self) -> ByteSource:
        """The bytes at places. Nothing is compared with a checksum."""
        ...


def read_exactly(source: ByteSource, offset: int, length: int, what: str) -> bytes:
    """Just these bytes.

    Raises:
        BadPacket: the source ends before them; ``what`` names what should have been there.
    """
    data = source.read_at(offset, length)
    if len(data) != length:
        raise BadPacket(f"The packet ends within {what}.", hint="It was not written or copied to its end.")
    return data


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a source, as a source."""

    whole: ByteSource
    start: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        return self.whole.read_at(self.start + offset, length) if length else b""


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes as they are; ``crc32`` is none where the packet has none."""

    name: str
    window: ByteSource
    crc32: int | None = None

    @property
    def size(self) -> int:
        return self.window.size

    def chunks(self) -> Iterator[bytes]:
        return checked(_pieces(self.window, self.name), self.name, self.size, self.crc32)

    def source(self) -> ByteSource:
        return self.window


@dataclass(frozen=True, slots=True)
class Inflated:
    """Bytes that a packet has in DEFLATE form; ``size`` and ``crc32`` are of the bytes before it."""

    name: str
    window: Window
    size: int
    crc32: int

    def chunks(self) -> Iterator[bytes]:
        return checked(_inflate(self.window, self.name), self.name, self.size, self.crc32)

    def source(self) -> ByteSource:
        """Going on is cheap, going back begins again at the start."""
        return InOrder(self)


class InOrder:
    """A ``ByteSource`` for those who read in order: the end says whether the bytes were right.

    It has the present chunk; several threads take turns. Going back begins again at the start. Where the
    packet has a sum that does not fit, the last bytes are an error (``Content.chunks``).
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._lock = threading.Lock()
        self._rewind()

    @property
    def size(self) -> int:
        return self._content.size

    def read_at(self, offset: int, length: int) -> bytes:
        with self._lock:
            if offset < self._start:
                self._rewind()
            try:
                return b"".join(self._parts(offset, min(offset + length, self.size)))
            except BaseException:
                self._rewind()  # a stream that failed cannot go on
                raise

    def _rewind(self) -> None:
        self._chunks = self._content.chunks()
        self._start, self._chunk = 0, b""

    def _parts(self, offset: int, end: int) -> Iterator[bytes]:
        while offset < end:
            part = self._chunk[offset - self._start : end - self._start]
            if part:
                yield part
                offset += len(part)
            else:
                self._start += len(self._chunk)
                self._chunk = next(self._chunks)


def checked(chunks: Iterator[bytes], name: str, size: int, crc32: int | None) -> Iterator[bytes]:
    """The chunks, and an error in the place of the first byte too many or of the end (:class:`Content`)."""
    done = crc = 0
    for chunk in chunks:
        done += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if done > size:
            raise BadPacket(f"{name!r} is longer than the {size:,} bytes that the packet says.")
        if done == size and crc32 is not None and crc != crc32:
            break  # the last chunk is not handed out: who counts bytes would take it for all
        yield chunk
    if done < size:
        raise BadPacket(f"{name!r} ends after {done:,} of {size:,} bytes.")
    if crc32 is not None and crc != crc32:
        raise ChecksumMismatch(
            f"{name!r} has the CRC {crc:08x}, and {crc32:08x} when it was packed.",
            hint="The packet was damaged: fetch it again, or use another replica.",
        )


def _pieces(source: ByteSource, name: str) -> Iterator[bytes]:
    for offset in range(0, source.size, CHUNK_BYTES):
        yield read_exactly(source, offset, min(CHUNK_BYTES, source.size - offset), repr(name))


def _inflate(window: Window, name: str) -> Iterator[bytes]:
    inflater, rest = zlib.decompressobj(-zlib.MAX_WBITS), window.size
    try:
        for piece in _pieces(window, name):
            if inflater.eof:
                break
            yield from _inflate_piece(inflater, piece)
            rest -= len(piece) - len(inflater.unused_data)
    except zlib.error as error:
        raise BadPacket(f"{name!r} cannot be inflated: {error}.") from error
    if not inflater.eof:
        raise BadPacket(f"{name!r} is compressed and its end is missing.")
    if rest:
        raise BadPacket(f"{name!r} is followed by {rest:,} bytes that belong to nothing.")


def _inflate_piece(inflater: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """A chunk of ``CHUNK_BYTES`` at most at a time, however much a piece would inflate to."""
    while piece or not inflater.eof:
        chunk = inflater.decompress(piece, CHUNK_BYTES)
        piece = inflater.unconsumed_tail
        if chunk:
            yield chunk
        if not piece and len(chunk) < CHUNK_BYTES:
            return
