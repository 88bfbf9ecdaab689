"""A zone in memory as one user sees it.

Fulfils ``ports.ObjectStore``. Several stores, one for each user, may share a zone. Every method may be called
from any thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from omero_irods_bridge.adapters.memory.streams import MemorySource, MemoryWriter
from omero_irods_bridge.adapters.memory.zone import Copy, Entry, MemoryZone
from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadName,
    Busy,
    ChecksumMismatch,
    NotFound,
    TargetExists,
)
from omero_irods_bridge.model.stored import (
    Avu,
    Collection,
    DataObject,
    Replica,
    ReplicaStatus,
    name_of,
    parent_of,
)
from omero_irods_bridge.ports import AvuCondition, ByteSource, ObjectWriter

INCOMING: Final = ".incoming"
LONGEST_PATH: Final = 1023
_CLOSED: Final = frozenset({ReplicaStatus.STALE, ReplicaStatus.GOOD})


class MemoryStore:
    """A zone as one user sees it; he may read what ``let_read`` names and change what is his."""

    def __init__(self, zone: MemoryZone | None = None, user: str = "alice") -> None:
        self.content = zone or MemoryZone()
        self._user = user
        with self.content.lock:
            for path in ("/", f"/{self.zone}", f"/{self.zone}/home"):
                self.content.entries.setdefault(path, self._entry(owner="rods"))
            self.content.entries.setdefault(self.home, self._entry())

    @property
    def zone(self) -> str:
        return self.content.name

    @property
    def user(self) -> str:
        return self._user

    @property
    def home(self) -> str:
        return f"/{self.zone}/home/{self._user}"

    def tell(self, method: str, path: str) -> None:
        """Raises BadName for what is no path, and what the zone's hook raises for this."""
        if _is_bad(path):
            raise BadName(f"{path!r} cannot be a path in iRODS.", hint="Choose another name.")
        if self.content.hook is not None:
            self.content.hook(method, path)

    # -- reading

    def known_zones(self) -> frozenset[str]:
        return frozenset({self.zone})

    def find(self, path: str) -> DataObject | Collection | None:
        self.tell("find", path)
        entry = self._seen(path)
        return None if entry is None else _stored(path, entry)

    def children(self, collection: str, *, recursive: bool = False) -> Iterator[DataObject | Collection]:
        self.tell("children", collection)
        with self.content.lock:
            self._collection(collection)
            below = sorted(p for p in self.content.entries if _is_below(p, collection, recursive=recursive))
            found = [(path, self._seen(path)) for path in below]
        yield from (_stored(path, entry) for path, entry in found if entry is not None)

    def may_add_to(self, collection: str) -> bool:
        self.tell("may_add_to", collection)
        with self.content.lock:
            entry = self._seen(collection)
            return entry is not None and self._owns(entry)

    @contextmanager
    def open_source(
        self,
        path: str,
        *,
        streams: int = 1,  # noqa: ARG002 - the port's; memory has no streams
        replica: int | None = None,
    ) -> Iterator[ByteSource]:
        self.tell("open_source", path)
        copies = self._object(path).copies
        good = [copy for copy in copies if copy.replica.status is ReplicaStatus.GOOD]
        found = (good or copies)[0] if replica is None else self._replica(path, replica)
        yield MemorySource(self.tell, path, found)

    def truncate(self, path: str, size: int) -> None:
        self.tell("truncate", path)
        with self.content.lock:
            for copy in self._object(path).copies:
                del copy.data[size:]
                copy.replica = replace(copy.replica, size=size, checksum="")

    def compute_checksum(self, path: str, *, replica: int | None = None) -> Sha256:
        self.tell("compute_checksum", path)
        copies = self._object(path).copies
        good = next((copy for copy in copies if copy.replica.status is ReplicaStatus.GOOD), copies[0])
        copy = good if replica is None else self._replica(path, replica)
        if len(copy.data) != copy.replica.size:
            raise ChecksumMismatch(
                f"{path} has {len(copy.data)} bytes, the catalog says {copy.replica.size}."
            )
        self._owned(path)
        found = Sha256(hashlib.sha256(copy.data).hexdigest())
        copy.replica = replace(copy.replica, checksum=found.irods)
        return found

    def verify_checksum(self, path: str, *, replica: int) -> bool:
        self.tell("verify_checksum", path)
        copy = self._replica(path, replica)
        if not copy.replica.checksum:
            raise NotFound(f"There is no checksum of replica {replica} of {path}.")
        found = Sha256(hashlib.sha256(copy.data).hexdigest())
        return len(copy.data) == copy.replica.size and copy.replica.sha256 == found

    # -- changing

    def make_collection(self, path: str) -> None:
        self.tell("make_collection", path)
        with self.content.lock:
            entry = self.content.entries.get(path)
            if entry is not None and entry.copies:
                raise TargetExists(f"{path} is a data object, not a collection.")
            if entry is None:
                self.make_collection(parent_of(path))
                self._owned(parent_of(path))
                self.content.entries[path] = self._entry()

    def open_writer(self, path: str, *, streams: int = 1, keep: bool = False) -> ObjectWriter:
        self.tell("open_writer", path)
        with self.content.lock:
            if path not in self.content.entries:
                self._collection(parent_of(path))
                self._owned(parent_of(path))
                first = Replica(0, "demoResc", ReplicaStatus.GOOD, 0, "", self.content.now)
                self.content.entries[path] = replace(self._entry(), copies=[Copy(first, bytearray())])
            entry = self._owned(path)
            return self._writer(path, entry, streams, keep=keep)

    def _writer(self, path: str, entry: Entry, streams: int, *, keep: bool) -> MemoryWriter:
        if not entry.copies:
            raise TargetExists(f"{path} is a collection, not a data object.")
        if any(copy.replica.status not in _CLOSED for copy in entry.copies):
            raise Busy(f"Somebody writes to {path}.")
        for copy, status in _with_states(entry.copies):
            copy.replica = replace(copy.replica, status=status, modified=self.content.now)
        if not keep:
            entry.copies[0].data.clear()
        return MemoryWriter(self.content, entry, path, streams)

    def move(self, source: str, target: str) -> None:
        self.tell("move", source)
        with self.content.lock:
            self._owned(source)
            self._collection(parent_of(target))
            self._owned(parent_of(target))
            if target in self.content.entries:
                raise TargetExists(f"There is something at {target}.")
            for path in [p for p in self.content.entries if p == source or _is_below(p, source)]:
                self.content.entries[target + path.removeprefix(source)] = self.content.entries.pop(path)

    def remove(self, path: str) -> None:
        self.tell("remove", path)
        with self.content.lock:
            if path in self.content.entries:
                self._owned(path)
            for place in [p for p in self.content.entries if p == path or _is_below(p, path)]:
                del self.content.entries[place]

    def remove_if_empty(self, collection: str) -> bool:
        self.tell("remove_if_empty", collection)
        with self.content.lock:
            if any(_is_below(path, collection) for path in self.content.entries):
                return False
            self.remove(collection)
            return True

    # -- AVUs

    def avus(self, path: str) -> tuple[Avu, ...]:
        self.tell("avus", path)
        return tuple(sorted(self._there(path).avus))

    def change_avus(self, path: str, *, add: Iterable[Avu] = (), remove: Iterable[Avu] = ()) -> None:
        self.tell("change_avus", path)
        with self.content.lock:
            self._there(path)
            entry = self._owned(path)
            entry.avus = (entry.avus - set(remove)) | set(add)

    def find_by_avus(
        self,
        conditions: Sequence[AvuCondition],
        *,
        below: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> list[str]:
        self.tell("find_by_avus", below or "/")
        with self.content.lock:
            found = [
                path
                for path in sorted(self.content.entries, key=lambda one: (parent_of(one), name_of(one)))
                if INCOMING not in parent_of(path).split("/")
                and (below is None or _is_below(path, below))
                and (entry := self._seen(path)) is not None
                and all(_fulfils(entry.avus, condition) for condition in conditions)
            ]
        return found[skip : skip + limit]

    def avus_of_many(self, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
        self.tell("avus_of_many", "/")
        seen = ((path, self._seen(path)) for path in paths)
        return {path: tuple(sorted(entry.avus)) for path, entry in seen if entry is not None}

    # -- who may what

    def _entry(self, owner: str | None = None) -> Entry:
        return Entry(next(self.content.ids), f"{owner or self._user}#{self.zone}", self.content.now)

    def _seen(self, path: str) -> Entry | None:
        entry = self.content.entries.get(path)
        return entry if entry is not None and (self._owns(entry) or self._reads(path, entry)) else None

    def _reads(self, path: str, entry: Entry) -> bool:
        return self._user in entry.readers or path.count("/") < len(("zone", "home", "user"))

    def _owns(self, entry: Entry) -> bool:
        return entry.owner == f"{self._user}#{self.zone}"

    def _owned(self, path: str) -> Entry:
        entry = self._there(path)
        if not self._owns(entry):
            raise AccessDenied(f"{self._user} may not change {path}.", hint="Ask its owner.")
        return entry

    def _there(self, path: str) -> Entry:
        entry = self._seen(path)
        if entry is None:
            raise NotFound(f"There is no {path}.")
        return entry

    def _collection(self, path: str) -> Entry:
        entry = self._there(path)
        if entry.copies:
            raise NotFound(f"{path} is not a collection.")
        return entry

    def _object(self, path: str) -> Entry:
        entry = self._there(path)
        if not entry.copies:
            raise NotFound(f"{path} is not a data object.")
        return entry

    def _replica(self, path: str, number: int) -> Copy:
        for copy in self._object(path).copies:
            if copy.replica.number == number:
                return copy
        raise NotFound(f"{path} has no replica {number}.")


def _is_bad(path: str) -> bool:
    """What the iRODS adapter refuses (adapters/irods/paths.py)."""
    wrong = not path.startswith("/") or (path != "/" and bool({"", ".", ".."} & set(path[1:].split("/"))))
    controls = any(char < " " or "\ud800" <= char <= "\udfff" for char in path)
    return wrong or controls or len(path.encode(errors="replace")) > LONGEST_PATH


def _with_states(copies: Sequence[Copy]) -> Iterator[tuple[Copy, ReplicaStatus]]:
    """The states while the first replica is written (reference/irods-wire.md, pitfall 3)."""
    yield copies[0], ReplicaStatus.INTERMEDIATE
    yield from ((copy, ReplicaStatus.WRITE_LOCKED) for copy in copies[1:])


def _stored(path: str, entry: Entry) -> DataObject | Collection:
    if entry.copies:
        replicas = tuple(copy.replica for copy in entry.copies)
        return DataObject(path, entry.id, replicas, entry.owner)
    return Collection(path, entry.id, entry.owner, entry.modified)


def _is_below(path: str, collection: str, *, recursive: bool = True) -> bool:
    if path == "/" or not name_of(path):
        return False
    return path.startswith(collection.rstrip("/") + "/") and (recursive or parent_of(path) == collection)


def _fulfils(avus: Iterable[Avu], condition: AvuCondition) -> bool:
    return any(avu.attribute == condition.attribute and _fits(avu.value, condition) for avu in avus)


def _fits(value: str, condition: AvuCondition) -> bool:
    if condition.equals is not None:
        return value == condition.equals
    if condition.contains is not None:
        return condition.contains in value
    if condition.length is not None and not condition.length[0] <= len(value) <= condition.length[1]:
        return False
    return condition.between is None or condition.between[0] <= value <= condition.between[1]
