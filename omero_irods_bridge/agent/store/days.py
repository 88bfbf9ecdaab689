"""How jobs ended, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.model.jobs import JobState

DAY_S: Final = 86_400
_ENDS: Final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Day:
    """How many jobs ended in which way on a day, from midnight to midnight UTC."""

    date: date
    done: int = 0
    failed: int = 0
    cancelled: int = 0


def days_of(database: Database, now: float, days: int = 30, *, requested_by: str | None = None) -> list[Day]:
    """The last ``days`` days, the earliest first and today last; of one user, or of all.

    A job counts on the day on which it ended; one that was forgotten or deleted counts no more. One query,
    over the index of ended jobs.
    """
    last = datetime.fromtimestamp(now, UTC).date()
    first = last - timedelta(days=days - 1)
    with database.reading() as connection:
        found = connection.execute(_query(connection.dialect.name, _midnight(first), requested_by)).all()
    return list(_days(first, days, found))


def _query(dialect: str, begin: float, requested_by: str | None) -> sa.Select[Any]:
    day = _whole(dialect, (JOBS.c.finished_at - begin) / DAY_S).label("day")
    ended = JOBS.c.state.in_(_ENDS) & (JOBS.c.finished_at >= begin)
    query = sa.select(day, JOBS.c.state, sa.func.count().label("jobs")).where(ended)
    if requested_by is not None:
        query = query.where(JOBS.c.requested_by == requested_by)
    return query.group_by(day, JOBS.c.state)


def _whole(dialect: str, number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Rounded down, as a cast does in SQLite, which may lack floor, and not in PostgreSQL."""
    return sa.cast(number if dialect == "sqlite" else sa.func.floor(number), sa.Integer)


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()


def _days(first: date, days: int, found: Any) -> Iterator[Day]:
    counts = {(row.day, row.state): row.jobs for row in found}
    for number in range(days):
        ended = {state.value: counts.get((number, state.value), 0) for state in _ENDS}
        yield Day(first + timedelta(days=number), **ended)
