"""Jobs that wait because a server did not answer: they are woken when it does, not when their time has come.

To try ahead of its time costs a job no try, and happens once between two of its times: when the server
answers and the job fails all the same, it waits as if nobody had woken it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.attempts import Attempt
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.rows import add_state
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.model.errors import Unreachable
from omero_irods_bridge.model.jobs import JobState
from omero_irods_bridge.ports import Clock

SOON_S: Final = 15.0
"""What is due so soon is left alone."""


class Sleepers:
    """Any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def all(self) -> list[Attempt]:
        """The last attempts of those that can be woken."""
        columns = JOBS.c.id, JOBS.c.attempt, JOBS.c.error
        query = sa.select(*columns).where(*self._asleep(), JOBS.c.error.is_not(None))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [Attempt(row.id, row.attempt) for row in rows if _is_unreachable(row.error)]

    def wake(self, attempts: Collection[Attempt]) -> list[int]:
        """Let those begin at once that still wait after these attempts; the ids of their jobs."""
        now = self._clock.now()
        woken = sa.update(JOBS).where(*self._asleep())
        woken = woken.values(run_after=now, woken_from=JOBS.c.run_after).returning(JOBS.c.id)
        with self._database.writing() as connection:
            found = [
                job
                for one in attempts
                for job in connection.execute(
                    woken.where(JOBS.c.id == one.job, JOBS.c.attempt == one.number)
                ).scalars()
            ]
            for job in found:
                text = "The servers answer again: it is tried at once."
                add_state(connection, job, JobState.WAITING, text, now)
        return found

    def _asleep(self) -> tuple[sa.ColumnElement[bool], ...]:
        is_later = JOBS.c.run_after > self._clock.now() + SOON_S
        return JOBS.c.state == JobState.WAITING, JOBS.c.woken_from.is_(None), is_later


def _is_unreachable(error: str) -> bool:
    return bool(json.loads(error)["code"] == Unreachable.code)
