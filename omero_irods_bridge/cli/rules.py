"""``omero-irods rules``: the rule files of an iRODS server, for its administrator."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from omero_irods_bridge.cli import diagnoses, output
from omero_irods_bridge.cli.options import Shown
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.operations import rule_files
from omero_irods_bridge.operations.rule_files import Action, Language, RuleStep

_DONE: Final = {
    Action.INSTALL: "installed",
    Action.REPLACE: "replaced",
    Action.KEEP: "kept",
    Action.LEAVE: "changed by somebody or of another version, left as it is",
}
_TO_DO: Final = {**_DONE, Action.INSTALL: "to install", Action.REPLACE: "to replace", Action.KEEP: "to keep"}


@dataclass(frozen=True)
class Places:
    """Which rules, and where the server has them."""

    target: Annotated[Path, typer.Option(metavar="DIR", help="Where the server reads rules.")] = (
        rule_files.ETC
    )
    language: Annotated[Language, typer.Option(help="Of the rule engine that is to run them.")] = (
        Language.PYTHON
    )
    programs: Annotated[Path, typer.Option(metavar="DIR", help="The server's msiExecCmd_bin.")] = (
        rule_files.PROGRAMS
    )

    @property
    def options(self) -> str:
        """What a command needs to mean the same places."""
        usual, given = Places(), vars(self)
        others = {name: value for name, value in given.items() if value != getattr(usual, name)}
        return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in others.items())

    def files(self) -> list[rule_files.RuleFile]:
        """What belongs there."""
        return rule_files.files_of(self.language, self.target, self.programs)


_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
_Replace = Annotated[bool, typer.Option("--replace", help="Also files that are other ones than ours.")]
_ServerConfig = Annotated[Path, typer.Option(metavar="FILE", help="The server's settings.")]


def install(places: Places, shown: Shown, *, replace: _Replace = False, dry_run: _DryRun = False) -> int:
    """Put the rule files and the program that wakes the agent where an iRODS server finds them.

    Files that somebody has changed stay, and so do settings. It says which lines to add to core.py and
    server_config.json; these are never touched.  Example:  omero-irods rules install --dry-run
    """
    steps = rule_files.plan_install(places.files(), replace=replace)
    if not dry_run:
        rule_files.apply(steps)
    left = [step for step in steps if step.action is Action.LEAVE]
    lines = rule_files.lines_to_add(places.language)
    if shown.as_json:
        fields = [{"file": str(step.file.target), "action": step.action.value} for step in steps]
        output.json_result({"done": not dry_run, "files": fields, "to_add": lines})
    else:
        _show(steps, lines, places, dry_run=dry_run)
    return ExitStatus.PARTIAL if left and not dry_run else ExitStatus.DONE


def _show(steps: list[RuleStep], lines: list[str], places: Places, *, dry_run: bool) -> None:
    words = _TO_DO if dry_run else _DONE
    output.table(("FILE", "STATE"), ((str(step.file.target), words[step.action]) for step in steps))
    for line in lines:
        output.result(line)
    if any(step.action is Action.LEAVE for step in steps):
        output.note("See what differs in the files that were left; --replace puts ours there.")
    output.note(f"Then: omero-irods rules check{places.options}")


def check(
    places: Places,
    shown: Shown,
    *,
    server_config: _ServerConfig = rule_files.ETC / "server_config.json",
) -> int:
    """Look whether the rules are installed, in force, and not in the way of others; changes nothing.

    Exit status 1 when something does not work.  Example:  omero-irods rules check --json
    """
    from omero_irods_bridge.doctor.diagnosis import looked_at
    from omero_irods_bridge.doctor.rules import rules

    look = partial(rules, places.language, places.target, places.programs, server_config)
    found = looked_at("rules", look)
    return ExitStatus.FAILED if diagnoses.tell(found, shown) else ExitStatus.DONE
