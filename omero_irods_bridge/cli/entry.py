"""What the command ``omero-irods`` starts with: an interrupt counts from the first moment on.

Imports nothing before that: what commands need takes up to a second to import.
"""

from __future__ import annotations

import os
import sys


def run() -> None:
    """The process ``omero-irods``: never returns."""
    _open_what_is_closed()
    try:
        from omero_irods_bridge.python_imports import collector_at_rest, freeze_imports

        freeze_imports()
        with collector_at_rest():
            from omero_irods_bridge.cli.main import run as run_command

        run_command()
    except KeyboardInterrupt:
        sys.stderr.write("omero-irods: Interrupted.\n")
        sys.stderr.flush()
        os._exit(130)  # as model/errors.py has it, which may not be imported yet


def _open_what_is_closed() -> None:
    """A stream that was closed by the shell (``>&-``) leads nowhere; else the next socket had its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
