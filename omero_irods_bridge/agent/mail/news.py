"""What has become of the jobs that a message is about, as they are now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from omero_irods_bridge.agent.mail.outbox import Claim
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import ADMINS
from omero_irods_bridge.agent.store.rows import job_of
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.model.jobs import Job, JobState

MOST_JOBS: Final = 20
"""That a message tells of one by one, those that failed first; the page tells of all."""

_AT_ONCE: Final = 500
_FIRST: Final = {JobState.FAILED: 0, JobState.DONE: 1, JobState.CANCELLED: 2}


@dataclass(frozen=True, slots=True)
class News:
    """How many jobs ended how, and the first of them. ``since`` is when the first of them ended."""

    counts: Mapping[JobState, int]
    jobs: tuple[Job, ...]
    since: float
    is_digest: bool

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def read_news(database: Database, claim: Claim) -> News | None:
    """None when there is nothing to tell: the jobs were deleted, or none failed of those that had."""
    wanted = (JobState.FAILED,) if claim.recipient == ADMINS else tuple(_FIRST)
    with database.reading() as connection:
        found = dict(_states(connection, claim, wanted))
        first = sorted(found, key=lambda job: (_FIRST[found[job]], job))[:MOST_JOBS]
        rows = {row.id: row for row in connection.execute(sa.select(JOBS).where(JOBS.c.id.in_(first)))}
    jobs = tuple(job_of(rows[one]) for one in first if one in rows)
    counts = Counter(found.values())
    is_needless = not jobs or set(counts) == {JobState.CANCELLED}
    return None if is_needless else News(counts, jobs, claim.since, claim.is_digest)


def _states(connection: sa.Connection, claim: Claim, wanted: tuple[JobState, ...]) -> dict[int, JobState]:
    """By id. Of a batch all jobs count, those that were cancelled too."""
    query = sa.select(JOBS.c.id, JOBS.c.state).where(JOBS.c.state.in_(wanted))
    of_batches = JOBS.c.batch.in_(claim.batches) & (JOBS.c.requested_by == claim.recipient)
    found = connection.execute(query.where(of_batches)).all() if claim.batches else []
    states = {row.id: JobState(row.state) for row in found}
    for start in range(0, len(claim.jobs), _AT_ONCE):
        some = claim.jobs[start : start + _AT_ONCE]
        states |= {
            row.id: JobState(row.state) for row in connection.execute(query.where(JOBS.c.id.in_(some)))
        }
    return states
