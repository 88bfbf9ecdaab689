"""A plain tar as a packet (POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual "Basic Tar Format").

``tarfile`` is not used: it trusts the sizes in headers (CVE-2025-8194 among others), and we need no more of a
tar than where its files are. Opening reads each header, with whatever small members lie beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.contents import Stored, Window, read_exactly
from omero_irods_bridge.packet.names import NameSet, quoted
from omero_irods_bridge.packet.reading import (
    DEFAULT_LIMITS,
    Container,
    Limits,
    Member,
    Packet,
    check_count,
    without_dot,
)
from omero_irods_bridge.ports import ByteSource

BLOCK: Final = 512
READ_AHEAD: Final = 64 * 1024
EXTENDED_BYTES: Final = 1024 * 1024
"""Of a pax header or a long name at most."""
PADDING_BYTES: Final = 16 * 1024 * 1024
"""Zeros at the end at most; GNU tar fills up to 10 KiB, tapes to more."""

_FILES: Final = frozenset(b"0\x007")
_FOLDER: Final = ord("5")
_REFUSED: Final = {
    ord("1"): "a hard link",
    ord("2"): "a symbolic link",
    ord("3"): "a device",
    ord("4"): "a device",
    ord("6"): "a FIFO",
    ord("S"): "a sparse file",
}


def is_tar(first: bytes) -> bool:
    """Whether this first block is a header of a tar."""
    return len(first) >= BLOCK and any(first[:BLOCK]) and _checksum_fits(first[:BLOCK])


def tar_packet(source: ByteSource, *, limits: Limits = DEFAULT_LIMITS) -> Packet:
    """Open a tar; reads all its headers, so a small read for each large member.

    Raises:
        BadPacket: it is damaged, hostile, or of a kind that is not read.
        BadName: a name in it is unsafe, or two clash.
    """
    names = NameSet(portable=False)
    members: list[Member] = []
    for number, header in enumerate(_headers(source), 1):
        check_count(number, limits)
        name = without_dot(header.name.removesuffix("/") if header.is_folder else header.name)
        if header.is_folder and name in {"", "."}:
            continue
        if header.is_folder:
            names.add_folder(name)
            continue
        names.add(name)
        members.append(_member(name, Window(source, header.data, header.size)))
    return Packet(Container.TAR, members)


def _member(name: str, window: Window) -> Member:
    content = Stored(name, window)
    return Member(name, window.size, lambda: content)


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    size: int
    data: int
    is_folder: bool


@dataclass(slots=True)
class _Extended:
    """What the headers before a header say of it."""

    values: dict[str, str] = field(default_factory=dict)

    def add(self, kind: int, data: bytes) -> None:
        if kind == ord("L"):
            self.values["path"] = _text(data.rstrip(b"\0"))
        elif kind in b"xg":
            found = dict(_records(data))
            if kind == ord("g") and not found.keys().isdisjoint({"path", "size"}):
                raise BadPacket("The tar gives all its members one name or size.")
            if any(key.startswith(("GNU.sparse.", "SCHILY.realsize")) for key in found):
                raise BadPacket("The tar has a sparse file.", hint="Make it again without --sparse.")
            self.values.update(found if kind == ord("x") else {})


def _headers(source: ByteSource) -> Iterator[_Header]:
    reader, position, extended = _ReadAhead(source), 0, _Extended()
    while any(block := reader.block(position)):
        if not _checksum_fits(block):
            raise BadPacket(f"The tar has no header at byte {position:,}, where one should be.")
        kind, data = block[156], position + BLOCK
        size = _number(block[124:136])
        if kind in b"xgLK":
            extended.add(kind, _extended_data(reader, data, size))
            position = data + _padded(size)
            continue
        header = _header(block, kind, data, extended.values)
        position = data + _padded(header.size)
        _check_end(header, position, source.size)
        extended = _Extended()
        yield header
    if extended.values:
        raise BadPacket("The tar ends in the middle of a header.")
    _check_padding(source, position)


def _header(block: bytes, kind: int, data: int, extended: dict[str, str]) -> _Header:
    name = extended.get("path") or _ustar_name(block)
    if kind in _REFUSED:
        raise BadPacket(f"{quoted(name)} is {_REFUSED[kind]}.", hint="A packet has files and folders only.")
    if kind not in _FILES and kind != _FOLDER:
        raise BadPacket(f"{quoted(name)} is of the unknown kind {chr(kind)!r}.")
    size = _decimal(extended["size"]) if "size" in extended else _number(block[124:136])
    # Before POSIX.1-1988 a folder was a file whose name ends in a slash.
    is_folder = kind == _FOLDER or name.endswith("/")
    if is_folder and size:
        raise BadPacket(f"The folder {quoted(name)} has {size:,} bytes.")
    return _Header(name, size, data, is_folder)


def _check_end(header: _Header, end: int, whole: int) -> None:
    if end > whole:
        raise BadPacket(f"{quoted(header.name)} reaches beyond the end of the tar.")


def _check_padding(source: ByteSource, position: int) -> None:
    """Two blocks of zeros, and more zeros: other programs may go on reading behind an end."""
    length = source.size - position
    if length < 2 * BLOCK or length > PADDING_BYTES:
        raise BadPacket(
            "The tar has no proper end.", hint="It was not copied to its end, or has a second tar."
        )
    if any(read_exactly(source, position, length, "its end")):
        raise BadPacket("The tar has something behind its end.")


class _ReadAhead:
    """Blocks of a source that are read in order, several at once."""

    def __init__(self, source: ByteSource) -> None:
        self._source, self._start, self._data = source, 0, b""

    def block(self, position: int) -> bytes:
        return self.read(position, BLOCK)

    def read(self, position: int, length: int) -> bytes:
        if not (self._start <= position and position + length <= self._start + len(self._data)):
            self._start, self._data = position, self._source.read_at(position, max(length, READ_AHEAD))
        part = self._data[position - self._start :][:length]
        if len(part) != length:
            raise BadPacket("The tar ends without an end mark.", hint="It was not copied to its end.")
        return part


def _extended_data(reader: _ReadAhead, position: int, size: int) -> bytes:
    if size > EXTENDED_BYTES:
        raise BadPacket(f"The tar has an extended header of {size:,} bytes.")
    return reader.read(position, size) if size else b""


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """The ``length key=value`` lines of a pax header."""
    while data:
        digits, blank, _ = data[:12].partition(b" ")
        length = int(digits) if blank and digits.isdigit() else 0
        record, data = data[:length], data[length:]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not equals or len(record) != length or record[-1:] != b"\n":
            raise BadPacket("The tar has a damaged extended header.")
        yield _text(key), _text(value)


def _ustar_name(block: bytes) -> str:
    """The name; POSIX puts its beginning into the prefix, GNU has something else there."""
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        shown = quoted(raw.decode(errors="backslashreplace"))
        raise BadPacket(
            f"{shown} in the tar is not UTF-8.", hint="Make it again with --format=pax."
        ) from None


def _number(raw: bytes) -> int:
    """Octal digits, or 95 bits after a mark; negative ones stand for nothing that we take."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big", signed=False) & ((1 << (8 * len(raw) - 1)) - 1)
        if raw[0] == 0xFF or value >= 1 << 63:
            raise BadPacket("The tar has a negative or absurd size.")
        return value
    digits = raw.strip(b" \0")
    if set(digits) - set(b"01234567"):
        raise BadPacket("The tar has a size that is no number.")
    return int(digits or b"0", 8)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadPacket("The tar has a size that is no number.")
    return int(text)


def _checksum_fits(block: bytes) -> bool:
    """The sum of the header's bytes with its own field as blanks."""
    try:
        said = _number(block[148:156])
    except BadPacket:
        return False
    return said == sum(block[:148]) + 8 * ord(" ") + sum(block[156:])


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
