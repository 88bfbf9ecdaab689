"""The layout of a zip that is written as runs of bytes at places known beforehand. No I/O.

Data members are stored, their size is known and their CRC is not: it follows the data in a descriptor, whose
length size and place of the member decide. So the place of each byte of each data member is known before the
first is sent (:func:`places`), and several streams can write one object.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from omero_irods_bridge.packet import zip_format as z
from omero_irods_bridge.packet.deflating import Deflated
from omero_irods_bridge.packet.names import NameSet

DOS_EPOCH: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""The earliest time that a zip can name."""
LARGEST_MEMBER: Final = 2**63 - 1
"""In bytes: sizes of OMERO and iRODS are signed 64-bit numbers."""

_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a data member of known size goes, in bytes from the start of the zip.

    The local header is at [``start``, ``data``), the data follow, the descriptor is at
    [``descriptor``, ``end``).
    """

    name: str
    start: int
    data: int
    descriptor: int
    end: int


def places(members: Iterable[tuple[str, int]], start: int = 0) -> Iterator[Place]:
    """Where data members (name, size) go that are written in this order from ``start``."""
    for name, size in members:
        place = _place(name, size, start)
        yield place
        start = place.end


def planned_size(members: Iterable[tuple[str, int]]) -> int:
    """The size of a zip of just these data members (name, size), its directory included."""
    layout = ZipLayout()
    for name, size in members:
        layout.begin(name, size)
        layout.end(0)
    layout.finish()
    return layout.position


class ZipLayout:
    """Gives the bytes of a zip except for the data of its members, in order; one thread.

    The caller writes each run that it gets at the ``position`` from before the call, and the data of a member
    after ``begin``, of just the size that it announced. Equal calls give equal bytes.

    Args:
        time: of all members; a zip has it in steps of two seconds, from 1980 to 2107, without a zone: UTC.
        start: where the first member goes; the form of a member depends on its place.
    """

    def __init__(self, time: datetime = DOS_EPOCH, *, start: int = 0) -> None:
        self._time = _dos_time(time)
        self._position = start
        self._names = NameSet()
        self._directory: list[bytes] = []
        self._open: _Entry | None = None
        self._finished = False

    @property
    def position(self) -> int:
        """Where the next byte goes: the next header, or the data of the member that was begun."""
        return self._position

    def begin(self, name: str, size: int) -> bytes:
        """The header of a stored member, whose data follow at ``position``.

        Raises:
            BadName: the name is bad or clashes with an earlier one (names.py).
        """
        self._check_between_members()
        if not 0 <= size <= LARGEST_MEMBER:
            raise ValueError(f"{name} cannot have a size of {size} bytes")
        self._names.add(name)
        self._open = _Entry(name, z.STORED, self._time, self._position, size, size, None)
        header = self._open.local()
        self._position += len(header)
        return header

    def end(self, crc32: int) -> bytes:
        """What follows the data of the member that was begun; the run goes to ``Place.descriptor``."""
        if self._open is None:
            raise ValueError("no member was begun")
        entry, self._open = self._open, None
        descriptor = entry.descriptor(crc32)
        self._directory.append(entry.central(crc32))
        self._position += entry.size + len(descriptor)
        return descriptor

    def whole(self, name: str, content: Deflated) -> tuple[bytes, ...]:
        """A deflated member in runs that follow each other; ``position`` is behind it afterwards.

        Raises:
            BadName: the name is bad or clashes with an earlier one (names.py).
        """
        self._check_between_members()
        self._names.add(name)
        compressed = content.compressed_size
        entry = _Entry(name, z.DEFLATED, self._time, self._position, compressed, content.size, content.crc32)
        header = entry.local()
        self._directory.append(entry.central(content.crc32))
        self._position += len(header) + compressed
        return (header, *content.chunks)

    def finish(self) -> bytes:
        """The directory and the end of the zip; nothing may be added afterwards."""
        self._check_between_members()
        self._finished = True
        directory = b"".join(self._directory)
        end = _end(len(self._directory), len(directory), self._position)
        self._position += len(directory) + len(end)
        return directory + end

    def _check_between_members(self) -> None:
        if self._finished:
            raise ValueError("the zip is finished")
        if self._open is not None:
            raise ValueError(f"{self._open.name} was begun and not ended")


class _Entry(NamedTuple):
    """A member; ``crc32`` is none where it follows the data."""

    name: str
    method: int
    time: tuple[int, int]
    start: int
    compressed: int
    size: int
    crc32: int | None

    @property
    def _flags(self) -> int:
        return z.FLAG_UTF8 | (z.FLAG_DESCRIPTOR if self.crc32 is None else 0)

    @property
    def _is_big(self) -> bool:
        return max(self.size, self.compressed) >= z.FULL32

    @property
    def _is_wide(self) -> bool:
        """Whether 32 bits are not enough for a size or for the offset.

        Then all sizes of it have 64, in the directory and in the descriptor. Info-ZIP's unzip expects this:
        it reckons the length of the descriptor from the directory, and takes a zip for a bomb where that is
        wrong (madler/unzip pull request 9).
        """
        return self._is_big or self.start >= z.FULL32

    @property
    def _sizes(self) -> bytes:
        return struct.pack("<2Q", self.size, self.compressed)

    def local(self) -> bytes:
        """With a descriptor CRC and sizes are zero here, in the zip64 field too (4.4.4)."""
        if self.crc32 is None:
            sizes, values = bytes(16) if self._is_wide else b"", (0, 0, 0)
        else:
            sizes, values = self._sizes if self._is_big else b"", (self.crc32, self.compressed, self.size)
        return self._record(
            z.LOCAL,
            (z.LOCAL_SIGNATURE, _version(sizes)),
            (values[0], z.FULL32, z.FULL32) if sizes else values,
            _zip64(sizes),
        )

    def descriptor(self, crc32: int) -> bytes:
        """Its sizes are 8 bytes long where the local header has a zip64 field (4.3.9.2)."""
        record = z.DESCRIPTOR64 if self._is_wide else z.DESCRIPTOR
        return record.pack(z.DESCRIPTOR_SIGNATURE, crc32, self.compressed, self.size)

    def central(self, crc32: int) -> bytes:
        sizes = self._sizes if self._is_wide else b""
        offset = struct.pack("<Q", self.start) if self.start >= z.FULL32 else b""
        version = _version(sizes + offset)
        return self._record(
            z.CENTRAL,
            (z.CENTRAL_SIGNATURE, z.MADE_BY_UNIX | version, version),
            (crc32, z.FULL32, z.FULL32) if sizes else (crc32, self.compressed, self.size),
            _zip64(sizes + offset),
            (0, 0, 0, _MODE, min(self.start, z.FULL32)),
        )

    def _record(
        self,
        record: struct.Struct,
        first: tuple[bytes | int, ...],
        sizes: tuple[int, int, int],
        extra: bytes,
        last: tuple[int, ...] = (),
    ) -> bytes:
        name = self.name.encode()
        fields = (*first, self._flags, self.method, *self.time, *sizes, len(name), len(extra), *last)
        return record.pack(*fields) + name + extra


def _version(zip64: bytes) -> int:
    return z.VERSION64 if zip64 else z.VERSION


def _zip64(fields: bytes) -> bytes:
    return z.EXTRA.pack(z.ZIP64_TAG, len(fields)) + fields if fields else b""


def _place(name: str, size: int, start: int) -> Place:
    entry = _Entry(name, z.STORED, (0, 0), start, size, size, None)
    data = start + len(entry.local())
    return Place(name, start, data, data + size, data + size + len(entry.descriptor(0)))


def _dos_time(time: datetime) -> tuple[int, int]:
    """Time and date as MS-DOS has them; what lies outside of its range becomes its nearest end."""
    utc = time.astimezone(UTC)
    if utc.year < 1980:
        utc = DOS_EPOCH
    if utc.year > 2107:
        utc = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
    return utc.hour << 11 | utc.minute << 5 | utc.second // 2, (
        utc.year - 1980
    ) << 9 | utc.month << 5 | utc.day


def _end(entries: int, size: int, offset: int) -> bytes:
    end64 = b""
    if entries >= z.FULL16 or max(size, offset) >= z.FULL32:
        end64 = z.END64.pack(
            z.END64_SIGNATURE,
            z.END64.size - 12,
            z.MADE_BY_UNIX | z.VERSION64,
            z.VERSION64,
            0,
            0,
            entries,
            entries,
            size,
            offset,
        ) + z.LOCATOR.pack(z.LOCATOR_SIGNATURE, 0, offset + size, 1)
    short = min(entries, z.FULL16)
    return end64 + z.END.pack(
        z.END_SIGNATURE, 0, 0, short, short, min(size, z.FULL32), min(offset, z.FULL32), 0
    )
