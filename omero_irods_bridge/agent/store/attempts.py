"""Jobs as workers see them: let begin within the limits, run, end. A worker that is late writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import attempt_ended
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.rows import add_event, add_state, job_of, text_of
from omero_irods_bridge.agent.store.tables import EVENTS, JOBS, PAUSED
from omero_irods_bridge.model.events import Event, Notice
from omero_irods_bridge.model.jobs import Job, JobKind, JobState, Phase
from omero_irods_bridge.ports import Clock

LONGEST_LOG: Final = 2_000
"""Events of one job; what comes later is left out, but for how it ends."""

LONGEST_WAIT_S: Final = 12 * 3600.0
"""That anything is put off, but for a longer interval of the settings. What is due later than that was put
off by a clock that has been set back since, and is due at once."""

ALL_KINDS: Final = frozenset(JobKind)

_LEFT_OUT: Final = Notice("There is more than this log keeps; the rest is left out.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many jobs run at once: in all, of one user, of each kind."""

    total: int
    per_user: int
    kinds: Mapping[JobKind, int]


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to work at a job; it ends when another attempt at the same job is let begin."""

    job: int
    number: int


Start: TypeAlias = Callable[[sa.Connection, Attempt, JobKind, int], None]
"""Has an attempt at a job of this kind and priority run, when the transaction is committed."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A job whose attempt begins.

    ``runs`` counts, from 1, how often it was begun: more than once after a worker died. ``moment`` is when it
    was begun first.
    """

    job: Job
    runs: int
    moment: float


class Attempts:
    """The attempts at the jobs of an agent. Any thread, and any number of processes, may call any method."""

    def __init__(
        self, database: Database, clock: Clock, retry_after_s: Sequence[float] = (), *, mails: bool = False
    ) -> None:
        """With ``mails`` it is noted who is to be told how a job ended."""
        self._database, self._clock, self._mails = database, clock, mails
        self._retry_after_s = tuple(retry_after_s)
        self._longest_wait_s = max([LONGEST_WAIT_S, *retry_after_s])

    def admit(
        self, limits: Limits, start: Start, *, room: int, kinds: Collection[JobKind] = ALL_KINDS
    ) -> list[Attempt]:
        """Let at most ``room`` jobs begin, as many as the limits leave, those of the first priority first.

        Only those of ``kinds``; the limits count all. ``start`` is called in the transaction that lets a job
        begin: both happen, or neither does.
        """
        with self._database.writing() as connection:
            running = _Running(connection)
            admitted: list[Attempt] = []
            while len(admitted) < room and running.total < limits.total:
                row = connection.execute(self._next(running, limits, kinds)).one_or_none()
                if row is None:
                    break
                attempt = Attempt(row.id, row.attempt + 1)
                self._begin(connection, attempt)
                start(connection, attempt, JobKind(row.kind), row.priority)
                running.add(row.kind, row.requested_by, row.lane)
                admitted.append(attempt)
        return admitted

    def _next(self, running: _Running, limits: Limits, kinds: Collection[JobKind]) -> sa.Select[Any]:
        """Of those that wait for their turn and of those that are due the first: an index gives each."""
        full = {kind for kind in kinds if running.kinds[kind] >= limits.kinds[kind]}
        open_kinds = [kind for kind in kinds if kind not in full and kind not in running.paused]
        busy = [user for user, number in running.users.items() if number >= limits.per_user]
        lanes = JOBS.c.lane.not_in(running.lanes)
        now = self._clock.now()
        too_late = now + self._longest_wait_s
        has_come = (JOBS.c.run_after <= now) | (JOBS.c.run_after > too_late)
        is_due = (JOBS.c.state == JobState.WAITING) & has_come
        may = JOBS.c.kind.in_(open_kinds), JOBS.c.requested_by.not_in(busy), lanes
        found = sa.union_all(
            *(_first(state, *may) for state in (JOBS.c.state == JobState.QUEUED, is_due))
        ).subquery()
        return sa.select(found).order_by(found.c.priority, found.c.id).limit(1)

    def _begin(self, connection: sa.Connection, attempt: Attempt) -> None:
        begun = {"runs": 0, "attempt_at": None, "run_after": None, "phase": None, "worker": ""}
        row = JOBS.c.id == attempt.job
        connection.execute(
            sa.update(JOBS).where(row).values(state=JobState.RUNNING, attempt=attempt.number, **begun)
        )

    def begin(self, attempt: Attempt, worker: str) -> Begun | None:
        """Say that ``worker`` works at it now; none when the job is somebody else's or has ended."""
        with self._database.writing() as connection:
            now = self._clock.now()
            values = {
                "worker": worker,
                "runs": JOBS.c.runs + 1,
                "attempt_at": sa.func.coalesce(JOBS.c.attempt_at, now),
                "started_at": sa.func.coalesce(JOBS.c.started_at, now),
            }
            row = connection.execute(_update(attempt).values(**values).returning(*JOBS.c)).one_or_none()
            if row is None:
                return None
            text = f"Attempt {attempt.number}, by {worker}" + (", goes on." if row.runs > 1 else ".")
            add_state(connection, attempt.job, JobState.RUNNING, text, now)
            return Begun(job_of(row), row.runs, row.attempt_at)

    def record(self, attempt: Attempt, phase: Phase, events: Sequence[tuple[float, Event]]) -> bool | None:
        """Keep how far it is and what happened; whether it shall stop, none when the job is lost."""
        with self._database.writing() as connection:
            updated = _update(attempt).values(phase=text_of(phase)).returning(JOBS.c.cancel_requested)
            row = connection.execute(updated).one_or_none()
            if row is None:
                return None
            _add_within_limit(connection, attempt.job, events)
            return bool(row.cancel_requested)

    def is_to_stop(self, attempt: Attempt) -> bool | None:
        """Whether somebody asked to cancel the job; none when it is lost."""
        query = sa.select(JOBS.c.cancel_requested).where(*_present(attempt))
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def finish(self, attempt: Attempt, outcome: Outcome) -> Job | None:
        """Write what came of it; none when the job is somebody else's or has ended. Safe to repeat."""
        if outcome.end is End.LOST:
            return None
        with self._database.writing() as connection:
            row = connection.execute(sa.select(JOBS).where(*_present(attempt))).one_or_none()
            if row is None:
                return None
            now = self._clock.now()
            values, text = self._ending(job_of(row), outcome, now, row.woken_from)
            after = connection.execute(_update(attempt).values(**values).returning(*JOBS.c)).one()
            add_state(connection, attempt.job, values["state"], text, now)
            attempt_ended(connection, job := job_of(after), now, mails=self._mails)
            return job

    def _ending(
        self, job: Job, outcome: Outcome, now: float, woken_from: float | None
    ) -> tuple[dict[str, Any], str]:
        """The columns that change, and what to say of it."""
        told = {"result": text_of(outcome.result), "error": text_of(outcome.error)}
        if outcome.end is End.DONE:
            return {"state": JobState.DONE, "finished_at": now, **told}, ""
        if outcome.end is End.CANCELLED or job.is_cancel_requested:
            return {"state": JobState.CANCELLED, "finished_at": now, **told}, "Cancelled as asked."
        if outcome.end is End.HANDED_BACK:
            return {"state": JobState.QUEUED}, "Its worker was stopped; it goes on when there is another."
        assert outcome.error is not None
        again = self._again(job, outcome, now, woken_from)
        if again is not None:
            wait = again["run_after"] - now
            text = f"{outcome.error.message} It is tried again in {wait:,.0f} s."
            return {"state": JobState.WAITING, **again, **told}, text
        failed = {"state": JobState.FAILED, "tries": job.tries + 1, "finished_at": now, **told}
        return failed, " ".join(text for text in (outcome.error.message, outcome.error.hint) if text)

    def _again(
        self, job: Job, outcome: Outcome, now: float, woken_from: float | None
    ) -> dict[str, Any] | None:
        """When it is tried again, and which try that was; none when there is to be no other."""
        assert outcome.error is not None
        if not outcome.error.retryable:
            return None
        if woken_from is not None and 0 < woken_from - now <= self._longest_wait_s:
            return {"run_after": woken_from}  # it was ahead of its time (sleepers.py)
        if job.tries >= len(self._retry_after_s):
            return None
        wait = self._retry_after_s[job.tries]
        return {"tries": job.tries + 1, "run_after": now + wait, "woken_from": None}

    def adopt(self, worker: str) -> list[int]:
        """Take all that ``worker`` was at away from it, so that others may begin it; the ids of the jobs.

        Should it live after all, it finds its jobs lost at its next piece and writes nothing more of them.
        """
        return self._take_back(JOBS.c.worker == worker, f"Taken over from {worker}.")

    def requeue(self, attempts: Sequence[Attempt], why: str) -> list[int]:
        """Let these be begun anew that are still present; the ids of the jobs."""
        pairs = [(attempt.job, attempt.number) for attempt in attempts]
        return self._take_back(sa.tuple_(JOBS.c.id, JOBS.c.attempt).in_(pairs), why)

    def _take_back(self, which: sa.ColumnElement[bool], why: str) -> list[int]:
        with self._database.writing() as connection:
            taken = sa.update(JOBS).where(JOBS.c.state == JobState.RUNNING, which)
            taken = taken.values(state=JobState.QUEUED)
            jobs = sorted(connection.execute(taken.returning(JOBS.c.id)).scalars())
            for job in jobs:
                add_state(connection, job, JobState.QUEUED, why, self._clock.now())
        return jobs

    def running(self) -> list[Attempt]:
        """All that were let begin and have not ended."""
        query = sa.select(JOBS.c.id, JOBS.c.attempt).where(JOBS.c.state == JobState.RUNNING)
        with self._database.reading() as connection:
            return [Attempt(row.id, row.attempt) for row in connection.execute(query)]


