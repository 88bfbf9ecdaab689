"""The description of the first image of a TIFF, by three small reads: OME-TIFF keeps its XML there.

TIFF 6.0 and BigTIFF, as far as that goes: header, first directory, tag 270.
"""

from __future__ import annotations

import struct
from typing import Final

from omero_irods_bridge.ports import ByteSource

DESCRIPTION_BYTES: Final = 64 << 10
"""That are read at most, from the start, unless more are asked for."""

_TAG: Final = 270
_MOST_ENTRIES: Final = 4096


def tiff_description(
    source: ByteSource, *, furthest: int | None = None, most: int = DESCRIPTION_BYTES
) -> bytes | None:
    """The first bytes of the description, ``most`` of them; none where there is none, or this is no TIFF.

    A directory or description that begins beyond ``furthest`` bytes is not read.
    """
    try:
        return _Tiff(source, source.size if furthest is None else furthest, most).description()
    except struct.error:  # it ends too soon
        return None


class _Tiff:
    def __init__(self, source: ByteSource, furthest: int, most: int) -> None:
        self._source, self._furthest, self._most = source, furthest, most
        self._order, self._is_big = "<", False

    def description(self) -> bytes | None:
        directory = self._directory()
        if directory is None or directory > self._furthest:
            return None
        count_form, entry_form = ("Q", "HHQ8s") if self._is_big else ("H", "HHI4s")
        (count,) = self._read(directory, count_form)
        if count > _MOST_ENTRIES:
            return None
        start, size = directory + struct.calcsize("=" + count_form), struct.calcsize("=" + entry_form)
        entries = self._source.read_at(start, count * size)
        for tag, _type, length, value in struct.iter_unpack(self._order + entry_form, entries):
            if tag == _TAG:
                return self._value(length, value)
        return None

    def _directory(self) -> int | None:
        header = self._source.read_at(0, 16)
        orders = {b"II": "<", b"MM": ">"}
        if header[:2] not in orders:
            return None
        self._order = orders[header[:2]]
        (version,) = struct.unpack_from(self._order + "H", header, 2)
        self._is_big = version == 43
        if version not in {42, 43}:
            return None
        form, place = ("Q", 8) if self._is_big else ("I", 4)
        return int(struct.unpack_from(self._order + form, header, place)[0])

    def _value(self, length: int, value: bytes) -> bytes | None:
        """Bytes: those of the entry itself where they fit."""
        if length <= len(value):
            return value[:length]
        (offset,) = struct.unpack(self._order + ("Q" if self._is_big else "I"), value)
        return self._source.read_at(offset, min(length, self._most)) if offset <= self._furthest else None

    def _read(self, offset: int, form: str) -> tuple[int, ...]:
        return struct.unpack(self._order + form, self._source.read_at(offset, struct.calcsize("=" + form)))
