"""What was looked at, and how it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omero_irods_bridge.model.errors import BridgeError, Unreachable

_AWAY: Final = (
    "See whether the server runs, whether host and port are right, and whether a firewall is between."
)
"""Other commands send people to doctor here."""


class Verdict(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, or may work; somebody should know."""
    PROBLEM = "problem"
    """It does not work like this."""
    SKIPPED = "skipped"
    """It could not be looked at, because of something else that is told too, or that is not set up."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line: ``check`` names what was looked at; ``remedy`` says what to do, "" where all is well."""

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""


Diagnoses = Iterator[Diagnosis]


def ok(check: str, text: str) -> Diagnosis:
    """All is well."""
    return Diagnosis(check, Verdict.OK, text)


def warning(check: str, text: str, remedy: str) -> Diagnosis:
    """Somebody should know."""
    return Diagnosis(check, Verdict.WARNING, text, remedy)


def problem(check: str, text: str, remedy: str) -> Diagnosis:
    """It does not work like this."""
    return Diagnosis(check, Verdict.PROBLEM, text, remedy)


def skipped(check: str, text: str) -> Diagnosis:
    """Nobody could look."""
    return Diagnosis(check, Verdict.SKIPPED, text)


def of_error(check: str, error: BridgeError) -> Diagnosis:
    """An error of the bridge is a problem that says what to do."""
    hint = _AWAY if isinstance(error, Unreachable) else error.hint
    return problem(check, error.message, hint or "Mend that, then look again.")


def looked_at(check: str, look: Callable[[], Diagnoses]) -> Diagnoses:
    """What ``look`` finds; an error that it ends with is found too."""
    try:
        yield from look()
    except BridgeError as error:
        yield of_error(check, error)
    except OSError as error:
        text = f"{error.filename or 'a file'} cannot be looked at: {error.strerror}"
        yield problem(check, text, "Run this as an account that may read it.")