class _Running:
    """How many jobs run now, which kinds may not begin, and in which lanes there is somebody."""

    def __init__(self, connection: sa.Connection) -> None:
        query = sa.select(JOBS.c.kind, JOBS.c.requested_by, JOBS.c.lane)
        query = query.where(JOBS.c.state == JobState.RUNNING)
        self.total = 0
        self.kinds: Counter[str] = Counter()
        self.users: Counter[str] = Counter()
        self.lanes: set[str] = set()
        self.paused = list(connection.execute(sa.select(PAUSED.c.kind)).scalars())
        for kind, user, lane in connection.execute(query):
            self.add(kind, user, lane)

    def add(self, kind: str, user: str, lane: str) -> None:
        self.total += 1
        self.kinds[kind] += 1
        self.users[user] += 1
        self.lanes |= {lane} - {""}


def _first(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns = (JOBS.c.id, JOBS.c.attempt, JOBS.c.priority, JOBS.c.kind, JOBS.c.requested_by, JOBS.c.lane)
    found = sa.select(*columns).where(*conditions).order_by(JOBS.c.priority, JOBS.c.id).limit(1)
    return sa.select(found.subquery())


def _present(attempt: Attempt) -> tuple[sa.ColumnElement[bool], ...]:
    is_present = (JOBS.c.id == attempt.job) & (JOBS.c.attempt == attempt.number)
    return is_present, JOBS.c.state == JobState.RUNNING


def _update(attempt: Attempt) -> sa.Update:
    return sa.update(JOBS).where(*_present(attempt))


def _add_within_limit(connection: sa.Connection, job: int, events: Sequence[tuple[float, Event]]) -> None:
    if not events:
        return
    count = connection.execute(sa.select(sa.func.count()).where(EVENTS.c.job == job)).scalar() or 0
    for at, event in events[: max(0, LONGEST_LOG - count)]:
        add_event(connection, job, event, at)
    if count <= LONGEST_LOG < count + len(events):
        add_event(connection, job, _LEFT_OUT, events[-1][0])
