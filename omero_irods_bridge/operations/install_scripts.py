"""Put our scripts among those of an OMERO server, and take them away again; nobody's changes are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from omero_irods_bridge.model.errors import StalePlan
from omero_irods_bridge.model.events import Report, Step, silent
from omero_irods_bridge.operations.official_scripts import (
    FOLDER,
    NAMES,
    agent_of,
    is_as_installed,
    version_of,
)
from omero_irods_bridge.ports import ScriptRepository


class Action(StrEnum):
    """What is done with a script."""

    INSTALL = "install"
    UPDATE = "update"
    """Of another version of ours, or with another agent."""
    REPLACE = "replace"
    """Somebody has changed it, or it is none of ours; asked for with --replace."""
    REMOVE = "remove"
    KEEP = "keep"
    """It is as it should be."""
    LEAVE = "leave"
    """Somebody has changed it, or it is none of ours; it stays."""


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One script: what is there now, and what is to be there."""

    path: str
    action: Action
    present: str | None
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class InstalledScript:
    """A script of ours as a server has it."""

    path: str
    version: str
    agent: str
    is_changed: bool


def plan_install(
    texts: Mapping[str, str], repository: ScriptRepository, *, replace: bool = False
) -> list[ScriptStep]:
    """What has to be done so that the server has ``texts``; without ``replace`` changed ones stay."""
    return [_install(path, repository.read(path), text, replace=replace) for path, text in texts.items()]


def _install(path: str, present: str | None, wanted: str, *, replace: bool) -> ScriptStep:
    if present is None:
        action = Action.INSTALL
    elif is_as_installed(present):
        action = Action.KEEP if present.strip() == wanted.strip() else Action.UPDATE
    else:
        action = Action.REPLACE if replace else Action.LEAVE
    return ScriptStep(path, action, present, wanted)


def plan_removal(repository: ScriptRepository) -> list[ScriptStep]:
    """What has to be done so that the server has none of our scripts; changed ones stay."""
    found = ((path, repository.read(path)) for path in _paths())
    return [
        ScriptStep(path, Action.REMOVE if is_as_installed(text) else Action.LEAVE, text)
        for path, text in found
        if text is not None
    ]


def list_installed(repository: ScriptRepository) -> list[InstalledScript]:
    """Those at the paths of ours that are there."""
    found = ((path, repository.read(path)) for path in _paths())
    return [
        InstalledScript(path, version_of(text), agent_of(text), not is_as_installed(text))
        for path, text in found
        if text is not None
    ]


def apply(steps: Sequence[ScriptStep], repository: ScriptRepository, *, report: Report = silent) -> None:
    """Carry out a plan. Safe to repeat: done steps are planned no more.

    Raises:
        StalePlan: a script is no longer what it was when the plan was made.
        AccessDenied: this user may not change scripts of the server.
    """
    for step in steps:
        if step.action in {Action.KEEP, Action.LEAVE}:
            continue
        if repository.read(step.path) != step.present:
            raise StalePlan(f"The script {step.path} has just been changed.", hint="Run the command again.")
        report(Step(f"{step.action.capitalize()} {step.path}"))
        if step.wanted is None:
            repository.remove(step.path)
        else:
            repository.write(step.path, step.wanted)


def _paths() -> list[str]:
    return [FOLDER + name for name in NAMES]
