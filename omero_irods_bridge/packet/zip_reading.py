"""A zip as a packet: its directory checked as a whole, each local header when its member is opened."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet import zip_format as z
from omero_irods_bridge.packet.contents import Content, Inflated, Stored, Window, read_exactly
from omero_irods_bridge.packet.names import NameSet, quoted
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, Container, Limits, Member, Packet, without_dot
from omero_irods_bridge.packet.zip_directory import Entry, read_directory, read_extras, widened
from omero_irods_bridge.ports import ByteSource


def zip_packet(source: ByteSource, *, limits: Limits = DEFAULT_LIMITS) -> Packet:
    """Open a zip; reads its last 64 KiB and its directory, whatever its size.

    Raises:
        BadPacket: it is damaged, hostile, or of a kind that is not read.
        BadName: a name in it is unsafe, or two clash.
    """
    entries, members_end = read_directory(source, limits)
    for entry in entries:
        _check_kind(entry)
        _check_sizes(entry, members_end)
    _check_ratios(entries, limits)
    names = _named(entries)
    ends = _ends(entries, members_end)
    members = (
        Member(name, entry.size, _ZipMember(source, entry, name, ends[entry.offset]).open)
        for entry, name in names
        if not entry.is_folder
    )
    return Packet(Container.ZIP, members)


_DESCRIPTORS: Final = frozenset({12, 16, 20, 24})
"""Lengths of a data descriptor: with or without a signature, of short or of wide sizes."""
_FLAGS: Final = z.FLAG_ENCRYPTED | z.FLAG_STRONG_ENCRYPTION | z.FLAG_MASKED | z.FLAG_PATCH | z.FLAG_DESCRIPTOR


@dataclass(frozen=True, slots=True)
class _ZipMember:
    """A member before its local header was read. ``end`` is where the next one begins."""

    source: ByteSource
    entry: Entry
    name: str
    end: int

    def open(self) -> Content:
        data = self._check_header()
        entry = self.entry
        rest = self.end - data - entry.compressed
        if rest < 0:
            raise BadPacket(f"{quoted(self.name)} overlaps what follows it in the zip.")
        if rest not in (_DESCRIPTORS if entry.flags & z.FLAG_DESCRIPTOR else {0}):
            raise BadPacket(f"There are {rest:,} bytes behind {quoted(self.name)} that belong to nothing.")
        window = Window(self.source, data, entry.compressed)
        if entry.method == z.STORED:
            return Stored(self.name, window, entry.crc32)
        return Inflated(self.name, window, entry.size, entry.crc32)

    def _check_header(self) -> int:
        """Where the data begin, if the local header agrees with the directory."""
        entry, what = self.entry, f"the header of {quoted(self.name)}"
        header = read_exactly(self.source, entry.offset, z.LOCAL.size + len(entry.raw_name), what)
        fields = z.LOCAL.unpack_from(header)
        name_length, extra_length = int(fields[9]), int(fields[10])
        data = entry.offset + z.LOCAL.size + name_length + extra_length
        if fields[0] != z.LOCAL_SIGNATURE or data > self.end:
            raise BadPacket(f"There is no header of {quoted(self.name)} where the zip's directory says.")
        if name_length != len(entry.raw_name) or header[z.LOCAL.size :] != entry.raw_name:
            raise BadPacket(f"{quoted(self.name)} has another name in its own header.")
        extra_at = entry.offset + len(header)
        extra = read_exactly(self.source, extra_at, extra_length, what) if extra_length else b""
        if fields[3] != entry.method or (fields[2] ^ entry.flags) & _FLAGS:
            raise BadPacket(f"{quoted(self.name)} is packed differently by its own header.")
        self._check_local_sizes(fields[6:9], read_extras(extra, entry.raw_name).get(z.ZIP64_TAG, b""))
        return data

    def _check_local_sizes(self, short: tuple[int, int, int], zip64: bytes) -> None:
        """CRC, compressed size and size; with a descriptor each may be zero."""
        entry = self.entry
        size, compressed = widened(self.name, {"size": short[2], "compressed": short[1]}, zip64)
        right = (entry.crc32, entry.compressed, entry.size)
        later = bool(entry.flags & z.FLAG_DESCRIPTOR)
        for said, true in zip((short[0], compressed, size), right, strict=True):
            if said != true and not (later and said == 0):
                raise BadPacket(f"{quoted(self.name)} has other sizes or another CRC in its own header.")


def _check_kind(entry: Entry) -> None:
    """Files and folders only; without a mode it is what its name says."""
    kind = stat.S_IFMT(entry.mode)
    if kind and kind != (stat.S_IFDIR if entry.is_folder else stat.S_IFREG):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise BadPacket(f"{quoted(entry.name)} is {what}.", hint="A packet has files and folders only.")


def _check_sizes(entry: Entry, members_end: int) -> None:
    if entry.is_folder and entry.size:
        raise BadPacket(f"The folder {quoted(entry.name)} has {entry.size:,} bytes.")
    if entry.method == z.STORED and entry.size != entry.compressed:
        raise BadPacket(f"{quoted(entry.name)} is stored, and has two sizes.")
    if _least_end(entry) > members_end:
        raise BadPacket(f"{quoted(entry.name)} reaches beyond the members of the zip.")


def _least_end(entry: Entry) -> int:
    """Where its data end at the earliest: its header may have extra fields."""
    return entry.offset + z.LOCAL.size + len(entry.raw_name) + entry.compressed


def _check_ratios(entries: Sequence[Entry], limits: Limits) -> None:
    for entry in entries:
        if _is_bomb(entry.size, entry.compressed, limits):
            raise BadPacket(
                f"{quoted(entry.name)} would inflate from {entry.compressed:,} to {entry.size:,} bytes.",
                hint="That is a zip bomb, or an empty image: store it instead of deflating it.",
            )
    total, compressed = sum(entry.size for entry in entries), sum(entry.compressed for entry in entries)
    if _is_bomb(total, compressed, limits):
        raise BadPacket(f"The zip would inflate from {compressed:,} to {total:,} bytes.")


def _is_bomb(size: int, compressed: int, limits: Limits) -> bool:
    return size > limits.ratio_from_bytes and size > compressed * limits.ratio


def _named(entries: Iterable[Entry]) -> list[tuple[Entry, str]]:
    """The entries with their safe names; the folder of all, ``./``, is left out."""
    names, found = NameSet(portable=False), []
    for entry in entries:
        name = without_dot(entry.name)
        if entry.is_folder and name in {"", "."}:
            continue
        names.add_folder(name) if entry.is_folder else names.add(name)
        found.append((entry, name))
    return found


def _ends(entries: Sequence[Entry], members_end: int) -> dict[int, int]:
    """By the offset of each entry: where the next one begins."""
    ordered = sorted(entries, key=lambda entry: entry.offset)
    ends: dict[int, int] = {}
    if ordered and ordered[0].offset:
        raise BadPacket(f"There are {ordered[0].offset:,} bytes before the first member of the zip.")
    for entry, following in itertools.pairwise([*ordered, None]):
        assert entry is not None
        ends[entry.offset] = members_end if following is None else following.offset
        if _least_end(entry) > ends[entry.offset]:
            raise BadPacket(f"{quoted(entry.name)} overlaps what follows it in the zip.")
    return ends
