"""The queue of each kind of jobs: how full it is, and whether it stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omero_irods_bridge.agent.auditing import audit
from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.job_fields import moment
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs, Pause
from omero_irods_bridge.agent.store.workers import Workers, WorkerSeen
from omero_irods_bridge.model.jobs import JobKind, JobState


@dataclass(frozen=True, slots=True)
class Queue:
    """``limit`` is how many of this kind run at once; the others are how many there are, of all users.

    ``pause`` is none of one that is open.
    """

    kind: JobKind
    pause: Pause | None
    limit: int
    running: int
    queued: int
    waiting: int


class Queues:
    """Any thread may call it."""

    def __init__(self, jobs: Jobs, limits: Mapping[JobKind, int], workers: Workers | None = None) -> None:
        self._jobs, self._limits, self._workers = jobs, limits, workers

    def all(self) -> list[Queue]:
        """One of each kind."""
        paused = self._jobs.paused()
        return [self._queue(kind, paused.get(kind)) for kind in JobKind]

    def workers(self, requester: Requester) -> list[WorkerSeen]:
        """Who takes of the queues; for administrators alone, of others none is told."""
        return self._workers.all() if self._workers and requester.is_admin else []

    def pause(self, kind: JobKind, requester: Requester) -> Queue:
        """Let no more of this kind begin; those that run go on. Raises AccessDenied."""
        requester.check_admin()
        self._jobs.pause(kind, requester.user)
        audit(requester.user, "pause", kind=kind.value)
        return self._queue(kind, self._jobs.paused().get(kind))

    def resume(self, kind: JobKind, requester: Requester) -> Queue:
        """Let jobs of this kind begin again. Raises AccessDenied."""
        requester.check_admin()
        self._jobs.resume(kind)
        audit(requester.user, "resume", kind=kind.value)
        return self._queue(kind, None)

    def _queue(self, kind: JobKind, pause: Pause | None) -> Queue:
        states = (JobState.RUNNING, JobState.QUEUED, JobState.WAITING)
        found = self._jobs.count(JobFilter(kind=kind, states=states))
        running, queued, waiting = (found.get(state, 0) for state in states)
        return Queue(kind, pause, self._limits.get(kind, 0), running, queued, waiting)


def queue_fields(one: Queue) -> dict[str, Any]:
    """A queue as programs get it."""
    return {
        "kind": one.kind.value,
        "paused": one.pause is not None,
        "paused_at": moment(one.pause.at) if one.pause else None,
        "paused_by": one.pause.by if one.pause else "",
        "limit": one.limit,
        "running": one.running,
        "queued": one.queued,
        "waiting": one.waiting,
    }
