"""Following a job: its progress is shown as of a command that does the work itself."""

from __future__ import annotations

import time
from typing import Final, Protocol

from omero_irods_bridge.cli import job_views, working
from omero_irods_bridge.cli.options import Told
from omero_irods_bridge.model.errors import ExitStatus, Interrupted, Unreachable
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step
from omero_irods_bridge.model.jobs import Job, JobEvent, JobKind, JobState, Phase, StateChanged

WATCH_S: Final = 0.5
"""How often it is looked."""

PATIENCE_S: Final = 120.0
"""How long an agent that does not answer, such as one that is started anew, is waited for."""


class Watchable(Protocol):
    """Where jobs are looked at."""

    def get(self, job: int) -> Job: ...
    def events(self, job: int, *, after: int = 0) -> list[JobEvent]: ...


def follow(jobs: Watchable, job: int, told: Told) -> int:
    """Show the progress of a job until it ends, and end as it does; Ctrl-C leaves it alone.

    Raises:
        BridgeError: that of a job that failed.
        Interrupted: somebody does not want to wait any more.
    """
    with working.at_work(told) as (report, cancel):
        found = _until_final(_Watched(jobs, job, report), cancel)
    if not found.state.is_final:
        raise Interrupted(f"Job {job} goes on.", hint=f"To end it: omero-irods jobs cancel {job}")
    if found.error is not None:
        raise found.error.to_error()
    job_views.tell(found, told)
    if found.state is not JobState.DONE:
        return ExitStatus.INTERRUPTED
    is_partial = found.spec.kind is JobKind.INGEST and bool((found.result or {}).get("failed"))
    return ExitStatus.PARTIAL if is_partial else ExitStatus.DONE


def _until_final(watched: _Watched, cancel: CancelToken) -> Job:
    """As it is in the end, or when nobody wants to wait any more."""
    found = watched.look()
    answered_at = time.monotonic()
    while not (found.state.is_final or cancel.wait(WATCH_S)):
        try:
            found, answered_at = watched.look(), time.monotonic()
        except Unreachable:
            if time.monotonic() - answered_at > PATIENCE_S:
                raise
    return found


class _Watched:
    """A job somebody looks at; what is new is reported."""

    def __init__(self, jobs: Watchable, job: int, report: Report) -> None:
        self._jobs, self._id, self._report = jobs, job, report
        self._seen = 0
        self._step, self._phase = "", Phase()

    def look(self) -> Job:
        """The job first: what happened until then is among the events."""
        job = self._jobs.get(self._id)
        for one in self._jobs.events(self._id, after=self._seen):
            self._seen = one.number
            self._tell(one)
        if job.phase != self._phase and job.phase.text == self._step:
            self._phase = job.phase
            self._report(Progress(job.phase.bytes_done, job.phase.items_done))
        return job

    def _tell(self, one: JobEvent) -> None:
        if isinstance(one.event, StateChanged):
            said = (f"Job {self._id}: {one.event.state}.", one.event.text)
            self._report(Notice(" ".join(filter(None, said))))
            return
        if isinstance(one.event, Step):
            self._step = one.event.text
        self._report(one.event)
