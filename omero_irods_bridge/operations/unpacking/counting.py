"""How far several imports are that go on at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from omero_irods_bridge.model.events import Event, Notice, Progress, Report


class Counter:
    """Tells how far all filesets together are, whatever the imports of several at once tell."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._bytes = self._items = 0
        self._under_way: dict[object, int] = {}

    @contextmanager
    def one(self) -> Iterator[Report]:
        """Who hears of one import until the end of the block."""
        import_ = object()
        try:
            yield partial(self._tell, import_)
        finally:
            with self._lock:
                self._under_way.pop(import_, None)

    def _tell(self, import_: object, event: Event) -> None:
        with self._lock:
            if isinstance(event, Progress):
                self._under_way[import_] = max(event.bytes_done, self._under_way.get(import_, 0))
                self._tell_all()
            elif isinstance(event, Notice):
                self._report(event)

    def add(self, count: int) -> None:
        """One import of so many bytes has ended, well or not."""
        with self._lock:
            self._bytes += count
            self._items += 1
            self._tell_all()

    def _tell_all(self) -> None:
        self._report(Progress(self._bytes + sum(self._under_way.values()), self._items))
