"""``omero-irods scripts``: what users of OMERO.web and OMERO.insight get, for an administrator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from omero_irods_bridge.cli import output, working
from omero_irods_bridge.cli.options import Config, OmeroLogin, Shown
from omero_irods_bridge.model.errors import ExitStatus

if TYPE_CHECKING:
    from omero_irods_bridge.operations.install_scripts import ScriptStep

_DONE: Final = {
    "install": "installed",
    "update": "updated",
    "replace": "replaced",
    "remove": "removed",
    "keep": "as it should be",
    "leave": "changed by somebody, left as it is",
}
_TO_DO: Final = {**_DONE, "install": "to install", "update": "to update", "replace": "to replace"}
_TO_REMOVE: Final = {**_TO_DO, "remove": "to remove"}


@dataclass(frozen=True)
class DryRun:
    """Whether it is only shown."""

    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")] = (
        False
    )


@dataclass(frozen=True)
class Wish(DryRun):
    """What to install."""

    agent: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where OMERO reaches the agent.  [default: agent.public_url]"),
    ] = None
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Also an address without TLS that is not this computer.")
    ] = False
    replace: Annotated[
        bool, typer.Option("--replace", help="Also scripts of these names that somebody has changed.")
    ] = False


def install(wish: Wish, shown: Shown, login: OmeroLogin, config: Config) -> int:
    """Give an OMERO server the scripts Save to iRODS, Load from iRODS, and List iRODS snapshots.

    For an administrator of OMERO. What is there already stays; what somebody has changed is left as it is.
    Example:  omero-irods scripts install --agent https://irods-agent.example.org
    """
    from omero_irods_bridge.operations import install_scripts
    from omero_irods_bridge.operations.official_scripts import AgentAddress, script_texts
    from omero_irods_bridge.wiring import open_scripts

    settings = working.settings_of(config, login)
    address = AgentAddress.parse(
        wish.agent or settings.agent.page_url,
        allow_http=wish.allow_http,
    )
    with open_scripts(settings, working.asker()) as repository:
        steps = install_scripts.plan_install(script_texts(address), repository, replace=wish.replace)
        if not wish.dry_run:
            install_scripts.apply(steps, repository)
    _show(steps, wish, shown, agent=address.url)
    return _status(steps, "omero-irods scripts install --replace")


def remove(wish: DryRun, shown: Shown, login: OmeroLogin, config: Config) -> int:
    """Remove our scripts from an OMERO server; what somebody has changed stays.

    Example:  omero-irods scripts remove --dry-run
    """
    from omero_irods_bridge.operations import install_scripts
    from omero_irods_bridge.wiring import open_scripts

    with open_scripts(working.settings_of(config, login), working.asker()) as repository:
        steps = install_scripts.plan_removal(repository)
        if not wish.dry_run:
            install_scripts.apply(steps, repository)
    _show(steps, wish, shown)
    return _status(steps, "omero script delete ID")


def list_scripts(shown: Shown, login: OmeroLogin, config: Config) -> None:
    """List our scripts on an OMERO server: version, agent, and whether somebody has changed them.

    Example:  omero-irods scripts list
    """
    from omero_irods_bridge.operations.install_scripts import list_installed
    from omero_irods_bridge.wiring import open_scripts

    with open_scripts(working.settings_of(config, login), working.asker()) as repository:
        found = list_installed(repository)
    if shown.as_json:
        output.json_result({"scripts": [asdict(one) for one in found]})
    elif not found:
        output.note("None of our scripts is there. Run: omero-irods scripts install --agent URL")
    else:
        rows = [(one.path, one.version, one.agent, "yes" if one.is_changed else "") for one in found]
        output.table(["SCRIPT", "VERSION", "AGENT", "CHANGED"], rows)


def _show(steps: Sequence[ScriptStep], wish: DryRun, shown: Shown, **more: Any) -> None:
    if shown.as_json:
        told = [{"path": one.path, "action": one.action.value} for one in steps]
        output.json_result({"scripts": told, "dry_run": wish.dry_run, **more})
    elif steps:
        words = _TO_REMOVE if wish.dry_run else _DONE
        output.result("\n".join(f"{one.path}: {words[one.action]}" for one in steps))
    else:
        output.note("None of our scripts is there.")


def _status(steps: Sequence[ScriptStep], remedy: str) -> ExitStatus:
    """Says what to do with scripts that somebody has changed."""
    if all(one.action != "leave" for one in steps):
        return ExitStatus.DONE
    output.note(f"Some are not as we install them. Keep them, or run: {remedy}")
    return ExitStatus.PARTIAL
