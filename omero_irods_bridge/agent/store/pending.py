"""Jobs that are asked for again and again: one that has not begun does for all who ask."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.rows import add_state, job_of
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.model.jobs import Job, JobSpec, JobState
from omero_irods_bridge.ports import Clock

_TO_BEGIN: Final = (JobState.QUEUED, JobState.WAITING)


class Pending:
    """Hands in such jobs. Any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock, jobs: Jobs) -> None:
        self._database, self._clock, self._jobs = database, clock, jobs

    def submit(self, spec: JobSpec, *, after_s: float = 0.0) -> Job:
        """The job of this lane, user and work that is still to begin; a new one when there is none.

        One that runs does not do: it may have looked already. So whatever happened before this call is seen
        by the job that it returns. A new one begins after ``after_s`` seconds at the earliest, and has a
        request id that nobody can have used before, whatever ``spec`` says.
        """
        with self._database.writing() as connection:
            found = self._there(connection, spec)
            if found is None:
                fresh = f"again/{uuid.uuid4().hex}"
                found = self._jobs.submit_in(connection, replace(spec, request_id=fresh))
                found = self._put_off(connection, found, after_s) if after_s > 0 else found
            return found

    def _there(self, connection: sa.Connection, spec: JobSpec) -> Job | None:
        same = (JOBS.c.lane == spec.lane) & (JOBS.c.requested_by == spec.requested_by)
        query = sa.select(JOBS).where(same, JOBS.c.state.in_(_TO_BEGIN)).order_by(JOBS.c.id)
        found = map(job_of, connection.execute(query))
        return next((job for job in found if job.spec.work == spec.work), None)

    def _put_off(self, connection: sa.Connection, job: Job, after_s: float) -> Job:
        now = self._clock.now()
        later = {"state": JobState.WAITING, "run_after": now + after_s}
        changed = sa.update(JOBS).where(JOBS.c.id == job.id).values(**later).returning(*JOBS.c)
        row = connection.execute(changed).one()
        add_state(connection, job.id, JobState.WAITING, f"It begins in {after_s:,.0f} s.", now)
        return job_of(row)
