"""Scripts when their server stops, starts again, or is reset: nothing of them stays behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import omero
import omero.clients
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer

LogIn = Callable[[OmeroServer], Any]

ENDLESS = """
import os, pathlib, signal, time
import omero.scripts as scripts

client = scripts.client("Endless", scripts.String("file", optional=False))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
place = pathlib.Path(client.getInput("file", unwrap=True))
place.with_suffix(".new").write_text(str(os.getpid()))
place.with_suffix(".new").rename(place)
time.sleep(600)
"""


@pytest.fixture
def config(tmp_path: Path) -> ServerConfig:
    return ServerConfig(data=tmp_path / "data", can_reset=True)


@pytest.fixture
def log_in() -> Iterator[LogIn]:
    """A client of root; it is given back after the test, also when its server has gone."""
    clients: list[Any] = []

    def connect(server: OmeroServer) -> Any:
        clients.append(omero.client(server.host, server.ssl_port))
        clients[-1].createSession("root", server.root_password)
        return clients[-1]

    yield connect
    for client in clients:
        client.__del__()  # closeSession that minds no lost connection


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "pid"


def _run_endless(client: Any, pid_file: Path) -> tuple[int, int, int]:
    """Script, job and process of a script that runs and does not listen to SIGTERM."""
    service = client.sf.getScriptService()
    script_id = service.uploadOfficialScript("/Endless.py", ENDLESS)
    process = service.runScript(script_id, {"file": rstring(str(pid_file))}, None)
    while not pid_file.exists():
        assert process.poll() is None
        time.sleep(0.05)
    return script_id, process.getJob().id.val, int(pid_file.read_text())


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_server_that_stops_ends_its_scripts_and_finds_the_rest_again(
    config: ServerConfig, pid_file: Path, log_in: LogIn
) -> None:
    with running_server(config) as server:
        script_id, job_id, pid = _run_endless(log_in(server), pid_file)
        assert _is_running(pid)
    assert not _is_running(pid)

    with running_server(config) as server:
        client = log_in(server)
        assert client.sf.getScriptService().getScriptID("/Endless.py") == script_id
        handle = client.sf.createJobHandle()
        assert handle.attach(job_id).value.val == "Cancelled"
        assert client.sf.sharedResources().getScriptRepository().root().hash.val == "ScriptRepo"


def test_a_reset_ends_scripts_and_takes_them_away(
    config: ServerConfig, pid_file: Path, log_in: LogIn
) -> None:
    with running_server(config) as server:
        _, _, pid = _run_endless(log_in(server), pid_file)
        server.reset()
        assert not _is_running(pid)

        client = log_in(server)
        assert client.sf.getScriptService().getScripts() == []
        assert client.sf.getScriptService().getScriptID("/Endless.py") == -1
        assert client.sf.getScriptService().uploadOfficialScript("/Endless.py", ENDLESS) > 0


def test_folders_of_scripts_are_private_and_go_with_them(
    config: ServerConfig, pid_file: Path, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = tmp_path / "temporary"
    folders.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folders))
    with running_server(config) as server:
        _run_endless(log_in(server), pid_file)
        (folder,) = folders.glob("omero-process-*")
        assert folder.stat().st_mode & 0o077 == 0
    assert not list(folders.glob("omero-process-*"))
