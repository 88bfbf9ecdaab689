"""Entry of ``omero-irods``: runs one command and turns its outcome into an exit status.

Importing this module must not import Ice, omero or irods (they take seconds); commands import what they need
when they run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from omero_irods_bridge import __version__
from omero_irods_bridge.cli import output
from omero_irods_bridge.model.errors import BridgeError, ExitStatus


def _exit_with_status(status: int | None, **_parameters: object) -> None:
    """Let commands return their exit status; none means done."""
    raise typer.Exit(ExitStatus.DONE if status is None else status)


app = typer.Typer(
    name="omero-irods",
    help="Move microscopy images, with all that OMERO knows about them, between OMERO and iRODS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    result_callback=_exit_with_status,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.result(f"omero-irods {__version__}")
        raise typer.Exit


_Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
]


@app.callback()
def _options(version: _Version = False) -> None:
    """Options that come before the name of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` name (default: those of the process) and return its exit status.

    A ``BridgeError`` is shown without a traceback; any other exception is a defect and passes through.
    """
    try:
        app(args=arguments, prog_name="omero-irods")
    except SystemExit as finished:
        return _status_of(finished)
    except BridgeError as failure:
        output.error(failure)
        return failure.exit_status
    return ExitStatus.DONE


def _status_of(finished: SystemExit) -> int:
    return finished.code if isinstance(finished.code, int) else int(finished.code is not None)
