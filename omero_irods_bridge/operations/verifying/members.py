"""The members of a packet, held against its manifest, one byte after the other where that is asked for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BadName, BadPacket, BridgeError, ChecksumMismatch, NotFound
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.verification import Finding, Problem
from omero_irods_bridge.packet.contents import CHUNK_BYTES
from omero_irods_bridge.packet.graph import id_of, lines_of, read_jsonl
from omero_irods_bridge.packet.manifest import ManifestMember
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, Packet
from omero_irods_bridge.ports import ByteSource

PACK_AGAIN: Final = "Pack the objects again while OMERO has them."


class Meter:
    """Counts the bytes that were compared, tells of them, and stops when that was asked for; one thread."""

    def __init__(self, report: Report, cancel: CancelToken) -> None:
        self._report, self._cancel = report, cancel
        self.by_server = self.read = 0
        self._step: Step | None = None
        self._goes_on = False
        self._bytes = self._items = 0

    def begin(self, step: Step) -> None:
        """What is counted from now on belongs to this step."""
        self._step, self._bytes, self._items, self._goes_on = step, 0, 0, False
        self._report(step)

    @contextmanager
    def within(self, step: Step, *, worth: int = 0) -> Iterator[None]:
        """Something that the present step needs: it goes on afterwards, ``worth`` bytes further.

        That it goes on is told when there is more to count.
        """
        outer, done, items = self._step, self._bytes, self._items
        self.begin(step)
        try:
            yield
        finally:
            self._step, self._bytes, self._items = outer, done + worth, items
            self._goes_on = outer is not None

    def check(self) -> None:
        """Raises Interrupted when the work shall stop."""
        self._cancel.check()

    def count(self, *, by_server: int = 0, read: int = 0, items: int = 0) -> None:
        """Some bytes or things more.

        Raises:
            Interrupted: the work shall stop.
        """
        self.by_server += by_server
        self.read += read
        self._bytes += by_server + read
        self._items += items
        if self._goes_on and self._step is not None:
            self._report(self._step)
            self._goes_on = False
        self._report(Progress(self._bytes, self._items))
        self.check()


class ImagesOf:
    """Which images need a member, by their ids. The graph is read when it is asked for the first time."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet

    def __call__(self, member: ManifestMember) -> tuple[int, ...]:
        """None when no image needs it, or the graph cannot be read."""
        if member.role is FileRole.PIXELS and member.id is not None:
            return (member.id,)
        return () if member.fileset is None else self._by_fileset.get(member.fileset.id, ())

    @cached_property
    def _by_fileset(self) -> Mapping[int, tuple[int, ...]]:
        found: dict[int, list[int]] = defaultdict(list)
        try:
            _, graph = read_jsonl(lines_of(self._packet.chunks(GRAPH)))
            for image in graph.rows("Image"):
                if image.get("fileset"):
                    found[id_of(image["fileset"])].append(id_of(image["@"]))
        except BridgeError as error:
            if not is_about_data(error):
                raise
        return {fileset: tuple(sorted(images)) for fileset, images in found.items()}


def check_members(
    path: str, listed: Iterable[ManifestMember], sizes: Mapping[str, int], images: ImagesOf
) -> Iterator[Finding]:
    """Where the manifest and the packet at ``path`` do not agree; ``sizes`` are of all members by path."""
    extra = set(sizes) - {MANIFEST}
    for member in listed:
        name = member.path
        extra.discard(name)
        if name not in sizes:
            text = f"{name} is in the manifest and not in {path}."
            yield Finding(Problem.MISSING, path, text, PACK_AGAIN, member=name, images=images(member))
        elif sizes[name] != member.size:
            text = f"{name} in {path} has {sizes[name]:,} bytes, {member.size:,} by the manifest."
            yield Finding(Problem.DIFFERS, path, text, PACK_AGAIN, member=name, images=images(member))
    for name in sorted(extra):
        text = f"{name} is in {path} and not in the manifest."
        yield Finding(Problem.DIFFERS, path, text, "Somebody added it: see what it is.", member=name)


def damage(packet: Packet, member: ManifestMember, meter: Meter) -> str | None:
    """What is wrong with the bytes of a member, as a sentence; none for nothing.

    Raises:
        BridgeError: it could not be found out.
    """
    try:
        found = sha256_of(packet.source(member.path), meter)
    except BridgeError as error:
        if not is_about_data(error):
            raise
        return error.message
    return None if found == member.sha256 else f"Its SHA-256 is {found}, not {member.sha256}."


def damage_by_crc(packet: Packet, path: str, meter: Meter) -> str | None:
    """What the CRC that the packet has of a member says of its bytes, like :func:`damage`."""
    try:
        for chunk in packet.chunks(path):
            meter.count(read=len(chunk))
    except BridgeError as error:
        if not is_about_data(error):
            raise
        return error.message
    return None


def sha256_of(source: ByteSource, meter: Meter) -> Sha256:
    """Of all bytes, read in pieces.

    Raises:
        BadPacket: it ends before its size.
    """
    digest = hashlib.sha256()
    for offset in range(0, source.size, CHUNK_BYTES):
        wanted = min(CHUNK_BYTES, source.size - offset)
        data = source.read_at(offset, wanted)
        meter.count(read=len(data))
        if len(data) != wanted:
            raise BadPacket(f"There are {offset + len(data):,} bytes, not {source.size:,}.")
        digest.update(data)
    return Sha256(digest.hexdigest())


def is_about_data(error: BridgeError) -> bool:
    """Whether an error says that data are bad or gone, and not that they could not be looked at now."""
    return isinstance(error, BadName | BadPacket | ChecksumMismatch | NotFound)
