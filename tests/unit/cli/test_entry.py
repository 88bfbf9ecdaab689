"""Ctrl-C at the very start of a command: no traceback, and the exit status of an interruption."""

from __future__ import annotations

import subprocess
import sys

from omero_irods_bridge.model.errors import ExitStatus

INTERRUPTED_IMPORT = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "omero_irods_bridge.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from omero_irods_bridge.cli.entry import run
run()
"""


def test_an_interrupt_while_modules_are_imported_ends_as_an_interruption() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitStatus.INTERRUPTED
    assert done.stderr == "omero-irods: Interrupted.\n"
