"""``omero-irods jobs``: what has become of jobs, asked of the agent or of its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import typer

from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.cli import job_views, output, views, working
from omero_irods_bridge.cli.by_agent import open_jobs
from omero_irods_bridge.cli.options import Asked, Config, Shown, Told
from omero_irods_bridge.cli.watching import follow
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import JobKind, JobState

_MOST: Final = 2**63 - 1
"""What a database takes for a number."""

_Job = Annotated[int, typer.Argument(metavar="JOB", max=_MOST, hidden=True)]


@dataclass(frozen=True)
class Which:
    """Which jobs."""

    state: Annotated[
        list[JobState] | None, typer.Option(metavar="STATE", help="queued, running, waiting, done, ...")
    ] = None
    kind: Annotated[
        JobKind | None, typer.Option(metavar="KIND", help="pack, unpack, verify, gc or ingest.")
    ] = None
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Of this OMERO user.")] = None
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Of this batch.")] = None
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many.")] = 50
    before: Annotated[int | None, typer.Option(metavar="JOB", help="Older than this one.")] = None

    def __post_init__(self) -> None:
        if self.before is not None and self.before > _MOST:
            raise UsageError(f"No job has a number above {_MOST}.", hint="See: omero-irods jobs list")


def list_jobs(which: Which, shown: Shown, asked: Asked, config: Config) -> None:
    """List jobs, the newest first.

    Example:  omero-irods jobs list --state failed
    """
    from omero_irods_bridge.agent.store.jobs import JobFilter

    wanted = JobFilter(which.by, tuple(which.state or ()), which.kind, which.batch)
    with open_jobs(asked, working.settings_of(config)) as jobs:
        found = jobs.list_jobs(wanted, limit=which.limit, before=which.before)
    if shown.as_json:
        output.json_result({"jobs": [job_fields(one) for one in found]})
    elif found:
        output.table(
            ("JOB", "STATE", "KIND", "FOR", "SINCE", "WHAT"), map(job_views.row, found), right=("JOB",)
        )
    else:
        output.note("There are no such jobs.")


def show(job: _Job, shown: Shown, asked: Asked, config: Config) -> None:
    """Show a job and its log.

    Example:  omero-irods jobs show 42
    """
    with open_jobs(asked, working.settings_of(config)) as jobs:
        found, events = jobs.get(job), jobs.events(job)
    if shown.as_json:
        output.json_result({"job": job_fields(found), "events": [log_fields(one) for one in events]})
    else:
        output.result(
            "\n".join(
                (job_views.title(found), *views.aligned(job_views.facts(found)), *map(job_views.line, events))
            )
        )


def watch(job: _Job, told: Told, asked: Asked, config: Config) -> int:
    """Show the progress of a job until it ends, and end as it does; Ctrl-C leaves it alone.

    Example:  omero-irods jobs watch 42
    """
    with open_jobs(asked, working.settings_of(config)) as jobs:
        return follow(jobs, job, told)


def cancel(job: _Job, shown: Shown, asked: Asked, config: Config) -> None:
    """End a job; one that runs stops at its next piece, and nothing half-done becomes visible.

    Example:  omero-irods jobs cancel 42
    """
    with open_jobs(asked, working.settings_of(config)) as jobs:
        has_ended = jobs.get(job).state.is_final
        job_views.tell(jobs.cancel(job), shown)
    if has_ended:
        output.note(f"Job {job} had ended already; nothing was cancelled.")


def retry(job: _Job, shown: Shown, asked: Asked, config: Config) -> None:
    """Have a job that failed or was cancelled tried again, or one that waits at once.

    Example:  omero-irods jobs retry 42
    """
    with open_jobs(asked, working.settings_of(config)) as jobs:
        job_views.tell(jobs.retry(job), shown)


def delete(job: _Job, asked: Asked, config: Config) -> None:
    """Forget a job that has ended, with its log.

    Example:  omero-irods jobs delete 42
    """
    with open_jobs(asked, working.settings_of(config)) as jobs:
        jobs.delete(job)
    output.note(f"Job {job} is forgotten.")
