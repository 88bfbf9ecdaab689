"""``omero-irods agent``: the service that runs jobs, for its administrator."""

from __future__ import annotations

import getpass
import logging
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from omero_irods_bridge.cli import interrupts, output, parsing, views, working
from omero_irods_bridge.cli.options import Config, Shown
from omero_irods_bridge.model.errors import ExitStatus, UsageError
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.jobs import JobKind

if TYPE_CHECKING:
    from omero_irods_bridge.agent.queues import Queue
    from omero_irods_bridge.agent.schedules import ScheduleState
    from omero_irods_bridge.agent.store.jobs import Pause
    from omero_irods_bridge.agent.store.workers import WorkerSeen
    from omero_irods_bridge.settings import Settings

_SERVICE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
"""What TOML takes as a key without quotes."""

_Worker = Annotated[str, typer.Argument(metavar="WORKER", hidden=True)]
_Name = Annotated[str, typer.Argument(metavar="NAME", hidden=True)]
_Queues = Annotated[
    str, typer.Option(metavar="KINDS", help="Only these: pack, unpack, verify, gc, ingest.  [default: all]")
]
_Kind = Annotated[JobKind, typer.Argument(metavar="KIND", hidden=True)]


def run(config: Config) -> int:
    """Answer over HTTP and run jobs, until Ctrl-C or SIGTERM; what is under way goes on at the next start.

    The settings say, below [agent], where jobs are kept, who may use it, and how many run at once.
    Example:  omero-irods agent run --config /etc/omero-irods-bridge/agent.toml
    """
    from omero_irods_bridge.agent.working import run_all

    return _until_stopped(config, run_all)


def api(config: Config) -> int:
    """Answer over HTTP alone, until Ctrl-C or SIGTERM; workers elsewhere run the jobs.

    Example:  omero-irods agent api --config /etc/omero-irods-bridge/agent.toml
    """
    from omero_irods_bridge.agent.serving import run_api

    def serve(settings: Settings, stop: CancelToken) -> bool:
        run_api(settings, stop)
        return True

    return _until_stopped(config, serve)


def worker(*, queues: _Queues = "", config: Config) -> int:
    """Run jobs alone, until Ctrl-C or SIGTERM; what is under way then is handed back.

    Several workers need a PostgreSQL database, and each a name of its own (agent.worker).

    Example:  omero-irods agent worker --queues pack,unpack
    """
    from omero_irods_bridge.agent.working import run_worker

    kinds = parsing.kinds(queues)
    return _until_stopped(config, lambda settings, stop: run_worker(settings, stop, kinds))


def _until_stopped(config: Config, work: Callable[[Settings, CancelToken], bool]) -> int:
    from omero_irods_bridge.agent import logs

    settings = working.settings_of(config)
    logs.set_up(settings.agent)
    with interrupts.cancel_token(logging.getLogger(__name__).info) as stop:
        if work(settings, stop):
            return ExitStatus.DONE
    logging.shutdown()
    os._exit(ExitStatus.INTERRUPTED)  # a thread that waits for a server would keep the process alive


def schedules(shown: Shown, config: Config) -> None:
    """List the schedules of the settings: when each was handed in, and when it is next.

    Example:  omero-irods agent schedules --json
    """
    from omero_irods_bridge.agent.administration import open_schedules
    from omero_irods_bridge.agent.schedules import schedule_fields

    with open_schedules(working.settings_of(config)) as found:
        states = found.states()
    if shown.as_json:
        output.json_result({"schedules": [schedule_fields(one) for one in states]})
    elif states:
        output.table(("NAME", "KIND", "FOR", "WHEN", "LAST", "NEXT"), map(_schedule_row, states))
    else:
        output.note("There are no schedules. They are settings: [agent.schedules.NAME]")


def _schedule_row(one: ScheduleState) -> tuple[str, ...]:
    late = " (overdue)" if one.is_overdue else ""
    following = f"{views.when(one.next_at)}{late}"
    return one.name, one.kind, one.user, one.cron, views.when(one.last_at), following


def adopt(worker: _Worker, shown: Shown, config: Config) -> None:
    """Let the others have the jobs of WORKER, whose host does not come back.

    Example:  omero-irods agent adopt oldhost-1
    """
    from omero_irods_bridge.agent import administration

    jobs = administration.adopt(working.settings_of(config), worker)
    if shown.as_json:
        output.json_result({"jobs": jobs})
    else:
        output.result(f"{views.count(len(jobs), 'job')} of {worker} can begin anew.")


def status(shown: Shown, config: Config) -> None:
    """Show what is paused, since when and by whom, how many jobs wait and run, and which workers were seen.

    Example:  omero-irods agent status --json
    """
    from omero_irods_bridge.agent.administration import standing

    found = standing(working.settings_of(config))
    if shown.as_json:
        output.json_result(found.fields())
        return
    output.table(
        ("QUEUE", "STATE", "RUNNING", "QUEUED", "WAITING"),
        map(_queue_row, found.queues),
        right=("RUNNING", "QUEUED", "WAITING"),
    )
    output.result("")
    if found.workers:
        output.table(
            ("WORKER", "STATE", "RUNNING", "TAKES"), map(_worker_row, found.workers), right=("RUNNING",)
        )
    else:
        output.result("No worker was seen. Start one: omero-irods agent run")


def _queue_row(one: Queue) -> tuple[str, ...]:
    numbers = f"{one.running:,} of {one.limit:,}", f"{one.queued:,}", f"{one.waiting:,}"
    return one.kind, "open" if one.pause is None else _paused(one.pause), *numbers


def _paused(pause: Pause) -> str:
    since = "" if pause.at is None else f" since {views.when(pause.at)}"
    return f"paused{since}{f' by {pause.by}' if pause.by else ''}"


def _worker_row(one: WorkerSeen) -> tuple[str, ...]:
    seen = "never" if one.seen_at is None else views.when(one.seen_at)
    state = f"silent, seen {seen}" if one.is_silent else f"at work, seen {seen}"
    return one.name, state, f"{one.running:,}", ", ".join(one.kinds)


def pause(kind: _Kind, config: Config) -> None:
    """Let no more jobs of KIND (pack, unpack, verify, gc, ingest) begin; those that run go on.

    Example:  omero-irods agent pause pack
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        jobs.pause(kind, f"account:{_account()}")
    output.result(f"No {kind} begins until: omero-irods agent resume {kind}")


def _account() -> str:
    """Of this computer; its number where it has no name, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def resume(kind: _Kind, config: Config) -> None:
    """Let jobs of KIND (pack, unpack, verify, gc, ingest) begin again.

    Example:  omero-irods agent resume pack
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        jobs.resume(kind)
    output.result(f"{kind} goes on.")


def token(name: _Name) -> None:
    """Make a token for the service NAME, and the lines of the file agent.tokens that let it in.

    The token is shown once and kept nowhere.  Example:  omero-irods agent token rules
    """
    from omero_irods_bridge.agent.http.tokens import digest_of, new_token

    if not _SERVICE_NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a service.", hint="Use letters, digits, - and _ only.")
    made = new_token()
    output.note(f"# The token of {name} is on standard output. Add to the file of the setting agent.tokens:")
    output.note(f'[tokens.{name}]\nsha256 = "{digest_of(made)}"\nscopes = ["submit", "read"]')
    output.result(made)


def openapi() -> None:
    """Print the OpenAPI description of what the agent answers over HTTP, as JSON.

    Example:  omero-irods agent openapi > agent.json
    """
    from omero_irods_bridge.agent.http.app import description

    output.json_result(description())
