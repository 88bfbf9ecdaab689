"""What surrounds a command at work: settings, progress, signals, and questions to the person."""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omero_irods_bridge.cli import interrupts, output
from omero_irods_bridge.cli.options import Config, OmeroLogin, Told
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.events import CancelToken, Report

if TYPE_CHECKING:
    from omero_irods_bridge.settings import Settings
    from omero_irods_bridge.wiring import Ask


def settings_of(config: Config, login: OmeroLogin | None = None) -> Settings:
    """The settings that a command works with."""
    from omero_irods_bridge.settings import load
    from omero_irods_bridge.wiring import is_over_session

    if login and (login.server or login.user) and is_over_session():
        raise UsageError(
            "The server and the user are those of the omero command.",
            hint="Give these options to it: omero irods -s HOST -u NAME COMMAND",
        )
    return load(config.config, login.settings() if login else None).settings


@contextmanager
def at_work(told: Told) -> Iterator[tuple[Report, CancelToken]]:
    """Where to report to, and the token that the first Ctrl-C or SIGTERM cancels."""
    from omero_irods_bridge.cli import progress

    with (
        _only_our_words(),
        interrupts.cancel_token(teller(told), as_json=told.as_json) as cancel,
        progress.receiver(as_json=told.as_json, quiet=told.quiet) as report,
    ):
        yield report, cancel


@contextmanager
def _only_our_words() -> Iterator[None]:
    """What libraries log stays away from standard error, where programs read JSON lines and people a bar.

    omero-py sends the logs of all libraries there when it connects, unless there is a handler already
    (omero/clients.py calls ``logging.basicConfig``). What they say of a failure is in its BridgeError.
    """
    nowhere = logging.NullHandler()
    logging.getLogger().addHandler(nowhere)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nowhere)


def teller(told: Told) -> interrupts.Tell:
    """Says something to whoever reads standard error, in the form in which he gets progress."""
    return _tell_program if told.as_json or not output.is_looked_at() else output.note


def _tell_program(text: str) -> None:
    output.json_line({"event": "notice", "text": text})


def asker() -> Ask | None:
    """Asks for a password without showing it; none where nobody sits at a terminal."""
    return _ask if sys.stdin is not None and sys.stdin.isatty() else None


def _ask(question: str) -> str:
    with interrupts.at_a_question():
        return getpass.getpass(question)
