"""Jobs that are asked for again and again: handed in once when their time has come, whoever is at work.

Times are seconds since 1970; ``cron`` is meant in UTC, so that no hour comes twice and none is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from croniter import croniter

from omero_irods_bridge.agent.job_fields import moment
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.tables import SCHEDULES
from omero_irods_bridge.agent_settings import ScheduleSettings
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.jobs import Job, JobKind
from omero_irods_bridge.ports import Clock

log = logging.getLogger(__name__)

GRACE_S: Final = 300.0
"""How late a job may be handed in before its schedule is overdue: no worker looks after it."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule as it is now. ``last_at`` is none where it was not handed in yet."""

    name: str
    kind: JobKind
    cron: str
    user: str
    last_at: float | None
    next_at: float
    is_overdue: bool


class Schedules:
    """The schedules of the settings. Any thread, and any number of processes, may call any method."""

    def __init__(
        self, database: Database, clock: Clock, schedules: Mapping[str, ScheduleSettings], jobs: Jobs
    ) -> None:
        self._database, self._clock = database, clock
        self._schedules, self._jobs = schedules, jobs

    def submit_due(self) -> list[Job]:
        """Hand in what has become due, each once, however many times were missed meanwhile.

        That it was handed in is written in the transaction that keeps the job.
        """
        now = self._clock.now()
        made = (self._submit_when_due(name, one, now) for name, one in self._schedules.items())
        return [job for job in made if job is not None]

    def states(self) -> list[ScheduleState]:
        """All schedules of the settings, in the order of their names."""
        now = self._clock.now()
        with self._database.reading() as connection:
            rows = {row.name: row for row in connection.execute(sa.select(SCHEDULES))}
        return [_state(name, one, rows.get(name), now) for name, one in sorted(self._schedules.items())]

    def fields(self) -> list[dict[str, Any]]:
        """As :meth:`states`, as programs get them."""
        return [schedule_fields(one) for one in self.states()]

    def _submit_when_due(self, name: str, schedule: ScheduleSettings, now: float) -> Job | None:
        following = _next(schedule.cron, now)
        with self._database.reading() as connection:
            if not _needs_a_look(_row(connection, name), schedule, now, following):
                return None
        with self._database.writing() as connection:
            row = _row(connection, name)
            if row is None or row.cron != schedule.cron or now < row.next_at:
                _write(connection, name, schedule.cron, row.last_at if row else None, following)
                return None
            due = _last(schedule.cron, now)
            _write(connection, name, schedule.cron, due, following)
            return self._submit(connection, name, schedule, due)

    def _submit(
        self, connection: sa.Connection, name: str, schedule: ScheduleSettings, due: float
    ) -> Job | None:
        try:
            job = self._jobs.submit_in(connection, schedule.spec(f"schedule/{name}/{_minute(due)}"))
        except BridgeError as error:  # the clock was set back, and the settings changed since
            log.warning("schedule %s: %s", name, error.message)
            return None
        log.info("job %s: handed in by the schedule %s", job.id, name)
        return job


def schedule_fields(one: ScheduleState) -> dict[str, Any]:
    """A schedule as programs get it."""
    return {
        "name": one.name,
        "kind": one.kind.value,
        "cron": one.cron,
        "user": one.user,
        "last_at": moment(one.last_at),
        "next_at": moment(one.next_at),
        "overdue": one.is_overdue,
    }


def _state(name: str, schedule: ScheduleSettings, row: Any, now: float) -> ScheduleState:
    is_known = row is not None and row.cron == schedule.cron
    next_at = row.next_at if is_known else _next(schedule.cron, now)
    last_at = None if row is None else row.last_at
    is_overdue = now > next_at + GRACE_S
    return ScheduleState(name, schedule.kind, schedule.cron, schedule.user, last_at, next_at, is_overdue)


def _needs_a_look(row: Any, schedule: ScheduleSettings, now: float, following: float) -> bool:
    """It is new, changed or due, or a clock that was wrong has put it off."""
    if row is None or row.cron != schedule.cron:
        return True
    return bool(row.next_at <= now or row.next_at > following)


def _row(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(SCHEDULES).where(SCHEDULES.c.name == name)).one_or_none()


def _write(connection: sa.Connection, name: str, cron: str, last_at: float | None, next_at: float) -> None:
    connection.execute(sa.delete(SCHEDULES).where(SCHEDULES.c.name == name))
    values = {"name": name, "cron": cron, "last_at": last_at, "next_at": next_at}
    connection.execute(sa.insert(SCHEDULES).values(**values))


def _next(cron: str, after: float) -> float:
    return float(croniter(cron, _utc(after)).get_next(float))


def _last(cron: str, until: float) -> float:
    """The last time at or before ``until``."""
    return float(croniter(cron, _utc(until + 1)).get_prev(float))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _minute(seconds: float) -> str:
    return _utc(seconds).strftime("%Y-%m-%dT%H:%MZ")
