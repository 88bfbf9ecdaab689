"""A packet that is read at places: a zip, a tar, or a folder of sources. Nothing is extracted.

What is wrong with a packet as a whole is said when it is opened, what is wrong with the place of a member
before the first of its bytes is handed out (docs/packet-format.md, What a reader refuses).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from omero_irods_bridge.model.errors import BadPacket, NotFound
from omero_irods_bridge.packet.contents import Content, InOrder, Stored
from omero_irods_bridge.packet.names import NameSet, unportable_names
from omero_irods_bridge.ports import ByteSource

TRANSFER_XML: Final = "transfer.xml"
MANIFEST: Final = "bridge/manifest.json"
GRAPH: Final = "bridge/omero.jsonl"


class Container(StrEnum):
    """What holds the members."""

    ZIP = "zip"
    TAR = "tar"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader takes in good faith; each is far beyond what OMERO makes."""

    members: int = 1_000_000
    directory_bytes: int = 512 * 1024 * 1024
    """Of the directory of a zip, which is kept in memory while it is read."""
    graph_bytes: int = 2 * 1024 * 1024 * 1024
    """Of memory that the graph takes: 10,000 images take about 30 MB, a million regions 350 MB."""
    ratio: int = 500
    """Inflated bytes per compressed byte, of a member and of all; DEFLATE itself ends at 1,032."""
    ratio_from_bytes: int = 64 * 1024 * 1024
    """Members and packets smaller than this may have any ratio."""


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a packet. ``path`` is relative and safe (names.py), ``size`` in bytes."""

    path: str
    size: int
    open: Callable[[], Content] = field(repr=False, compare=False)
    """Looks at the place of the member.

    Raises:
        BadPacket: it is not what the directory of the packet says.
    """


class Packet:
    """The members of a packet by path. Several threads may read at once.

    The sources below belong to the caller and have to stay open.
    """

    def __init__(self, container: Container, members: Iterable[Member], notes: Iterable[str] = ()) -> None:
        self.container = container
        self.members: Mapping[str, Member] = MappingProxyType({member.path: member for member in members})
        self.notes = (*notes, *unportable_names(self.members))
        """Sentences about what is unusual and was accepted."""

    @property
    def has_manifest(self) -> bool:
        """Whether we packed it, and not the stock tool."""
        return MANIFEST in self.members

    def member(self, path: str) -> Member:
        """The member of this path.

        Raises:
            NotFound: there is none.
        """
        try:
            return self.members[path]
        except KeyError:
            raise NotFound(
                f"The packet has no member {path!r}.",
                hint="It is no packet, or not a complete one." if path == TRANSFER_XML else "",
            ) from None

    def check_places(self, paths: Iterable[str] | None = None) -> None:
        """Look at the place of each of these members, of all by default, and read nothing of them.

        Costs a small read each. Whoever writes what is in a packet calls it first: a packet that is bad at
        its end is then refused before anything of it was taken.

        Raises:
            BadPacket: one is not what the directory says.
            NotFound: there is no such member.
        """
        for path in self.members if paths is None else paths:
            self.member(path).open()

    def chunks(self, path: str) -> Iterator[bytes]:
        """All bytes of a member in order; see ``Content.chunks`` for what the end of it says."""
        return self.member(path).open().chunks()

    def read(self, path: str, limit: int) -> bytes:
        """All bytes of a member of at most ``limit`` bytes.

        Raises:
            BadPacket: it is longer, or not as long as the packet says.
            ChecksumMismatch: it is not what was packed.
        """
        size = self.member(path).size
        if size > limit:
            raise BadPacket(f"{path!r} has {size:,} bytes; more than {limit:,} are not read.")
        return b"".join(self.chunks(path))

    def source(self, path: str) -> ByteSource:
        """The bytes of a member at places; for a deflated one going back begins again at its start."""
        return self.member(path).open().source()

    def checked_source(self, path: str) -> ByteSource:
        """The same for those who read in order: compared with the sum that the packet has, if it has one.

        The last bytes are a ChecksumMismatch where they are not those that were packed.
        """
        return InOrder(self.member(path).open())


def folder_packet(sources: Mapping[str, ByteSource], *, limits: Limits = DEFAULT_LIMITS) -> Packet:
    """The packet that these sources make up: an expanded one, or a folder on a disk.

    Raises:
        BadName: a path is unsafe, or two clash.
        BadPacket: there are too many.
    """
    check_count(len(sources), limits)
    names = NameSet(portable=False)
    for path in sources:
        names.add(path)
    return Packet(Container.FOLDER, (_folder_member(path, source) for path, source in sources.items()))


def check_count(count: int, limits: Limits) -> None:
    """Whether there may be so many members."""
    if count > limits.members:
        raise BadPacket(f"The packet has {count:,} members; more than {limits.members:,} are not read.")


def without_dot(path: str) -> str:
    """The path without the ``./`` that ``tar -C folder .`` puts before each."""
    while path.startswith("./"):
        path = path[2:]
    return path


def _folder_member(path: str, source: ByteSource) -> Member:
    content = Stored(path, source)
    return Member(path, source.size, lambda: content)
