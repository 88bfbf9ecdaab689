"""Ctrl-C at the very start of a command: no traceback, and the exit status of an interruption."""

from __future__ import annotations

import subprocess
import sys

import pytest

from omero_irods_bridge.model.errors import ExitStatus

INTERRUPTED_IMPORT = """
import sys
wanted = f"omero_irods_bridge.{sys.argv.pop()}"
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from omero_irods_bridge.cli.entry import run
run()
"""


@pytest.mark.parametrize("module", ["python_imports", "cli.main", "cli.pack"])
def test_an_interrupt_while_modules_are_imported_ends_as_an_interruption(module: str) -> None:
    program = [sys.executable, "-c", INTERRUPTED_IMPORT, "pack", "Image:1", module]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == ExitStatus.INTERRUPTED
    assert done.stderr == "omero-irods: Interrupted.\n"


@pytest.mark.parametrize("closed", ["0<&-", ">&-", "2>&-", "0<&- >&- 2>&-"])
def test_a_stream_that_the_shell_has_closed_ends_no_command_and_its_number_goes_to_no_file(
    closed: str,
) -> None:
    program = """
import os, sys
from omero_irods_bridge.cli import entry, main
def opened():
    number = os.open(os.devnull, os.O_RDONLY)
    status = main.main(["settings"]) or main.main(["settings", "--config", "none"])
    os._exit(status if number > 2 else 1)
main.run = opened
entry.run()
"""
    command = ["bash", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitStatus.NOT_FOUND
    assert "Traceback" not in done.stderr
