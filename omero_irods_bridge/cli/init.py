"""``omero-irods init``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from omero_irods_bridge.cli import output, parsing
from omero_irods_bridge.cli.options import OmeroLogin
from omero_irods_bridge.model.errors import AccessDenied, TargetExists, UsageError

_File = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The file to write.  [default: the user's settings]")
]
_Repository = Annotated[
    str | None, typer.Option(metavar="DIR", help="Where OMERO's ManagedRepository is mounted here.")
]
_Environment = Annotated[str | None, typer.Option(metavar="FILE", help="irods_environment.json.")]
_Path = Annotated[
    list[str] | None,
    typer.Option(
        "--path", metavar="FROM=TO", help="resource:/vault or /zone/path = the same folder for OMERO."
    ),
]
_Agent = Annotated[bool, typer.Option("--agent", help="Prepare the files of an agent too, beside FILE.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the file, write nothing.")]


def init(
    login: OmeroLogin,
    file: _File = None,
    managed_repository: _Repository = None,
    irods_environment: _Environment = None,
    path: _Path = None,
    agent: _Agent = False,
    dry_run: _DryRun = False,
) -> None:
    """Write a first settings file, with comments. At a terminal it asks for what no option says.

    Nothing is overwritten. No password is asked for or kept.

    Example:  omero-irods init -s omero.example.org --path demoResc:/var/lib/irods/Vault=/mnt/vault
    """
    from omero_irods_bridge.first_settings import TOKENS, USERS, Answers, settings_text
    from omero_irods_bridge.settings import standard_files

    given = os.path.expanduser(file or standard_files()[0])  # noqa: PTH111 -- the method raises for ~nobody
    target = Path(given).absolute()
    host, port = _server(login.server)
    answers = Answers(
        omero_host=host,
        omero_port=port,
        omero_user=_answer("OMERO user", login.user),
        omero_group=login.group or "",
        repository=managed_repository or "",
        irods_environment=irods_environment or "",
        paths=dict(_mapping(one) for one in path or ()),
        agent_folder=target.parent if agent else None,
    )
    wanted = {target: settings_text(answers)}
    if agent:
        wanted |= {target.parent / "users.toml": USERS, target.parent / "tokens.toml": TOKENS}
    if dry_run:
        output.result(wanted[target].rstrip())
        return
    _write(wanted)
    output.result("\n".join(f"written: {one}" for one in wanted))
    output.note("Next: omero-irods doctor" + (f" --config {target}" if file else ""))


def _server(given: str | None) -> tuple[str, int | None]:
    answer = _answer("OMERO server", given)
    return parsing.host_and_port(answer) if answer else ("", None)


def _answer(question: str, given: str | None) -> str:
    """What the option says, else a person at a terminal; Enter leaves it open."""
    if given is not None:
        return given
    if sys.stdin is None or not sys.stdin.isatty():
        return ""
    return str(
        typer.prompt(f"{question} (Enter: as omero login says)", default="", show_default=False, err=True)
    )


def _mapping(text: str) -> tuple[str, str]:
    rule, equals, folder = text.partition("=")
    if not (equals and rule and folder):
        raise UsageError(f"{text!r} is no mapping.", hint="Write --path resource:/vault=/folder/for/omero")
    return rule, folder


def _write(wanted: dict[Path, str]) -> None:
    """All files or none; one that is there already is somebody's."""
    try:
        there = next((one for one in wanted if one.exists()), None)
        if there is not None:
            raise TargetExists(f"{there} is there already.", hint="Edit it, or name another: --file FILE")
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AccessDenied(
            f"{error.filename} cannot be written: {error.strerror}.", hint="Name another: --file FILE"
        ) from error
