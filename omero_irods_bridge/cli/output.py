"""The one place that prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys

from omero_irods_bridge.model.errors import BridgeError


def result(text: str) -> None:
    """Print what the command was asked for."""
    print(text)


def error(failure: BridgeError) -> None:
    """Say what failed and, when there is one, what to do next."""
    print(f"omero-irods: {failure.message}", file=sys.stderr)
    if failure.hint:
        print(failure.hint, file=sys.stderr)
