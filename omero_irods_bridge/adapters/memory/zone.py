"""What a zone in memory holds, how it is damaged, and what shall go wrong in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from omero_irods_bridge.model.stored import (
    Avu,
    Replica,
    ReplicaStatus,
)

Hook = Callable[[str, str], None]
"""Called with the name of the method and the path before anything is done; raises what shall go wrong."""


@dataclass
class Copy:
    """A replica and its bytes."""

    replica: Replica
    data: bytearray


@dataclass
class Entry:
    """A data object (with copies) or a collection (without)."""

    id: int
    owner: str
    modified: float
    copies: list[Copy] = field(default_factory=list)
    avus: set[Avu] = field(default_factory=set)
    readers: frozenset[str] = frozenset()
    """Users besides the owner who may read, but not change."""


@dataclass
class MemoryZone:
    """The content of a zone, and what shall go wrong in it.

    ``now`` is the zone's clock. ``hook`` is called before each method of every store.
    """

    name: str = "tempZone"
    now: float = 1_700_000_000.0
    hook: Hook | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Iterator[int] = field(default_factory=lambda: count(10_000))

    # -- damage

    def flip_byte(self, path: str, *, offset: int = 0, replica: int = 0) -> None:
        """Change a byte where it is stored; the catalog knows nothing of it."""
        self._copy(path, replica).data[offset] ^= 0xFF

    def cut(self, path: str, size: int, *, replica: int = 0) -> None:
        """Cut the stored bytes; the catalog knows nothing of it."""
        del self._copy(path, replica).data[size:]

    def record(
        self,
        path: str,
        *,
        replica: int = 0,
        checksum: str | None = None,
        status: ReplicaStatus | None = None,
        size: int | None = None,
    ) -> None:
        """Change what the catalog says of a replica."""
        copy = self._copy(path, replica)
        old = copy.replica
        copy.replica = replace(
            old,
            checksum=old.checksum if checksum is None else checksum,
            status=old.status if status is None else status,
            size=old.size if size is None else size,
        )

    def replicate(self, path: str, resource: str = "otherResc") -> None:
        """Make one more good copy of the first replica."""
        copies = self.entries[path].copies
        replica = replace(copies[0].replica, number=copies[-1].replica.number + 1, resource=resource)
        copies.append(Copy(replica, bytearray(copies[0].data)))

    def trim(self, path: str, replica: int) -> None:
        """Remove a replica."""
        copies = self.entries[path].copies
        copies[:] = [copy for copy in copies if copy.replica.number != replica]

    def let_read(self, path: str, user: str) -> None:
        """Let ``user`` read what is at ``path`` and below, and no more."""
        for place, entry in self.entries.items():
            if place == path or place.startswith(path + "/"):
                entry.readers |= {user}

    def _copy(self, path: str, number: int) -> Copy:
        return next(copy for copy in self.entries[path].copies if copy.replica.number == number)
