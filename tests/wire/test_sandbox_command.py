"""``omero-irods-sandbox`` as a person meets it: what it says when it can't start."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omero_irods_sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_port_that_is_taken_is_an_error_of_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finished = sandbox("irods", "--root", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert finished.returncode == 1
    assert "Could not start the zone" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_address_that_others_reach_is_refused_unless_permitted(tmp_path: Path) -> None:
    finished = sandbox("irods", "--root", str(tmp_path), "--port", "0", "--host", "0.0.0.0")
    assert finished.returncode == 1
    assert "--allow-other-hosts" in finished.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [("def broken(:\n", "core.py"), ("import nowhere_to_be_found\n", "nowhere_to_be_found")],
)
def test_a_rule_file_that_cannot_be_loaded_stops_the_start(tmp_path: Path, content: str, reason: str) -> None:
    rules = tmp_path / "core.py"
    rules.write_text(content)
    finished = sandbox("irods", "--root", str(tmp_path / "zone"), "--port", "0", "--rules", str(rules))
    assert finished.returncode == 1
    assert reason in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_wrong_option_is_a_usage_error() -> None:
    assert sandbox("irods", "--rooot", "x").returncode == 2
    assert sandbox("irods").returncode == 2


def test_help_names_both_servers_and_the_demo() -> None:
    finished = sandbox("--help")
    assert finished.returncode == 0
    assert "irods" in finished.stdout
    assert "demo" in finished.stdout


def test_an_omero_port_that_is_taken_is_an_error_of_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = sandbox("omero", "--data", str(tmp_path), "--ssl", port, "--tcp", "0")
    assert finished.returncode == 1
    assert "Could not start the OMERO server" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_omero_address_that_others_reach_is_refused_unless_permitted(tmp_path: Path) -> None:
    finished = sandbox("omero", "--data", str(tmp_path), "--host", "0.0.0.0")
    assert finished.returncode == 1
    assert "--allow-other-hosts" in finished.stderr
