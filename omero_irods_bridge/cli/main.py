"""Entry of ``omero-irods``: runs one command and turns its outcome into an exit status.

Importing this module must not import Ice, omero or irods (they take seconds). A command is imported when it
is called, and imports what it needs when it runs.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from omero_irods_bridge import __version__
from omero_irods_bridge.cli import output
from omero_irods_bridge.cli.by_agent import TALK_TO_AGENT, THE_AGENT, is_url
from omero_irods_bridge.cli.groups import GROUPS, add_commands, is_known
from omero_irods_bridge.cli.verify import ALL_DATA
from omero_irods_bridge.model.errors import BridgeError, ExitStatus, Interrupted, UsageError

if TYPE_CHECKING:
    app: typer.Typer
    """With all commands."""


PROGRAM: Final = "omero-irods"


def _exit_with_status(status: int | None, **_parameters: object) -> None:
    """Let commands return their exit status; none means done."""
    raise typer.Exit(ExitStatus.DONE if status is None else status)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.result(f"omero-irods {__version__}")
        raise typer.Exit


_VERSION: Final = "--version"
_SHARE: Final = re.compile(r"\b[0-9.]+%")
_Version = Annotated[
    bool, typer.Option(_VERSION, callback=_show_version, is_eager=True, help="Show the version.")
]


def _options(version: _Version = False) -> None:
    """Options that come before the name of a command."""


@cache
def _app(called: str | None) -> typer.Typer:
    """With the command or group that is called, or with all, which takes longer to make than some to run."""
    made = typer.Typer(
        name=PROGRAM,
        help="Move microscopy images, with all that OMERO knows about them, between OMERO and iRODS.\n\n"
        "Example:  omero-irods pack Dataset:51 --dry-run",
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"max_content_width": 100},
        pretty_exceptions_enable=False,
        result_callback=_exit_with_status,
    )
    made.callback()(_options)
    add_commands(made, called)
    return made


def __getattr__(name: str) -> typer.Typer:
    """``app`` is made when it is asked for; a command that is none of ours is looked for in it."""
    if name != "app":
        raise AttributeError(f"{__name__} has no {name}")
    return _app(None)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command that ``arguments`` name (default: those of the process) and return its exit status.

    Help and errors call the command ``program``. A ``BridgeError`` is shown without a traceback; any other
    exception is a defect and passes through.
    """
    given = spelled_out(sys.argv[1:] if arguments is None else arguments)
    try:
        _check_text(given)
        if not given or (len(given) == 1 and given[0] in GROUPS):
            return _run([*given, "--help"], program) or ExitStatus.USAGE
        return _run(given, program)
    except BridgeError as failure:
        output.error(failure, as_json="--json" in given)
        return failure.exit_status


def _check_text(arguments: Sequence[str]) -> None:
    """Ice, for one, ends the process over text that cannot be encoded; an empty one is a script's mistake."""
    for before, argument in pairwise(("", *arguments)):
        if not argument and not before.startswith("-"):
            raise UsageError("An argument is empty.", hint="Did a variable of the shell have no value?")
        if any("\ud800" <= char <= "\udfff" for char in argument):
            raise UsageError(
                f"The argument {argument!a} is not valid Unicode.",
                hint="Write it in UTF-8, and let the terminal do so too.",
            )


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """Options whose value may be left out get it."""
    usual = {"--data": ALL_DATA}
    if next(iter(arguments), "") in TALK_TO_AGENT:
        usual["--agent"] = THE_AGENT
    following = [*arguments, ""][1:]
    return [
        f"{argument}={usual[argument]}" if argument in usual and not is_url(after) else argument
        for argument, after in zip(arguments, following, strict=True)
    ]


def _run(arguments: list[str], program: str) -> int:
    """The exit status; what typer says of arguments becomes an error like others."""
    try:
        first = arguments[0]
        app = _app(first if is_known(first) or first == _VERSION else None)
        status = int(app(args=arguments, prog_name=program, standalone_mode=False) or ExitStatus.DONE)
    except typer.Abort as given_up:  # Ctrl-D at a question, or Ctrl-C
        how = Interrupted if isinstance(given_up.__context__, KeyboardInterrupt) else BridgeError
        raise how("Given up; nothing was done.") from None
    except typer.TyperException as misunderstood:
        raise _usage_error(misunderstood) from misunderstood
    if status == ExitStatus.INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more would end the process with another status
    return status


def run() -> None:
    """The process ``omero-irods``: never returns.

    One that was interrupted ends at once: what a library does at the end of the interpreter may wait for
    the server that nobody wanted to wait for.
    """
    status = main()
    if status == ExitStatus.INTERRUPTED:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _usage_error(misunderstood: typer.TyperException) -> UsageError:
    context: Any = getattr(misunderstood, "ctx", None)
    command = context.command_path if context is not None else "omero-irods"
    message = misunderstood.format_message().replace("Value error, ", "")  # pydantic's way to begin
    return UsageError(message, hint=f"{_of_extra_argument(message)}See: {command} --help")


def _of_extra_argument(message: str) -> str:
    if "unexpected extra argument" not in message:
        return ""
    if (share := _SHARE.search(message)) is not None:
        return f"Write --data={share[0]} in one word. "
    return "A path with spaces needs quotes. "
