"""``omero-irods jobs``: what has become of the agent's jobs, for its administrator."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, Shown, Told
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.events import Notice, Progress, Report, Step
from omero_irods_bridge.model.jobs import (
    Job,
    JobEvent,
    JobKind,
    JobState,
    PackWork,
    Phase,
    StateChanged,
    UnpackWork,
    VerifyWork,
)

if TYPE_CHECKING:
    from omero_irods_bridge.agent.store.jobs import Jobs

_Job = Annotated[int, typer.Argument(metavar="JOB", hidden=True)]

WATCH_S: Final = 0.5
"""How often ``watch`` looks."""

_MOST_SHOWN: Final = 20
"""Of a table in a result; ``--json`` has all."""


@dataclass(frozen=True)
class Which:
    """Which jobs."""

    state: Annotated[
        list[JobState] | None, typer.Option(metavar="STATE", help="queued, running, waiting, done, ...")
    ] = None
    kind: Annotated[JobKind | None, typer.Option(metavar="KIND", help="pack, unpack, verify or gc.")] = None
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Of this OMERO user.")] = None
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many.")] = 50
    before: Annotated[int | None, typer.Option(metavar="JOB", help="Older than this one.")] = None


def list_jobs(which: Which, shown: Shown, config: Config) -> None:
    """List jobs, the newest first.

    Example:  omero-irods jobs list --state failed
    """
    from omero_irods_bridge.agent.administration import open_jobs
    from omero_irods_bridge.agent.store.jobs import JobFilter

    wanted = JobFilter(which.by, tuple(which.state or ()), which.kind)
    with open_jobs(working.settings_of(config)) as jobs:
        found = jobs.list_jobs(wanted, limit=which.limit, before=which.before)
    if shown.as_json:
        output.json_result({"jobs": [job_fields(one) for one in found]})
    elif found:
        output.table(("JOB", "STATE", "KIND", "FOR", "SINCE", "WHAT"), map(_row, found), right=("JOB",))
    else:
        output.note("There are no such jobs.")


def show(job: _Job, shown: Shown, config: Config) -> None:
    """Show a job and its log.

    Example:  omero-irods jobs show 42
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        found, events = jobs.get(job), jobs.events(job)
    if shown.as_json:
        output.json_result({"job": job_fields(found), "events": [log_fields(one) for one in events]})
    else:
        output.result("\n".join((_title(found), *views.aligned(_facts(found)), *map(_line, events))))


def watch(job: _Job, told: Told, config: Config) -> int:
    """Show the progress of a job until it ends, and end as it does; Ctrl-C leaves it alone.

    Example:  omero-irods jobs watch 42
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with (
        open_jobs(working.settings_of(config)) as jobs,
        working.at_work(told) as (report, cancel),
    ):
        watched = _Watched(jobs, job, report)
        while not watched.look().state.is_final:
            if cancel.is_cancelled:
                return ExitStatus.INTERRUPTED
            time.sleep(WATCH_S)
    return _ended(watched.look(), told)


def cancel(job: _Job, shown: Shown, config: Config) -> None:
    """End a job; one that runs stops at its next piece, and nothing half-done becomes visible.

    Example:  omero-irods jobs cancel 42
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        _tell(jobs.cancel(job), shown)


def retry(job: _Job, shown: Shown, config: Config) -> None:
    """Have a job that failed or was cancelled tried again, or one that waits at once.

    Example:  omero-irods jobs retry 42
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        _tell(jobs.retry(job), shown)


def delete(job: _Job, config: Config) -> None:
    """Forget a job that has ended, with its log.

    Example:  omero-irods jobs delete 42
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        jobs.delete(job)


class _Watched:
    """A job somebody looks at; what is new is reported as by a command that does the work itself."""

    def __init__(self, jobs: Jobs, job: int, report: Report) -> None:
        self._jobs, self._id, self._report = jobs, job, report
        self._seen = 0
        self._step, self._phase = "", Phase()

    def look(self) -> Job:
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
            self._report(
                Notice(" ".join(filter(None, (f"Job {self._id}: {one.event.state}.", one.event.text))))
            )
            return
        if isinstance(one.event, Step):
            self._step = one.event.text
        self._report(one.event)


def _ended(job: Job, told: Told) -> int:
    if job.error is not None:
        raise job.error.to_error()
    _tell(job, told)
    return ExitStatus.DONE if job.state is JobState.DONE else ExitStatus.INTERRUPTED


def _tell(job: Job, shown: Shown) -> None:
    if shown.as_json:
        output.json_result({"job": job_fields(job)})
    else:
        output.result("\n".join((_title(job), *views.aligned(_facts(job)))))


def _title(job: Job) -> str:
    asked = " (asked to stop)" if job.is_cancel_requested and not job.state.is_final else ""
    return f"Job {job.id}: {job.state}{asked}"


def _row(job: Job) -> tuple[str, ...]:
    since = job.finished_at or job.started_at or job.created_at
    return (
        str(job.id),
        job.state,
        job.spec.kind,
        job.spec.requested_by,
        views.when(datetime.fromtimestamp(since, UTC)),
        what(job),
    )


def what(job: Job) -> str:
    """What the job works at, shortly."""
    work = job.spec.work
    if isinstance(work, PackWork):
        shown = ", ".join(map(str, work.objects[:3]))
        return shown if len(work.objects) <= 3 else f"{shown} and {len(work.objects) - 3:,} more"
    if isinstance(work, UnpackWork):
        return f"{work.path} into {work.into}" if work.into else work.path
    return work.path if isinstance(work, VerifyWork) else work.collection or "~"


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "what", f"{job.spec.kind} {what(job)}"
    yield "for", job.spec.requested_by
    yield "asked", _when(job.created_at)
    if job.run_after is not None:
        yield "again", _when(job.run_after)
    if job.phase.text:
        yield "step", f"{job.phase.text} {_how_far(job.phase)}".rstrip()
    if job.finished_at is not None:
        yield "ended", _when(job.finished_at)
    for name, value in (job.result or {}).items():
        if isinstance(value, Mapping):
            yield from ((name, f"{key}: {one}") for key, one in list(value.items())[:_MOST_SHOWN])
        elif not isinstance(value, list):
            yield name, str(value)
    if job.error is not None:
        yield "error", job.error.message
        if job.error.hint:
            yield "to do", job.error.hint


def _how_far(phase: Phase) -> str:
    if phase.bytes_total:
        return f"{views.size(phase.bytes_done)} of {views.size(phase.bytes_total)}"
    return f"{phase.items_done:,} of {phase.items_total:,}" if phase.items_total else ""


def _line(one: JobEvent) -> str:
    told = one.event.text if isinstance(one.event, (Step, Notice, StateChanged)) else ""
    state = f"{one.event.state}. " if isinstance(one.event, StateChanged) else ""
    return f"  {_when(one.at)}  {state}{told}"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
