"""The directory at the end of a zip, read without trust (APPNOTE 6.3.10, 4.3.12 to 4.3.16).

Programs differ in where they look for the directory when a file has two, or begins or ends with something
else. Such files are refused: what we check has to be what others unpack.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet import zip_format as z
from omero_irods_bridge.packet.contents import CHUNK_BYTES, read_exactly
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.reading import Limits, check_count
from omero_irods_bridge.ports import ByteSource

TAIL_BYTES: Final = z.COMMENT_BYTES + z.END.size + z.LOCATOR.size + z.END64.size
"""The end record is within this, with the longest comment."""
_HIDDEN: Final = {
    z.FLAG_ENCRYPTED: "encrypted",
    z.FLAG_STRONG_ENCRYPTION: "encrypted",
    z.FLAG_MASKED: "encrypted",
    z.FLAG_PATCH: "a patch of another file",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the directory. ``offset`` is of its local header; ``mode`` is of Unix, 0 for none."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc32: int
    compressed: int
    size: int
    offset: int
    mode: int
    is_folder: bool


@dataclass(frozen=True, slots=True)
class _End:
    entries: int
    size: int
    offset: int


def read_directory(source: ByteSource, limits: Limits) -> tuple[list[Entry], int]:
    """The rows of the directory in its order, and its offset, where the members end.

    Reads the last 64 KiB of the file and the directory. Names are not checked yet.

    Raises:
        BadPacket: this is no zip, not a whole one, or one that programs read differently.
    """
    tail_start = max(0, source.size - TAIL_BYTES)
    tail = read_exactly(source, tail_start, source.size - tail_start, "the end of its directory")
    position = _find_end(tail)
    end = _read_end(tail, position, tail_start)
    check_count(end.entries, limits)
    if end.size > limits.directory_bytes or end.entries * z.CENTRAL.size > end.size:
        raise BadPacket(f"The zip's directory of {end.size:,} bytes cannot have {end.entries:,} entries.")
    directory = _read(source, tail, tail_start, end)
    return list(_entries(directory, end.entries)), end.offset


def _find_end(tail: bytes) -> int:
    """Where the one end record is."""
    places = [place for place in _all_places(tail, z.END_SIGNATURE) if _reaches_end(tail, place)]
    if not places:
        raise BadPacket("This is no zip, or its end is missing.", hint="Copy it again, and compare sizes.")
    if tail.find(z.END_SIGNATURE, places[0] + 1) >= 0:
        raise BadPacket("The zip has a second directory hidden in its comment.")
    return places[0]


def _all_places(data: bytes, signature: bytes) -> Iterator[int]:
    place = data.find(signature)
    while place >= 0:
        yield place
        place = data.find(signature, place + 1)


def _reaches_end(tail: bytes, place: int) -> bool:
    if place + z.END.size > len(tail):
        return False
    comment = int.from_bytes(tail[place + z.END.size - 2 : place + z.END.size], "little")
    return place + z.END.size + comment == len(tail)


def _read_end(tail: bytes, position: int, tail_start: int) -> _End:
    _, disk, start_disk, here, entries, size, offset, _ = z.END.unpack_from(tail, position)
    end, directory_end = _End(entries, size, offset), tail_start + position
    locator = position - z.LOCATOR.size
    if locator >= 0 and tail.startswith(z.LOCATOR_SIGNATURE, locator):
        end, directory_end = _read_end64(tail, locator, tail_start, end)
        disk, start_disk = disk % z.FULL16, start_disk % z.FULL16
    elif here != entries:
        disk = 1
    if disk or start_disk:
        raise BadPacket("The zip is one of several disks.", hint="Join it into one file.")
    if end.offset + end.size != directory_end:
        raise BadPacket("The zip's directory is not where its end says: there is something before it.")
    return end


def _read_end64(tail: bytes, locator: int, tail_start: int, short: _End) -> tuple[_End, int]:
    """The zip64 end record, which has to be just before its locator, and its offset."""
    place = locator - z.END64.size
    _, disk, offset64, disks = z.LOCATOR.unpack_from(tail, locator)
    if place < 0 or not tail.startswith(z.END64_SIGNATURE, place) or offset64 != tail_start + place:
        raise BadPacket("The zip's zip64 end is not where it should be.")
    _, length, _, _, this, start, here, entries, size, offset = z.END64.unpack_from(tail, place)
    if disk or disks > 1 or this or start or here != entries:
        raise BadPacket("The zip is one of several disks.", hint="Join it into one file.")
    end = _End(entries, size, offset)
    if length != z.END64.size - 12 or not _agree(short, end):
        raise BadPacket("The zip's end and its zip64 end disagree.")
    return end, offset64


def _agree(short: _End, end: _End) -> bool:
    """Each short field is full or has the value itself."""
    return (
        short.entries in {z.FULL16, end.entries}
        and short.size in {z.FULL32, end.size}
        and short.offset in {z.FULL32, end.offset}
    )


def _read(source: ByteSource, tail: bytes, tail_start: int, end: _End) -> bytes:
    if end.offset >= tail_start:
        return tail[end.offset - tail_start :][: end.size]
    pieces = range(end.offset, end.offset + end.size, CHUNK_BYTES)
    stop = end.offset + end.size
    return b"".join(read_exactly(source, at, min(CHUNK_BYTES, stop - at), "its directory") for at in pieces)


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    position = 0
    for _ in range(count):
        if position + z.CENTRAL.size > len(directory):
            raise BadPacket("The zip's directory has fewer entries than its end says.")
        fields = z.CENTRAL.unpack_from(directory, position)
        name_at = position + z.CENTRAL.size
        extra_at = name_at + fields[10]
        position = extra_at + fields[11] + fields[12]
        if fields[0] != z.CENTRAL_SIGNATURE or position > len(directory):
            raise BadPacket("The zip's directory is damaged.")
        raw_name = directory[name_at:extra_at]
        yield _entry(fields, raw_name, directory[extra_at : extra_at + fields[11]])
    if position != len(directory):
        raise BadPacket("The zip's directory has more entries than its end says.")


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Entry:
    extras = read_extras(extra, raw_name)
    name = _decode(raw_name, extras, utf8=bool(fields[3] & z.FLAG_UTF8))
    _check_kind(name, fields[3], fields[4])
    sizes = {"size": fields[9], "compressed": fields[8], "offset": fields[16]}
    size, compressed, offset = widened(name, sizes, extras.get(z.ZIP64_TAG, b""))
    if fields[13] not in {0, z.FULL16}:
        raise BadPacket(f"{quoted(name)} is on another disk of the zip.")
    return Entry(
        name.removesuffix("/"),
        raw_name,
        flags=fields[3],
        method=fields[4],
        crc32=fields[7],
        compressed=compressed,
        size=size,
        offset=offset,
        mode=fields[15] >> 16,
        is_folder=name.endswith("/"),
    )


def _check_kind(name: str, flags: int, method: int) -> None:
    for flag, what in _HIDDEN.items():
        if flags & flag:
            raise BadPacket(f"{quoted(name)} is {what}.", hint="Make the packet again without that.")
    if method not in {z.STORED, z.DEFLATED}:
        raise BadPacket(
            f"{quoted(name)} is compressed by method {method}, which is not read.",
            hint="Make the packet again, stored or deflated.",
        )


def read_extras(extra: bytes, raw_name: bytes) -> dict[int, bytes]:
    """The extra fields of a record by tag.

    Raises:
        BadPacket: they are not well-formed, or one is there twice.
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(extra):
        tag, length = z.EXTRA.unpack_from(extra.ljust(position + z.EXTRA.size, b"\0"), position)
        position += z.EXTRA.size
        if position + length > len(extra) or tag in found:
            raise BadPacket(f"The extra fields of {_shown(raw_name)} are damaged.")
        found[tag] = extra[position : position + length]
        position += length
    return found


