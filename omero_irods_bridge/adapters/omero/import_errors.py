"""An ERR that an import ends with, as an error for the person who asked for it."""

from __future__ import annotations

import logging
from typing import Any, Final

from omero_irods_bridge.model.errors import ImportFailed, UnreadableImage

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
