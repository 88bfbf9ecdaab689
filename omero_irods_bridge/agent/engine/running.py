"""Runs one attempt at a job and says what came of it, whatever that is."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from omero_irods_bridge.agent.engine.pulse import Pulse
from omero_irods_bridge.agent.logs import about_job
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts, Begun
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.errors import BridgeError, Interrupted
from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.ports import Clock

log = logging.getLogger(__name__)

MOST_RUNS: Final = 5
"""A job at which its worker died so often is not begun again: it may be what kills it."""

Perform: TypeAlias = Callable[[Begun, Report, CancelToken], Outcome]
"""Does the work of a job; may be repeated after any interruption. Raises BridgeError for what fails."""


class Runner:
    """Runs attempts as ``worker``. Any thread may call any method."""

    def __init__(self, attempts: Attempts, clock: Clock, worker: str, perform: Perform) -> None:
        self._attempts, self._clock = attempts, clock
        self._worker, self._perform = worker, perform
        self._lock = threading.Lock()
        self._pulses: set[Pulse] = set()
        self._is_stopping = False

    def run(self, attempt: Attempt) -> Outcome:
        """Raises only for the database's sake, before the work begins."""
        begun = self._attempts.begin(attempt, self._worker)
        if begun is None:
            return Outcome(End.LOST)
        if begun.runs > MOST_RUNS:
            return Outcome.failed(_killer(begun))
        with self._pulse(attempt) as pulse:
            return self._outcome(begun, pulse)

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Write it down. Safe to repeat."""
        job = self._attempts.finish(attempt, outcome)
        if job is not None:
            log.info("job %s, %s for %s: %s", job.id, job.spec.kind, job.spec.requested_by, job.state)

    def stop(self) -> None:
        """Ask all that runs to stop and be handed back; what begins from now on is handed back at once."""
        with self._lock:
            self._is_stopping = True
            pulses = list(self._pulses)
        for pulse in pulses:
            pulse.stop(End.HANDED_BACK)

    @property
    def is_idle(self) -> bool:
        with self._lock:
            return not self._pulses

    @contextmanager
    def _pulse(self, attempt: Attempt) -> Iterator[Pulse]:
        with Pulse(self._attempts, attempt, self._clock) as pulse:
            with self._lock:
                self._pulses.add(pulse)
                if self._is_stopping:
                    pulse.stop(End.HANDED_BACK)
            try:
                yield pulse
            finally:
                with self._lock:
                    self._pulses.discard(pulse)

    def _outcome(self, begun: Begun, pulse: Pulse) -> Outcome:
        try:
            if begun.job.is_cancel_requested:
                return Outcome(End.CANCELLED)
            pulse.cancel.check()
            with about_job(begun.job.id, begun.job.spec.requested_by):
                return self._perform(begun, pulse.report, pulse.cancel)
        except Interrupted:
            return Outcome(pulse.stopped_as or End.CANCELLED)
        except BridgeError as error:
            # What breaks after the word to stop is a consequence of it.
            return Outcome(pulse.stopped_as) if pulse.stopped_as else Outcome.failed(error)
        except Exception as error:  # noqa: BLE001 -- a defect in one job is not to end the others
            return Outcome.failed(_defect(begun, error))


def _killer(begun: Begun) -> BridgeError:
    return BridgeError(
        f"The worker died {begun.runs - 1} times while it was at this job.",
        hint="Look into the log of the worker and of the system (memory?) before you let it be tried again.",
    )


def _defect(begun: Begun, error: Exception) -> BridgeError:
    """Where it happened goes to the log; what a foreign error says does not: it may repeat a key."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("job %s: %s\n%s", begun.job.id, type(error).__qualname__, where)
    return BridgeError(
        f"A defect of the bridge stopped the job ({type(error).__qualname__}).",
        hint="The log of the worker says where; please report it.",
    )