def widened(name: str, sizes: Mapping[str, int], zip64: bytes) -> tuple[int, ...]:
    """The sizes, from the zip64 field where the short ones are full: it has only those, in this order.

    Raises:
        BadPacket: the field has too few.
    """
    values, position = [], 0
    for what, value in sizes.items():
        if value == z.FULL32 and zip64:
            if position + 8 > len(zip64):
                raise BadPacket(f"The zip64 {what} of {quoted(name)} is missing.")
            value = struct.unpack_from("<Q", zip64, position)[0]  # noqa: PLW2901 - the same value, wider
            position += 8
        values.append(value)
    return tuple(values)


def _decode(raw: bytes, extras: dict[int, bytes], *, utf8: bool) -> str:
    """UTF-8 whatever the flag says (macOS and Info-ZIP do not set it); anything else has no one reading."""
    other = _unicode_path(raw, extras)
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        if other is None or utf8:
            raise BadPacket(f"The name {_shown(raw)} is not UTF-8.", hint="Make it again.") from None
        return other
    if other not in {None, name}:
        raise BadPacket(f"{quoted(name)} has a second name in its Unicode field.")
    return name


def _unicode_path(raw: bytes, extras: dict[int, bytes]) -> str | None:
    """The name in Info-ZIP's field 0x7075, which counts only while the CRC of the other name fits (4.6.9)."""
    field = extras.get(z.UNICODE_PATH_TAG, b"")
    if len(field) < 5 or field[0] != 1 or int.from_bytes(field[1:5], "little") != zlib.crc32(raw):
        return None
    try:
        return field[5:].decode()
    except UnicodeDecodeError:
        return None


def _shown(raw: bytes) -> str:
    return quoted(raw.decode(errors="backslashreplace"))
