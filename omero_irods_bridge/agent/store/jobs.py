"""Jobs as those see them who ask for them: submit, look, cancel, have tried again, forget."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.days import Day, days_of
from omero_irods_bridge.agent.store.rows import add_state, job_event_of, job_of
from omero_irods_bridge.agent.store.tables import EVENTS, JOBS, PAUSED
from omero_irods_bridge.model.errors import Busy, Conflict, NotFound
from omero_irods_bridge.model.jobs import Job, JobEvent, JobKind, JobSpec, JobState
from omero_irods_bridge.ports import Clock

LARGEST_PAGE: Final = 1_000
_OPEN: Final = tuple(state for state in JobState if not state.is_final)
_FORGOTTEN_AT_ONCE: Final = 500
_INGEST_KEPT_S: Final = 7 * 24 * 3600.0
"""What an ingest did is told by AVUs, and rules may have one asked for each minute."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; what is none does not matter.

    ``text`` is somewhere in what was asked for or in why it failed; upper and lower case are the same.
    """

    requested_by: str | None = None
    states: tuple[JobState, ...] = ()
    kind: JobKind | None = None
    batch: str | None = None
    text: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        wanted: list[sa.ColumnElement[bool]] = []
        if self.requested_by is not None:
            wanted.append(JOBS.c.requested_by == self.requested_by)
        if self.states:
            wanted.append(JOBS.c.state.in_(self.states))
        if self.kind is not None:
            wanted.append(JOBS.c.kind == self.kind)
        if self.batch is not None:
            wanted.append(JOBS.c.batch == self.batch)
        if self.text is not None:
            wanted.append(_contains(JOBS.c.spec, self.text, False) | _contains(JOBS.c.error, self.text, True))
        return wanted


@dataclass(frozen=True, slots=True)
class Pause:
    """``at`` is seconds since 1970, none where nobody noted it; ``by`` is a name, "" likewise."""

    at: float | None
    by: str


class Jobs:
    """All jobs of an agent. Any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def submit(self, spec: JobSpec, *, most_open: int | None = None) -> Job:
        """Keep a job; it is durable when this returns. The job that is there, when it was asked for before.

        Raises:
            Conflict: the same user has asked for something else with the same request id.
            Busy: it is a new one, and its user has ``most_open`` that have not ended.
        """
        with self._database.writing() as connection:
            return self.submit_in(connection, spec, most_open=most_open)

    def submit_in(self, connection: sa.Connection, spec: JobSpec, *, most_open: int | None = None) -> Job:
        """As :meth:`submit`, in a transaction of the caller's."""
        same = (JOBS.c.requested_by == spec.requested_by) & (JOBS.c.request_id == spec.request_id)
        row = connection.execute(sa.select(JOBS).where(same)).one_or_none()
        if row is None:
            _check_room(connection, spec.requested_by, most_open)
            row = self._insert(connection, spec)
        job = job_of(row)
        if job.spec != spec:
            raise Conflict(
                f"The request {spec.request_id!r} was made before, for something else: job {job.id}.",
                hint="Give each request an id of its own.",
            )
        return job

    def _insert(self, connection: sa.Connection, spec: JobSpec) -> Any:
        now = self._clock.now()
        statement = sa.insert(JOBS).values(
            uuid=uuid.uuid4().hex,
            kind=spec.kind,
            requested_by=spec.requested_by,
            request_id=spec.request_id,
            priority=spec.priority,
            batch=spec.batch,
            lane=spec.lane,
            spec=spec.to_json(),
            state=JobState.QUEUED,
            created_at=now,
        )
        row = connection.execute(statement.returning(*JOBS.c)).one()
        add_state(connection, row.id, JobState.QUEUED, "", now)
        return row

    def get(self, job: int) -> Job:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return job_of(_row(connection, job))

    def list_jobs(self, wanted: JobFilter, *, limit: int = 50, before: int | None = None) -> list[Job]:
        """The newest first; ``before`` is the id of the last job of the page before."""
        query = sa.select(JOBS).where(*wanted.conditions()).order_by(JOBS.c.id.desc())
        if before is not None:
            query = query.where(JOBS.c.id < before)
        with self._database.reading() as connection:
            return [job_of(row) for row in connection.execute(query.limit(min(limit, LARGEST_PAGE)))]

    def count(self, wanted: JobFilter) -> dict[JobState, int]:
        """How many there are in each state."""
        query = sa.select(JOBS.c.state, sa.func.count()).where(*wanted.conditions()).group_by(JOBS.c.state)
        with self._database.reading() as connection:
            return {JobState(state): number for state, number in connection.execute(query)}

    def days(self, days: int, requested_by: str | None) -> list[Day]:
        """How jobs ended on each of the last ``days`` days, of one user or of all; today is the last."""
        return days_of(self._database, self._clock.now(), days, requested_by=requested_by)

    def events(self, job: int, *, after: int = 0, limit: int = LARGEST_PAGE) -> list[JobEvent]:
        """The log of a job, from behind the event ``after`` on. How far it is says :meth:`get`.

        Raises:
            NotFound: there is no such job.
        """
        query = sa.select(EVENTS).where(EVENTS.c.job == job, EVENTS.c.number > after)
        with self._database.reading() as connection:
            _row(connection, job)
            return [job_event_of(row) for row in connection.execute(query.order_by("number").limit(limit))]

    def cancel(self, job: int) -> Job:
        """See to it that a job ends; one that runs does so at its next piece. Done when it has ended."""
        with self._database.writing() as connection:
            now = self._clock.now()
            state = JobState(_row(connection, job).state)
            if state is JobState.RUNNING:
                _set(connection, job, cancel_requested=True)
            elif not state.is_final:
                _set(connection, job, state=JobState.CANCELLED, finished_at=now, run_after=None)
                add_state(connection, job, JobState.CANCELLED, "Cancelled before it ran.", now)
            return job_of(_row(connection, job))

    def retry(self, job: int) -> Job:
        """Let a job that failed or was cancelled be tried again, and one that waits at once.

        Raises:
            Conflict: it is under way, or done.
        """
        with self._database.writing() as connection:
            state = JobState(_row(connection, job).state)
            if state not in {JobState.FAILED, JobState.CANCELLED, JobState.WAITING}:
                raise Conflict(f"Job {job} is {state}; only what failed or was cancelled is tried again.")
            again = {"tries": 0, "finished_at": None, "run_after": None, "woken_from": None, "error": None}
            _set(connection, job, state=JobState.QUEUED, cancel_requested=False, **again)
            add_state(connection, job, JobState.QUEUED, "To be tried again.", self._clock.now())
            return job_of(_row(connection, job))

    def delete(self, job: int) -> None:
        """Forget a job that has ended, with its log.

        Raises:
            Conflict: it has not ended.
        """
        with self._database.writing() as connection:
            state = JobState(_row(connection, job).state)
            if not state.is_final:
                raise Conflict(f"Job {job} is {state}.", hint="Cancel it first.")
            _forget(connection, [job])

    def forget_ended(self, before: float) -> int:
        """Forget jobs that were done or cancelled before this time, and tell how many. Failed ones stay.

        Those of ingest are forgotten after a week at the latest.
        """
        is_old = JOBS.c.finished_at < before
        week_ago = self._clock.now() - _INGEST_KEPT_S
        is_old |= (JOBS.c.kind == JobKind.INGEST) & (JOBS.c.finished_at < week_ago)
        ended = JOBS.c.state.in_([JobState.DONE, JobState.CANCELLED]) & is_old
        query = sa.select(JOBS.c.id).where(ended).limit(_FORGOTTEN_AT_ONCE)
        total = 0
        while True:
            with self._database.writing() as connection:
                found = list(connection.execute(query).scalars())
                _forget(connection, found)
            total += len(found)
            if len(found) < _FORGOTTEN_AT_ONCE:
                return total

    def pause(self, kind: JobKind, by: str = "") -> None:
        """Let no more jobs of this kind begin, until :meth:`resume`; those that run go on.

        Who was first to pause it is noted as the one who did.
        """
        with self._database.writing() as connection:
            if connection.execute(sa.select(PAUSED).where(PAUSED.c.kind == kind)).one_or_none() is None:
                values = {"kind": kind, "paused_at": self._clock.now(), "paused_by": by}
                connection.execute(sa.insert(PAUSED).values(**values))

    def resume(self, kind: JobKind) -> None:
        with self._database.writing() as connection:
            connection.execute(sa.delete(PAUSED).where(PAUSED.c.kind == kind))

    def paused(self) -> dict[JobKind, Pause]:
        """The kinds that are paused."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(PAUSED)).all()
        return {JobKind(row.kind): Pause(row.paused_at, row.paused_by) for row in rows}


def _contains(column: sa.Column[Any], text: str, ascii_only: bool) -> sa.ColumnElement[bool]:
    """Whether the JSON of a column has ``text`` in it, as JSON writes it."""
    written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    return sa.func.coalesce(column, "").icontains(written, autoescape=True)


def _row(connection: sa.Connection, job: int) -> Any:
    row = connection.execute(sa.select(JOBS).where(JOBS.c.id == job)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job}.", hint="See: omero-irods jobs list")
    return row


def _check_room(connection: sa.Connection, user: str, most_open: int | None) -> None:
    if most_open is None:
        return
    his = (JOBS.c.requested_by == user) & JOBS.c.state.in_(_OPEN)
    if (connection.execute(sa.select(sa.func.count()).where(his)).scalar() or 0) >= most_open:
        raise Busy(
            f"{user} has {most_open:,} jobs that have not ended; more are not taken.",
            hint="Wait until some have ended, or cancel some. The limit is agent.open_per_user.",
        )


def _set(connection: sa.Connection, job: int, **values: Any) -> None:
    connection.execute(sa.update(JOBS).where(JOBS.c.id == job).values(**values))


def _forget(connection: sa.Connection, jobs: Sequence[int]) -> None:
    connection.execute(sa.delete(EVENTS).where(EVENTS.c.job.in_(jobs)))
    connection.execute(sa.delete(JOBS).where(JOBS.c.id.in_(jobs)))
