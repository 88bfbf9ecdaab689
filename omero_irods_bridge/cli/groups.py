"""The groups of commands, such as ``omero-irods agent ...`` and ``omero-irods jobs ...``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import typer

from omero_irods_bridge.cli import agent, ingest, jobs, rules, scripts
from omero_irods_bridge.cli.options import with_groups

GROUPS: Final[Mapping[str, tuple[str, Mapping[str, Callable[..., Any]]]]] = {
    "agent": (
        "The service that runs jobs for people who have walked away.\n\nExample:  omero-irods agent run",
        {
            "run": agent.run,
            "api": agent.api,
            "worker": agent.worker,
            "schedules": agent.schedules,
            "adopt": agent.adopt,
            "pause": agent.pause,
            "resume": agent.resume,
            "token": agent.token,
            "openapi": agent.openapi,
        },
    ),
    "jobs": (
        "What has become of the agent's jobs.\n\nExample:  omero-irods jobs list --state failed",
        {
            "list": jobs.list_jobs,
            "show": jobs.show,
            "watch": jobs.watch,
            "cancel": jobs.cancel,
            "retry": jobs.retry,
            "delete": jobs.delete,
        },
    ),
    "ingest": (
        (
            "What lies in collections of iRODS that opted in appears in OMERO.\n\n"
            "Example:  omero-irods ingest scan /tempZone/home/lab --dry-run"
        ),
        {
            "scan": ingest.scan,
            "watch": ingest.watch,
            "status": ingest.status,
            "retry": ingest.retry,
            "check": ingest.check,
            "relink": ingest.relink,
        },
    ),
    "rules": (
        (
            "Rule files of an iRODS server: they tell of arrivals, and protect what OMERO links in place.\n\n"
            "Example:  omero-irods rules install --dry-run"
        ),
        {"install": rules.install, "check": rules.check},
    ),
    "scripts": (
        (
            "What users of OMERO.web and OMERO.insight get: scripts that hand over to the agent.\n\n"
            "Example:  omero-irods scripts list"
        ),
        {"install": scripts.install, "list": scripts.list_scripts, "remove": scripts.remove},
    ),
}


def add_command(app: typer.Typer, name: str, command: Callable[..., Any]) -> None:
    """Give ``app`` a command, which ``--help`` of the app tells of in a line that is not cut off."""
    app.command(name, short_help=in_short(command.__doc__ or ""))(with_groups(command))


def in_short(help_text: str) -> str:
    """The first thing that a help text says."""
    first = " ".join(help_text.split("\n\n", maxsplit=1)[0].split())
    return re.split(r"(?<=\w)[.;:](?: |$)", first)[0].rstrip(".") + "."


def add_groups(app: typer.Typer) -> None:
    """Give ``app`` the groups."""
    for name, (help_text, commands) in GROUPS.items():
        group = typer.Typer(help=help_text, short_help=in_short(help_text), rich_markup_mode=None)
        for command_name, command in commands.items():
            add_command(group, command_name, command)
        app.add_typer(group, name=name)
