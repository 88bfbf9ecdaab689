"""The pulse of an attempt: what happens goes to the store now and then; from there comes the word to stop."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.agent.store.attempts import Attempt, Attempts
from omero_irods_bridge.agent.store.outcomes import End
from omero_irods_bridge.model.events import CancelToken, Event, Progress, Step
from omero_irods_bridge.model.jobs import Phase
from omero_irods_bridge.ports import Clock

log = logging.getLogger(__name__)

INTERVAL_S: Final = 0.5
"""How soon a cancelled job hears of it, and how often progress is written at most."""

_HELD_AT_MOST: Final = 1_000


class Pulse:
    """Beats while the block runs; the last beat is when it ends. Never raises for the database's sake.

    ``stopped_as`` is why ``cancel`` was cancelled; none while it was not.
    """

    def __init__(
        self, attempts: Attempts, attempt: Attempt, clock: Clock, *, interval_s: float = INTERVAL_S
    ) -> None:
        self.cancel = CancelToken()
        self.stopped_as: End | None = None
        self._attempts, self._attempt, self._clock = attempts, attempt, clock
        self._interval_s = interval_s
        self._lock = threading.Lock()
        self._phase, self._told_phase = Phase(), Phase()
        self._events: list[tuple[float, Event]] = []
        self._ended = threading.Event()
        name = f"pulse of job {attempt.job}"
        self._thread = threading.Thread(target=self._beat_until_ended, name=name, daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._beat()

    def report(self, event: Event) -> None:
        """Take an event of the work; quick, whatever the database does."""
        with self._lock:
            if isinstance(event, Progress):
                self._phase = replace(self._phase, bytes_done=event.bytes_done, items_done=event.items_done)
                return
            if isinstance(event, Step):
                self._phase = Phase(event.text, bytes_total=event.bytes_total, items_total=event.items_total)
            if len(self._events) < _HELD_AT_MOST:
                self._events.append((self._clock.now(), event))

    def stop(self, end: End) -> None:
        """Ask the work to stop; the first reason counts."""
        with self._lock:
            self.stopped_as = self.stopped_as or end
        self.cancel.cancel()

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._beat()

    def _beat(self) -> None:
        with self._lock:
            phase, events, self._events = self._phase, self._events, []
        try:
            shall_stop = self._tell(phase, events)
        except SQLAlchemyError as error:
            log.warning("job %s: the database fails (%s)", self._attempt.job, type(error).__name__)
            with self._lock:
                self._events = [*events, *self._events]
            return
        if shall_stop is not False:
            self.stop(End.LOST if shall_stop is None else End.CANCELLED)

    def _tell(self, phase: Phase, events: list[tuple[float, Event]]) -> bool | None:
        if phase == self._told_phase and not events:
            return self._attempts.is_to_stop(self._attempt)
        shall_stop = self._attempts.record(self._attempt, phase, events)
        self._told_phase = phase
        return shall_stop
