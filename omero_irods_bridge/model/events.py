"""What a use case tells while it works, and how it hears that it shall stop.

The core calls ``report(event)``; a progress bar, JSON lines, a job's status are receivers. Events come
from one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from omero_irods_bridge.model.errors import Interrupted


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling the person who waits."""


@dataclass(frozen=True, slots=True)
class Step(Event):
    """A new part of the work begins, in words: "Reading what OMERO knows of Dataset:51".

    ``bytes_total`` and ``items_total`` are none where nobody knows them.
    """

    text: str
    bytes_total: int | None = None
    items_total: int | None = None


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """How far the present step is.

    Both are absolute for this attempt, so a retry may lower them.
    """

    bytes_done: int = 0
    items_done: int = 0


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something that the person should know although the work goes on."""

    text: str


Report = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Receive events and tell nobody."""


class CancelToken:
    """Asks running work to stop at its next piece. Any thread may call any method."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is cancelled, at most so long; whether it is."""
        return self._cancelled.wait(seconds)

    def check(self) -> None:
        """Raises Interrupted when :meth:`cancel` was called."""
        if self._cancelled.is_set():
            raise Interrupted("Stopped as asked.", hint="Run the same command again to go on.")
