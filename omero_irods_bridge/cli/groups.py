"""The commands, and the groups of commands such as ``omero-irods agent ...``.

A command is imported when it is called, or when help tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer

from omero_irods_bridge.cli.options import with_groups

_PACKAGE: Final = "omero_irods_bridge.cli"


@dataclass(frozen=True)
class Group:
    """What ``--help`` says of a group, and its commands: module and function of each."""

    help_text: str
    commands: Mapping[str, str]


COMMANDS: Final[Mapping[str, str]] = {
    "pack": "pack.pack",
    "unpack": "unpack.unpack",
    "undo": "loads.undo",
    "loads": "loads.loads",
    "diff": "diff.diff",
    "list": "listing.list_snapshots",
    "find": "listing.find_snapshots",
    "show": "show.show",
    "verify": "verify.verify",
    "gc": "gc.gc",
    "settings": "settings.settings",
    "init": "init.init",
    "doctor": "doctor.doctor",
}
"""Module and function of each."""

GROUPS: Final[Mapping[str, Group]] = {
    "agent": Group(
        "The service that runs jobs for people who have walked away.\n\nExample:  omero-irods agent run",
        {
            "run": "agent.run",
            "api": "agent.api",
            "worker": "agent.worker",
            "schedules": "agent.schedules",
            "adopt": "agent.adopt",
            "status": "agent.status",
            "pause": "agent.pause",
            "resume": "agent.resume",
            "token": "agent.token",
            "openapi": "agent.openapi",
        },
    ),
    "jobs": Group(
        "What has become of the agent's jobs.\n\nExample:  omero-irods jobs list --state failed",
        {
            "list": "jobs.list_jobs",
            "show": "jobs.show",
            "watch": "jobs.watch",
            "cancel": "jobs.cancel",
            "retry": "jobs.retry",
            "delete": "jobs.delete",
        },
    ),
    "ingest": Group(
        "What lies in collections of iRODS that opted in appears in OMERO.\n\n"
        "Example:  omero-irods ingest scan /tempZone/home/lab --dry-run",
        {
            "scan": "ingest.scan",
            "watch": "ingest.watch",
            "status": "ingest.status",
            "retry": "ingest.retry",
            "check": "ingest.check",
            "relink": "ingest.relink",
        },
    ),
    "rules": Group(
        "Rule files of an iRODS server: they tell of arrivals, and protect what OMERO links in place.\n\n"
        "Example:  omero-irods rules install --dry-run",
        {"install": "rules.install", "check": "rules.check"},
    ),
    "scripts": Group(
        "What users of OMERO.web and OMERO.insight get: scripts that hand over to the agent.\n\n"
        "Example:  omero-irods scripts list",
        {"install": "scripts.install", "list": "scripts.list_scripts", "remove": "scripts.remove"},
    ),
}


def is_known(name: str) -> bool:
    """Whether there is such a command or group."""
    return name in COMMANDS or name in GROUPS


def add_commands(app: typer.Typer, called: str | None = None) -> None:
    """Give ``app`` the command or group that is ``called``, all when it is none; they are imported."""
    for name, place in COMMANDS.items():
        if called in {name, None}:
            _add(app, name, place)
    for name, group in GROUPS.items():
        if called in {name, None}:
            app.add_typer(_grouped(group), name=name)


def _grouped(group: Group) -> typer.Typer:
    made = typer.Typer(help=group.help_text, short_help=_in_short(group.help_text), rich_markup_mode=None)
    for name, place in group.commands.items():
        _add(made, name, place)
    return made


def _add(app: typer.Typer, name: str, place: str) -> None:
    """``--help`` of the app tells of it in a line that is not cut off."""
    module, _, function = place.partition(".")
    command: Callable[..., Any] = getattr(import_module(f"{_PACKAGE}.{module}"), function)
    app.command(name, short_help=_in_short(command.__doc__ or ""))(with_groups(command))


def _in_short(help_text: str) -> str:
    """The first thing that a help text says."""
    first = " ".join(help_text.split("\n\n", maxsplit=1)[0].split())
    return re.split(r"(?<=\w)[.;:](?: |$)", first)[0].rstrip(".") + "."
