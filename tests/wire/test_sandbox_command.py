"""``omero-irods-sandbox`` as a person meets it: what it says when it can't start."""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import ZoneProcess, zone_process
from omero_irods_sandbox.omero_server.running import server_process


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omero_irods_sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def session_of(zone: ZoneProcess, folder: Path) -> iRODSSession:
    """By the files that it has written, as a person who was told where they are."""
    password = folder / "irodsA"
    password.write_text(encode(zone.password))
    return iRODSSession(irods_env_file=str(zone.environment_file), irods_authentication_file=str(password))


def test_a_zone_takes_all_options_and_the_same_folder_is_the_same_zone_again(
    tmp_path: Path,
) -> None:
    root, programs, rules = tmp_path / "zone", tmp_path / "bin", tmp_path / "core.py"
    programs.mkdir()
    (programs / "hello").write_text("#!/bin/sh\necho $1 > $0.said\n")
    (programs / "hello").chmod(0o700)
    rules.write_text(
        "def acPostProcForPut(_arguments, callback, _rei):\n"
        "    try:\n"
        "        callback.msiExecCmd('hello', 'world', '', '', '', '')\n"
        "    except RuntimeError:\n"  # after a program that succeeded, see test_policy
        "        pass\n"
    )
    options = ("--port", "0", "--rules", str(rules), "--exec-bin", str(programs))
    with zone_process(root, "--zone", "labZone", "--tls", *options) as zone:
        ready = zone.host, zone.zone, zone.admin, zone.environment_file
        assert ready == ("127.0.0.1", "labZone", "rods", root / "irods_environment.json")
        environment = json.loads(zone.environment_file.read_text())
        assert environment["irods_port"] == zone.port
        with session_of(zone, tmp_path) as session:
            session.data_objects.put(str(rules), "/labZone/home/rods/core.py")
            assert type(session.pool.get_connection().socket) is ssl.SSLSocket
        assert (programs / "hello.said").read_text() == "world\n"
        assert zone.stop() == 0
    with zone_process(root, "--port", "0") as zone, session_of(zone, tmp_path) as session:
        assert zone.zone == "labZone"
        assert session.data_objects.exists("/labZone/home/rods/core.py")
        assert "Another zone runs in" in refused("--root", str(root))
    assert "is of the zone labZone, not other" in refused("--root", str(root), "--zone", "other")


def test_it_stops_whichever_of_its_threads_gets_the_signal(tmp_path: Path) -> None:
    with zone_process(tmp_path / "zone", "--port", "0") as zone:
        process = zone.process.pid
        other = max(int(thread.name) for thread in Path(f"/proc/{process}/task").iterdir())
        assert other != process
        assert ctypes.CDLL(None).tgkill(process, other, signal.SIGTERM) == 0
        assert zone.process.wait(20) == 0


def refused(*arguments: str) -> str:
    """What is said when a zone does not start."""
    finished = sandbox("irods", "--port", "0", *arguments)
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
    return finished.stderr


def test_what_is_no_zone_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "'a/b' is no name of a zone" in refused("--root", str(tmp_path / "zone"), "--zone", "a/b")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "catalog.sqlite").write_text("something else" * 99)
    assert "is no catalog of a zone" in refused("--root", str(tmp_path / "other"))


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


def test_a_second_server_in_the_folder_of_one_that_runs_is_refused(tmp_path: Path) -> None:
    with server_process(tmp_path, "--ssl", "0", "--tcp", "0") as first:
        finished = sandbox("omero", "--data", str(tmp_path), "--ssl", "0", "--tcp", "0")
        assert finished.returncode == 1
        assert f"Another server runs in {tmp_path}" in finished.stderr
        assert "Traceback" not in finished.stderr
        assert first.stop() == 0


def test_an_omero_address_that_others_reach_is_refused_unless_permitted(tmp_path: Path) -> None:
    finished = sandbox("omero", "--data", str(tmp_path), "--host", "0.0.0.0")
    assert finished.returncode == 1
    assert "--allow-other-hosts" in finished.stderr
