"""A worker: a process that runs jobs until it is asked to stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.agent.engine.durable import DurableAttempts
from omero_irods_bridge.agent.engine.lease import Lease, lease
from omero_irods_bridge.agent.engine.running import Perform, Runner
from omero_irods_bridge.agent.store.attempts import ALL_KINDS, Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.workers import SEEN_S, Workers
from omero_irods_bridge.model.errors import Busy
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.ports import Clock

log = logging.getLogger(__name__)

POLL_S: Final = 0.25
DUE_S: Final = 5.0
"""How often it is looked which schedules are due."""

LEASE_S: Final = 5.0
SWEEP_S: Final = 10.0
"""What two sweeps in a row find left is begun anew."""

FORGET_S: Final = 600.0
_DAY_S: Final = 24 * 3600.0
SILENT_KEPT_S: Final = 7 * _DAY_S
"""How long a worker that died is told of."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """``name`` is its own and stays; ``patience_s`` is how long jobs have to stop when the worker does.

    ``sweep_s`` is how often it looks for what nobody runs although it was let begin. It takes jobs of
    ``kinds`` alone. With ``mails`` it is noted who is to be told how a job ended.
    """

    name: str
    limits: Limits
    retry_after_s: tuple[float, ...]
    keep_days: float
    patience_s: float = 30.0
    mails: bool = False
    kinds: frozenset[JobKind] = ALL_KINDS
    sweep_s: float = SWEEP_S


class Errand:
    """Something to do now and then; at once when it was not done yet, and again when it failed."""

    def __init__(self, every_s: float, do: Callable[[], object]) -> None:
        self._every_s, self._do = every_s, do
        self._done_at = -math.inf

    def do_when_due(self) -> None:
        if time.monotonic() - self._done_at >= self._every_s:
            self._do()
            self._done_at = time.monotonic()


class Worker:
    """Lets jobs begin and runs them."""

    def __init__(
        self,
        database: Database,
        options: WorkerOptions,
        clock: Clock,
        perform: Perform,
        errands: Sequence[Errand] = (),
    ) -> None:
        """``errands`` are done besides, in the thread that lets jobs begin: they have to be quick."""
        self._errands = errands
        self._database, self._options, self._clock = database, options, clock
        self._jobs = Jobs(database, clock)
        self._workers = Workers(database, clock)
        self._attempts = Attempts(database, clock, options.retry_after_s, mails=options.mails)
        self._started_at = clock.now()
        self._runner = Runner(self._attempts, clock, options.name, perform)

    def run(self, stop: CancelToken) -> bool:
        """Work until ``stop`` is cancelled, then let jobs stop and hand them back; whether all did.

        Raises:
            Busy: there is a worker of this name, or another one took it while the database was away.
        """
        with lease(self._database, self._options.name) as held:
            durable = self._durable()
            durable.start()
            log.info("worker %s is at work on %s", self._options.name, self._database.shown)
            try:
                self._work(durable, held, stop)
            finally:
                self._runner.stop()
                has_stopped = self._wait_until_idle()
                durable.stop()
            with suppress(SQLAlchemyError):
                self._workers.left(self._options.name)
        return has_stopped

    def _durable(self) -> DurableAttempts:
        options = self._options
        return DurableAttempts(
            self._database, options.name, self._runner, at_once=options.limits.total, kinds=options.kinds
        )

    def _work(self, durable: DurableAttempts, held: Lease, stop: CancelToken) -> None:
        tasks = (
            Errand(LEASE_S, held.renew),
            Errand(SEEN_S, self._say_seen),
            Errand(0.0, lambda: self._admit(durable)),
            *self._errands,
            Errand(self._options.sweep_s, lambda: self._sweep(durable)),
            Errand(FORGET_S, lambda: self._forget_ended(durable)),
        )
        while not stop.is_cancelled:
            try:
                for task in tasks:
                    task.do_when_due()
            except SQLAlchemyError as error:
                log.warning("the database fails: %s", type(error).__name__)
            stop.wait(POLL_S)

    def _admit(self, durable: DurableAttempts) -> None:
        limits, kinds = self._options.limits, self._options.kinds
        self._attempts.admit(limits, durable.enqueue, room=limits.total, kinds=kinds)

    def _say_seen(self) -> None:
        self._workers.seen(self._options.name, self._options.kinds, self._started_at)

    def _sweep(self, durable: DurableAttempts) -> None:
        """Take up again what nobody runs although it was let begin."""
        stranded = durable.stranded(self._attempts.running())
        for job in self._attempts.requeue(stranded, "Its attempt broke off."):
            log.warning("job %s: its attempt broke off; it is begun anew", job)
        self._adopt_dead()

    def _forget_ended(self, durable: DurableAttempts) -> None:
        self._jobs.forget_ended(self._clock.now() - self._options.keep_days * _DAY_S)
        durable.forget_ended(_DAY_S)
        self._workers.forget_silent(self._clock.now() - SILENT_KEPT_S)

    def _adopt_dead(self) -> None:
        """Of the workers of this computer it is certain who is dead; of others `agent adopt` has to tell."""
        if not self._database.path:
            return
        for name in {one.name for one in self._workers.all()} - {self._options.name}:
            with suppress(Busy), lease(self._database, name):
                for job in self._attempts.adopt(name):
                    log.warning("job %s: taken over from %s, which is no more", job, name)
                self._workers.left(name)

    def _wait_until_idle(self) -> bool:
        until = time.monotonic() + self._options.patience_s
        while not self._runner.is_idle:
            if time.monotonic() > until:
                return False
            time.sleep(POLL_S / 5)
        return True
