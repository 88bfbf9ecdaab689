"""What a process has loaded when the work of its command begins, and what the garbage collector does then."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

AT_WORK = """
import gc, json, sys
from omero_irods_bridge.cli import entry, main
def work():
    young = {id(one) for one in gc.get_objects()}  # frozen ones are not among them
    before = gc.isenabled(), id(vars(main)) in young
    import omero_irods_bridge.adapters.omero
    young = {id(one) for one in gc.get_objects()}
    after = gc.isenabled(), id(sys.modules["omero.model"].ImageI) in young
    print(json.dumps([before, after]))
"""
OURS = "main.run = work\nentry.run()"
OF_SOMEBODY_ELSE = "work()"
WITHOUT_COLLECTOR = "gc.disable()\nwork()"


def _said_by(program: str) -> Any:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("process", "is_on", "is_collected"),
    [(OURS, True, False), (OF_SOMEBODY_ELSE, True, True), (WITHOUT_COLLECTOR, False, True)],
)
def test_the_collector_works_as_before_but_not_on_what_our_process_has_imported(
    process: str, is_on: bool, is_collected: bool
) -> None:
    assert _said_by(AT_WORK + process) == [[is_on, is_collected], [is_on, is_collected]]
