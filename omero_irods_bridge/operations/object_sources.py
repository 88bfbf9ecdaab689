"""Many data objects to read, of which only a few are open at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType

from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.ports import ByteSource, ObjectStore


@dataclass(slots=True)
class _Open:
    """An open object; ``readers`` read it at this moment."""

    opened: AbstractContextManager[ByteSource]
    source: ByteSource
    readers: int = 0


class ObjectSources:
    """Opens data objects when they are read; when there are too many, closes the one that was idle longest.

    A context manager: all are closed when it ends, and nobody may be reading then. Several threads may read
    at once; while more than ``limit`` of them read different objects, more than ``limit`` are open.
    """

    def __init__(self, store: ObjectStore, *, limit: int) -> None:
        self._store, self._limit = store, limit
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def __enter__(self) -> ObjectSources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            opened, self._open = list(self._open.values()), OrderedDict()
        _close(opened)

    def of(self, found: DataObject) -> ByteSource:
        """The bytes of a data object; nothing is opened before they are read."""
        return _Lazy(self, found.path, found.size)

    def read_at(self, path: str, offset: int, length: int) -> bytes:
        with self._reading(path) as source:
            return source.read_at(offset, length)

    @contextmanager
    def _reading(self, path: str) -> Iterator[ByteSource]:
        entry = self._take(path) or self._another(path)
        try:
            yield entry.source
        finally:
            with self._lock:
                entry.readers -= 1
                idle = self._too_many()
            _close(idle)

    def _take(self, path: str) -> _Open | None:
        with self._lock:
            entry = self._open.get(path)
            if entry is not None:
                self._open.move_to_end(path)
                entry.readers += 1
            return entry

    def _another(self, path: str) -> _Open:
        """Opened without the lock, for it takes a while; when two threads do, the second is closed again."""
        opened = self._store.open_source(path)
        mine = _Open(opened, opened.__enter__())
        with self._lock:
            entry = self._open.setdefault(path, mine)
            entry.readers += 1
        if entry is not mine:
            _close([mine])
        return entry

    def _too_many(self) -> list[_Open]:
        idle = [path for path, entry in self._open.items() if not entry.readers]
        return [self._open.pop(path) for path in idle[: max(0, len(self._open) - self._limit)]]


@dataclass(frozen=True, slots=True)
class _Lazy:
    """One data object of many. ``size`` is what the catalog says."""

    sources: ObjectSources
    path: str
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        return self.sources.read_at(self.path, offset, length) if length else b""


def _close(entries: list[_Open]) -> None:
    for entry in entries:
        entry.opened.__exit__(None, None, None)
