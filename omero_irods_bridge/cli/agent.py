"""``omero-irods agent``: the service that runs jobs, for its administrator."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from omero_irods_bridge.cli import interrupts, output, views, working
from omero_irods_bridge.cli.options import Config, Shown
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import JobKind

_Worker = Annotated[str, typer.Argument(metavar="WORKER", hidden=True)]
_Name = Annotated[str, typer.Argument(metavar="NAME", hidden=True)]
_Kind = Annotated[JobKind, typer.Argument(metavar="KIND", hidden=True)]


def run(config: Config) -> int:
    """Run jobs until Ctrl-C or SIGTERM; what is under way then is handed back and goes on at the next start.

    The settings say, below [agent], where jobs are kept, who may use it, and how many run at once.
    Example:  omero-irods agent run --config /etc/omero-irods-bridge/agent.toml
    """
    from omero_irods_bridge.agent.serving import run_worker

    settings = working.settings_of(config)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with interrupts.cancel_token() as stop:
        if run_worker(settings, stop):
            return ExitStatus.DONE
    logging.shutdown()
    os._exit(ExitStatus.INTERRUPTED)  # a thread that waits for a server would keep the process alive


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


def pause(kind: _Kind, config: Config) -> None:
    """Let no more jobs of KIND (pack, verify, gc) begin; those that run go on.

    Example:  omero-irods agent pause pack
    """
    from omero_irods_bridge.agent.administration import open_jobs

    with open_jobs(working.settings_of(config)) as jobs:
        jobs.pause(kind)
    output.result(f"No {kind} begins until: omero-irods agent resume {kind}")


def resume(kind: _Kind, config: Config) -> None:
    """Let jobs of KIND (pack, verify, gc) begin again.

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

    made = new_token()
    output.note(f"The token of {name} is on standard output. Add to the file of the setting agent.tokens:")
    output.note(f'[tokens.{name}]\nsha256 = "{digest_of(made)}"\nscopes = ["submit", "read"]')
    output.result(made)
