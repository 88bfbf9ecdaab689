"""A job as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.agent.job_fields import job_fields
from omero_irods_bridge.cli import output, views
from omero_irods_bridge.cli.options import Shown
from omero_irods_bridge.model.events import Notice, Step
from omero_irods_bridge.model.jobs import (
    IngestWork,
    Job,
    JobEvent,
    PackWork,
    Phase,
    StateChanged,
    UnpackWork,
    VerifyWork,
)

_MOST_SHOWN: Final = 20
"""Of a table in a result; ``--json`` has all."""


def tell(job: Job, shown: Shown) -> None:
    """Print a job as the result of the command."""
    if shown.as_json:
        output.json_result({"job": job_fields(job)})
    else:
        output.result("\n".join((title(job), *views.aligned(facts(job)))))


def title(job: Job) -> str:
    """Which job, and how it stands."""
    asked = " (asked to stop)" if job.is_cancel_requested and not job.state.is_final else ""
    return f"Job {job.id}: {job.state}{asked}"


def row(job: Job) -> tuple[str, ...]:
    """Of a table: number, state, kind, for whom, since when, what."""
    since = job.finished_at or job.started_at or job.created_at
    return (
        str(job.id),
        job.state,
        job.spec.kind,
        job.spec.requested_by,
        views.when(since),
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
    if isinstance(work, IngestWork):
        return f"{work.collection or 'all that opted in'}{', as told' if work.hinted else ''}"
    return work.path if isinstance(work, VerifyWork) else work.collection or "~"


def facts(job: Job) -> Iterator[tuple[str, str]]:
    """All that a person wants to know of it, with names."""
    yield "what", f"{job.spec.kind} {what(job)}"
    yield "for", job.spec.requested_by
    yield "asked", _when(job.created_at)
    if job.run_after is not None:
        yield "again", _when(job.run_after)
    if job.phase.text:
        yield "step", f"{job.phase.text} {_how_far(job.phase)}".rstrip()
    if job.finished_at is not None:
        yield "ended", _when(job.finished_at)
    for key_of_result, value in (job.result or {}).items():
        name = key_of_result.replace("_", " ")
        if isinstance(value, Mapping):
            yield from ((name, f"{key}: {one}") for key, one in list(value.items())[:_MOST_SHOWN])
        elif not isinstance(value, list):
            yield name, {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if job.error is not None:
        yield "error", job.error.message
        if job.error.hint:
            yield "to do", job.error.hint


def _how_far(phase: Phase) -> str:
    if phase.bytes_total:
        return f"{views.size(phase.bytes_done)} of {views.size(phase.bytes_total)}"
    return f"{phase.items_done:,} of {phase.items_total:,}" if phase.items_total else ""


def line(one: JobEvent) -> str:
    """Of the log."""
    told = one.event.text if isinstance(one.event, (Step, Notice, StateChanged)) else ""
    state = f"{one.event.state}. " if isinstance(one.event, StateChanged) else ""
    return f"  {_when(one.at)}  {state}{told}".rstrip()


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
