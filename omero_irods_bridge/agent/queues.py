"""The queue of each kind of jobs: how full it is, and whether it stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omero_irods_bridge.agent.auditing import audit
from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.jobs import JobKind, JobState


@dataclass(frozen=True, slots=True)
class Queue:
    """``limit`` is how many of this kind run at once; the others are how many there are, of all users."""

    kind: JobKind
    paused: bool
    limit: int
    running: int
    queued: int
    waiting: int


class Queues:
    """Any thread may call it."""

    def __init__(self, jobs: Jobs, limits: Mapping[JobKind, int]) -> None:
        self._jobs, self._limits = jobs, limits

    def all(self) -> list[Queue]:
        """One of each kind."""
        paused = self._jobs.paused()
        return [self._queue(kind, is_paused=kind in paused) for kind in JobKind]

    def pause(self, kind: JobKind, requester: Requester) -> Queue:
        """Let no more of this kind begin; those that run go on. Raises AccessDenied."""
        requester.check_admin()
        self._jobs.pause(kind)
        audit(requester.user, "pause", kind=kind.value)
        return self._queue(kind, is_paused=True)

    def resume(self, kind: JobKind, requester: Requester) -> Queue:
        """Let jobs of this kind begin again. Raises AccessDenied."""
        requester.check_admin()
        self._jobs.resume(kind)
        audit(requester.user, "resume", kind=kind.value)
        return self._queue(kind, is_paused=False)

    def _queue(self, kind: JobKind, *, is_paused: bool) -> Queue:
        states = (JobState.RUNNING, JobState.QUEUED, JobState.WAITING)
        found = self._jobs.count(JobFilter(kind=kind, states=states))
        running, queued, waiting = (found.get(state, 0) for state in states)
        return Queue(kind, is_paused, self._limits.get(kind, 0), running, queued, waiting)
