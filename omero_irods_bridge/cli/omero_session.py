"""The commands of omero-irods over a session that the ``omero`` command has opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from omero_irods_bridge.cli import main, output
from omero_irods_bridge.model.errors import BridgeError, UsageError

PROGRAM: Final = "omero irods"
VERBS: Final = ("pack", "unpack", "undo", "loads", "diff", "list", "find", "show", "verify", "gc")


def run_over(connect: Callable[[], Any], arguments: Sequence[str]) -> int:
    """Run a command; its exit status. ``connect`` gives the client, and is called when OMERO is needed.

    The session stays open. Passwords of the settings and of the environment are not used.
    """
    from omero_irods_bridge.wiring import over_session

    try:
        _check(next(iter(arguments), ""))
    except BridgeError as failure:
        output.error(failure, as_json="--json" in arguments)
        return failure.exit_status
    with over_session(lambda: _host_key_port(connect())):
        return main.main(arguments, program=PROGRAM)


def _check(command: str) -> None:
    if command not in VERBS:
        raise UsageError(
            f"{PROGRAM} has no command {command}.",
            hint=f"It has: {', '.join(VERBS)}. For others: omero-irods --help",
        )


def _host_key_port(client: Any) -> tuple[str, str, int]:
    return client.getProperty("omero.host"), client.getSessionId(), int(client.getProperty("omero.port"))
