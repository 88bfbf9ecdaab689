"""An ERR that an import ends with, as an error for the person who asked for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import Ice
import omero
import omero.clients

from omero_irods_bridge.model.errors import (
    AccessDenied,
    BridgeError,
    ImportFailed,
    NoSpace,
    Unreachable,
    UnreadableImage,
)

log = logging.getLogger(__name__)

_UNREADABLE: Final = {
    "error-on-init": "cannot open",
    "import-missing-library": "lacks a library to read",
    "import-unknown-format": "knows no format for",
    "import-file-exception": "cannot read all of",
}
"""Names of ManagedImportRequestI (reference/omero-semantics.md, 1, Steps)."""


def failed_import(error: Any, file: str) -> ImportFailed:
    """What an omero.cmd.ERR means for the import of ``file``; its stack trace goes to the log."""
    said = error.parameters.get("message") or error.name
    log.info("OMERO: %s: %s\n%s", error.name, said, error.parameters.get("stacktrace", ""))
    verb = _UNREADABLE.get(error.name)
    if verb is None:
        return ImportFailed(f"OMERO could not import {file}: {said} ({error.name})")
    return UnreadableImage(
        f"OMERO {verb} {file}: {said} ({error.name})",
        hint="See whether all files of the image are there and whether Bio-Formats reads the format.",
    )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Let what omero-py and Ice raise within leave as a BridgeError that says ``what`` failed."""
    try:
        yield
    except (omero.ServerError, omero.ClientError, Ice.Exception) as error:
        raise _bridge_error(what, error) from error


def _bridge_error(what: str, error: Exception) -> BridgeError:
    said = str(getattr(error, "message", None) or type(error).__name__)
    if isinstance(error, omero.SecurityViolation):
        return AccessDenied(f"OMERO refused: {what}: {said}")
    if isinstance(error, omero.ResourceError) and "No space left" in said:
        return NoSpace(f"The disk of OMERO is full: {what}: {said}")
    if isinstance(error, (Ice.LocalException, omero.SessionException, omero.ClientError)):
        return Unreachable(f"OMERO did not answer: {what}: {said}", hint="Log in again and repeat.")
    return BridgeError(f"OMERO failed: {what}: {said}")
