"""What a process has loaded when the work of its command begins, and what the garbage collector does then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.cli import main
from omero_irods_bridge.cli.groups import COMMANDS, GROUPS
from omero_irods_bridge.cli.main import app

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


LOADED = """
import json, sys
from omero_irods_bridge.cli.main import main
main(sys.argv[1:])
print()
print(json.dumps(sorted(sys.modules)))
"""
NOWHERE = '{"irods_host": "localhost", "irods_port": 1, "irods_user_name": "a", "irods_zone_name": "z"}'


def _loaded_by(folder: Path, *arguments: str) -> set[str]:
    (folder / "irods_environment.json").write_text(NOWHERE)
    places = {"IRODS_ENVIRONMENT_FILE": str(folder / "irods_environment.json"), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **places},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "others"),
    [
        ("--version", "pack unpack listing agent ingest"),
        ("pack --help", "unpack listing agent ingest jobs"),
        ("jobs list --help", "pack unpack listing agent ingest"),
        ("list", "pack unpack agent ingest jobs"),
    ],
)
def test_a_command_imports_no_other(tmp_path: Path, arguments: str, others: str) -> None:
    loaded = _loaded_by(tmp_path, *arguments.split())
    assert not {f"omero_irods_bridge.cli.{other}" for other in others.split()} & loaded


@pytest.mark.parametrize("arguments", ["list", "show /z/a.zip", "pack Image:1 --dry-run"])
def test_where_irods_does_not_answer_nothing_of_omero_or_the_agent_is_imported(
    tmp_path: Path, arguments: str
) -> None:
    loaded = _loaded_by(tmp_path, *arguments.split())
    assert "irods" in loaded
    assert not {"Ice", "IcePy", "omero", "dbos", "fastapi", "sqlalchemy"} & loaded


def test_every_command_is_there() -> None:
    listed = {one.name for one in app.registered_commands} | {one.name for one in app.registered_groups}
    assert listed == {*COMMANDS, *GROUPS}
    assert not hasattr(main, "nonsense")
