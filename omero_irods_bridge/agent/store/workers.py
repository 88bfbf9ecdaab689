"""Which workers there are: each says now and then that it is at work, and leaves when it stops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.tables import JOBS, WORKERS
from omero_irods_bridge.model.jobs import JobKind, JobState
from omero_irods_bridge.ports import Clock

SEEN_S: Final = 30.0
"""How often a worker says that it is at work."""

SILENT_S: Final = 4 * SEEN_S
"""One that said nothing for so long is dead, or cannot write to the database."""


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker that did not say that it stops; ``is_silent`` when nothing tells that it lives.

    Times are seconds since 1970; none of one that says nothing of itself but has jobs under way, as those of
    older releases. ``running`` is how many these are.
    """

    name: str
    kinds: tuple[JobKind, ...]
    started_at: float | None
    seen_at: float | None
    running: int
    is_silent: bool


def jobs_under_way(connection: sa.Connection) -> dict[str, int]:
    """How many jobs each worker is at, or was when it died; those who have none are left out."""
    is_at_it = (JOBS.c.state == JobState.RUNNING) & (JOBS.c.worker != "")
    query = sa.select(JOBS.c.worker, sa.func.count()).where(is_at_it).group_by(JOBS.c.worker)
    return {row[0]: row[1] for row in connection.execute(query)}


class Workers:
    """Any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def seen(self, name: str, kinds: Collection[JobKind], started_at: float) -> None:
        """The worker that began at ``started_at`` to take jobs of ``kinds`` is at work now."""
        told = ",".join(kind for kind in JobKind if kind in kinds)
        values = {"kinds": told, "started_at": started_at, "seen_at": self._clock.now()}
        with self._database.writing() as connection:
            row = sa.update(WORKERS).where(WORKERS.c.name == name)
            if not connection.execute(row.values(**values)).rowcount:
                connection.execute(sa.insert(WORKERS).values(name=name, **values))

    def left(self, name: str) -> None:
        """It stops, or does not come back."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(WORKERS).where(WORKERS.c.name == name))

    def forget_silent(self, before: float) -> None:
        """Forget those that were not seen since ``before``; their jobs stay theirs."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(WORKERS).where(WORKERS.c.seen_at < before))

    def all(self) -> list[WorkerSeen]:
        """By name."""
        with self._database.reading() as connection:
            running = jobs_under_way(connection)
            rows = {row.name: row for row in connection.execute(sa.select(WORKERS))}
        return [
            self._worker(name, rows.get(name), running.get(name, 0))
            for name in sorted(rows.keys() | running.keys())
        ]

    def _worker(self, name: str, row: Any, running: int) -> WorkerSeen:
        if row is None:
            return WorkerSeen(name, (), None, None, running, is_silent=True)
        kinds = tuple(map(JobKind, filter(None, row.kinds.split(","))))
        is_silent = self._clock.now() - row.seen_at > SILENT_S
        return WorkerSeen(name, kinds, row.started_at, row.seen_at, running, is_silent)
