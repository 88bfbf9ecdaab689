"""Eight clients at once for a minute: no error, and nothing that was written is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import omero
import omero.clients
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rbool, rstring

from omero_irods_sandbox.omero_server.running import ServerProcess, server_process
from tests.wire.omero_server import busy_client

CLIENTS: Final = 8
SECONDS: Final = 60
_PATIENCE_S: Final = 120

Written = dict[str, dict[str, str]]
"""Kind -> id -> value, as a client tells it in JSON."""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path / "data", "--ssl", "0", "--tcp", "0") as running:
        yield running


@pytest.fixture
def root(process: ServerProcess) -> Iterator[Any]:
    gateway = BlitzGateway("root", process.root_password, host=process.host, port=process.ssl, secure=True)
    assert gateway.connect(), gateway.getLastError()
    yield gateway
    gateway.close()


@pytest.mark.slow
def test_eight_clients_for_a_minute_lose_nothing(process: ServerProcess, root: Any) -> None:
    names = [f"busy-{number}" for number in range(CLIENTS)]
    for name in names:
        _make_user(root, name)
    with ExitStack() as stack:
        clients = [stack.enter_context(_client(process, name)) for name in names]
        answers = [client.communicate(timeout=SECONDS + _PATIENCE_S) for client in clients]
    for client, (_out, errors) in zip(clients, answers, strict=True):
        assert client.returncode == 0, errors
    root.SERVICE_OPTS.setOmeroGroup("-1")
    for out, _errors in answers:
        _check(root, json.loads(out))
    assert _counted(root, "Dataset") == sum(len(json.loads(out)["Dataset"]) for out, _errors in answers)
    assert process.stop() == 0


def _make_user(root: Any, name: str) -> None:
    """With a group of his own and his name as the password."""
    group = root.createGroup(f"group of {name}", perms="rw----")
    user = omero.model.ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring(name), rstring("Busy"), rstring(name)
    user.ldap = rbool(False)
    refs = [omero.model.ExperimenterGroupI(id_, False) for id_ in (group, 1)]
    root.getAdminService().createExperimenterWithPassword(user, rstring(name), refs[0], refs)


def _client(process: ServerProcess, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", busy_client.__name__, process.host, str(process.ssl), name, str(SECONDS)]
    client = subprocess.Popen(
        command,
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stdin is not None
    client.stdin.write(f"{name}\n")
    client.stdin.flush()
    return client


def _check(root: Any, written: Written) -> None:
    """All that a client wrote is there as he last wrote it."""
    assert written.keys() == {"Dataset", "MapAnnotation", "OriginalFile"}
    for kind, values in written.items():
        found = {str(one.getId()): _value(one) for one in root.getObjects(kind, [int(id_) for id_ in values])}
        assert found == values


def _value(one: Any) -> str:
    if one.OMERO_CLASS == "Dataset":
        return str(one.getName())
    if one.OMERO_CLASS == "OriginalFile":
        return b"".join(one.getFileInChunks()).decode()
    [(_key, value)] = one.getValue()
    return str(value)


def _counted(root: Any, kind: str) -> int:
    [[count]] = root.getQueryService().projection(f"select count(o) from {kind} o", None, root.SERVICE_OPTS)
    return int(count.val)
