"""What the use cases need of iRODS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.stored import Avu, Collection, DataObject
from omero_irods_bridge.ports.bytes import ByteSource


class ObjectWriter(Protocol):
    """Writes one data object through several streams at once.

    Each stream belongs to one thread at a time. What was written is not trusted before the server's checksum
    of it was compared: see ``ObjectStore.compute_checksum``.
    """

    @property
    def streams(self) -> int: ...

    def write_at(self, stream: int, offset: int, data: bytes | memoryview) -> None:
        """Write all of ``data`` at ``offset`` through the stream of this number (from 0)."""
        ...

    def close(self) -> None:
        """End all streams; the replica is good afterwards.

        Raises:
            BridgeError: it may not be; the object must not be used.
        """
        ...

    def abort(self) -> None:
        """Let go of the connections at once; the replica stays stale. Never raises."""
        ...


class ObjectStore(Protocol):
    """An iRODS zone, as one user. Paths are absolute logical paths."""

    @property
    def zone(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def home(self) -> str:
        """``/zone/home/user``."""
        ...

    def known_zones(self) -> frozenset[str]:
        """Names of this zone and of those that it is federated with."""
        ...

    def find(self, path: str) -> DataObject | Collection | None:
        """What is there, as far as this user may see it; none for nothing."""
        ...

    def children(self, collection: str, *, recursive: bool = False) -> Iterator[DataObject | Collection]:
        """What is in a collection, sorted by path; ``recursive`` gives what is below it too."""
        ...

    def may_add_to(self, collection: str) -> bool:
        """Whether its access list lets this user make something in a collection that is there.

        What policies, quotas and tickets say besides is not known.
        """
        ...

    def make_collection(self, path: str) -> None:
        """Make a collection and those above it that are missing; done when it is there already.

        Raises:
            AccessDenied: this user may not make it there.
        """
        ...

    def open_writer(self, path: str, *, streams: int = 1, keep: bool = False) -> ObjectWriter:
        """Write to a data object, made if it is not there.

        ``keep`` leaves the bytes that it has, else it is emptied.

        Raises:
            Busy: somebody else writes to it.
            AccessDenied: this user may not write there.
            NotFound: the collection is not there.
        """
        ...

    def truncate(self, path: str, size: int) -> None:
        """Cut a data object that nobody has open to its first ``size`` bytes."""
        ...

    def open_source(
        self, path: str, *, streams: int = 1, replica: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        """Read a data object over as many connections; a stale replica is read where none is good.

        With ``replica`` just the bytes of the replica of this number are read, whatever its state.
        """
        ...

    def compute_checksum(self, path: str, *, replica: int | None = None) -> Sha256:
        """Let the server read all bytes, compute their SHA-256 now, and record it over what was recorded.

        Raises:
            ChecksumMismatch: the replica is marked damaged or the server cannot read it as it should be.
        """
        ...

    def verify_checksum(self, path: str, *, replica: int) -> bool:
        """Let the server read a replica and compare it with what it has recorded; changes nothing."""
        ...

    def move(self, source: str, target: str) -> None:
        """Rename a data object or collection within the zone. Nothing is ever overwritten.

        Raises:
            TargetExists: there is something at ``target``; nothing was changed.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove a data object, or a collection with all in it, for good; done when nothing is there."""
        ...

    def remove_if_empty(self, collection: str) -> bool:
        """Remove a collection unless something is in it, in one atomic call; whether it is gone.

        What this user does not see counts too.
        """
        ...

    def avus(self, path: str) -> tuple[Avu, ...]:
        """All AVUs of a data object or collection, sorted."""
        ...

    def change_avus(self, path: str, *, add: Iterable[Avu] = (), remove: Iterable[Avu] = ()) -> None:
        """Change AVUs of a data object or collection in one atomic call: all or none."""
        ...

    def find_by_avus(
        self,
        conditions: Sequence[AvuCondition],
        *,
        below: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> list[str]:
        """Paths of data objects and collections that fulfil all ``conditions``.

        They are in the order of their collections and, within one, of their names, as the zone compares
        texts. Those below a collection named ``.incoming`` are left out. ``below`` is a collection.
        """
        ...

    def avus_of_many(self, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
        """All AVUs of each path in a few queries; a path that is not there is left out."""
        ...


class TreeStore(ObjectStore, Protocol):
    """An ``ObjectStore`` that answers for whole trees in few queries, however many objects are in them."""

    def avus_below(self, collection: str, prefix: str) -> Mapping[str, tuple[Avu, ...]]:
        """AVUs whose attribute begins so, by path: of ``collection`` and of all that is in it."""
        ...

    def objects_named(self, ending: str, collection: str, *, recursive: bool = True) -> Sequence[DataObject]:
        """Data objects whose names end so, in a collection and below it, by path."""
        ...

    def time_there(self) -> float:
        """Seconds since 1970 as the server counts them, by whose clock objects have their times.

        Raises:
            AccessDenied: this user may write nothing there by which to see it.
        """
        ...


@dataclass(frozen=True, slots=True)
class AvuCondition:
    """``attribute`` has a value that equals, contains, or lies between these (as texts, both inclusive).

    ``length`` is the least and the most characters that the value has: numbers of one length sort as texts as
    they do as numbers. Just one of the four is given, or ``between`` with a ``length``: the two are then of
    one value; with none the attribute only has to be there.
    """

    attribute: str
    equals: str | None = None
    contains: str | None = None
    between: tuple[str, str] | None = None
    length: tuple[int, int] | None = None
