"""Whatever breaks during an import: a clear error, and nothing is left that a load cannot take back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero
import pytest

from omero_irods_bridge.adapters.omero import import_upload
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.errors import BridgeError, NoSpace
from omero_irods_bridge.model.imports import ImportMark, ImportOptions
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_import import killed
from tests.wire.bridge_import.sources import Look, fake, file_of, tiff
from tests.wire.omero_server.conftest import User

OPTIONS = ImportOptions(mark=ImportMark("load-1", "/zone/a.zip", "Fileset:3"), images=1)
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_upload, "BLOCK_BYTES", 1000)


class Clients:
    """A client for each attempt, as the first one may have lost its session."""

    def __init__(self, server: OmeroServer, user: User) -> None:
        self._server, self._user = server, user
        self.opened: list[Any] = []

    def __call__(self) -> Any:
        client = omero.client(self._server.host, self._server.ssl_port)
        client.createSession(self._user.name, self._user.password)
        self.opened.append(client)
        return client

    def importer(self) -> OmeroImporter:
        return OmeroImporter(self())


@pytest.fixture
def clients(server: OmeroServer, user: User) -> Iterator[Clients]:
    made = Clients(server, user)
    yield made
    for client in made.opened:
        client.closeSession()


def files() -> list[Any]:
    return [file_of("zone/a.tif", tiff()), file_of("zone/notes.txt", b"x" * 2500)]


def recover(importer: OmeroImporter, look: Look, load: str = "load-1") -> None:
    """What the next run does."""
    importer.discard([one.id for one in importer.find_marked(load) if not one.complete])
    assert len(importer.find_marked(load)) <= 1


# -- calls that fail


def operations(server: OmeroServer, clients: Clients) -> dict[str, int]:
    """How often an import calls what."""
    importer = clients.importer()
    server.counters.reset()
    imported = importer.import_fileset(files(), OPTIONS)
    calls = server.counters.all_calls()
    importer.discard([imported.fileset])
    return calls


def test_every_call_may_fail_and_nothing_is_left(server: OmeroServer, clients: Clients, look: Look) -> None:
    failed: list[str] = []
    for operation, count in operations(server, clients).items():
        for nth in {1, count}:
            importer = clients.importer()
            server.faults.fail_call(operation, nth=nth)
            try:
                importer.import_fileset(files(), OPTIONS)
            except BridgeError as error:
                failed.append(error.message)
            server.faults.clear()
            recover(importer, look)
            complete = importer.find_marked("load-1")
            importer.discard([one.id for one in complete])
            assert look.is_empty(), (operation, nth)
    assert len(failed) > 10
    assert [message for message in failed if not re.search("a.tif|notes.txt|Fileset:|load-1", message)] == []


@pytest.mark.parametrize("position", [0, 1, 999, 1000, 3000, 6200])
def test_a_connection_that_is_cut_while_bytes_pass_loses_nothing(
    server: OmeroServer, clients: Clients, look: Look, position: int
) -> None:
    server.faults.cut_file_after(position, "write")
    try:
        imported = clients.importer().import_fileset(files(), OPTIONS)
    except BridgeError:
        importer = clients.importer()
        recover(importer, look)
        imported = importer.import_fileset(files(), OPTIONS)
    (found,) = clients.importer().find_marked("load-1")
    assert (found.id, found.complete) == (imported.fileset, True)
    assert server.storage.path_by_id(imported.files[0]).read_bytes() == tiff()
    assert look.counts()["Fileset"] == 1


def test_a_session_that_expires_while_bytes_pass_is_an_error_and_can_be_continued(
    server: OmeroServer, clients: Clients, look: Look
) -> None:
    client = clients()
    session = client.getSessionId()
    reads: list[int] = []

    def expire(offset: int, _length: int) -> None:
        reads.append(offset)
        if len(reads) == 3:
            server.faults.expire_session(session)

    with pytest.raises(BridgeError) as failed:
        OmeroImporter(client).import_fileset([file_of("zone/a.tif", tiff(), before_read=expire)], OPTIONS)
    assert "is left in OMERO" in failed.value.hint
    assert session not in failed.value.message + failed.value.hint
    importer = clients.importer()
    (broken,) = importer.find_marked("load-1")
    assert not broken.complete
    recover(importer, look)
    assert look.is_empty()


def test_a_full_disk_of_omero_is_called_so(server: OmeroServer, clients: Clients, look: Look) -> None:
    full = omero.ResourceError(message="No space left on device")
    server.faults.fail_call("RawFileStore.write", full, nth=2)
    with pytest.raises(NoSpace):
        clients.importer().import_fileset(files(), OPTIONS)
    assert look.is_empty()


def test_a_source_that_breaks_stops_the_other_files_too(clients: Clients, look: Look) -> None:
    def broken(*_at: int) -> None:
        raise BridgeError("the zone is gone")

    others = [file_of(f"zone/{number}.txt", b"x" * 2500) for number in range(30)]
    with pytest.raises(BridgeError, match="the zone is gone"):
        clients.importer().import_fileset(
            [file_of("zone/a.tif", tiff(), before_read=broken), *others], OPTIONS
        )
    assert look.is_empty()


# -- processes that die


MOMENTS = [
    "step:1",
    "read:1",
    "read:3",
    "read:5",
    "before-verify:1",
    "after-verify:1",
    "step:2",
    "after-wait:1",
    "before-record:1",
    "after-record:1",
]


def run_killed(server: OmeroServer, user: User, moment: str, load: str) -> int:
    told = {
        "host": server.host,
        "port": server.ssl_port,
        "user": user.name,
        "password": user.password,
        "moment": moment,
        "load": load,
    }
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "sandbox")])
    finished = subprocess.run(
        [sys.executable, "-m", "tests.wire.bridge_import.killed"],
        input=json.dumps(told),
        text=True,
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": paths},
        timeout=60,
        check=False,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    return finished.returncode


def test_killed_at_any_moment_and_run_again_the_graph_is_the_same(
    server: OmeroServer, clients: Clients, user: User, look: Look
) -> None:
    importer = clients.importer()
    importer.import_fileset(killed.files(), killed.options("clean"))
    once = look.counts()
    importer.discard([one.id for one in importer.find_marked("clean")])
    for moment in MOMENTS:
        run_killed(server, user, moment, moment)
        found = importer.find_marked(moment)
        assert len(found) == (moment != "step:1"), moment
        assert all(one.complete for one in found) == (moment in ("step:1", "after-record:1")), moment
        discard_what_is_broken(importer, moment)
        if not importer.find_marked(moment):
            importer.import_fileset(killed.files(), killed.options(moment))
        assert look.counts() == once, moment
        importer.discard([one.id for one in importer.find_marked(moment)])
        assert look.is_empty(), moment


def discard_what_is_broken(importer: OmeroImporter, load: str) -> None:
    """An import that goes on in the server without its client may make the first try fail: then again."""
    for _attempt in range(50):
        broken = [one.id for one in importer.find_marked(load) if not one.complete]
        try:
            importer.discard(broken)
            return
        except BridgeError:
            time.sleep(0.1)
    raise AssertionError("it never could be discarded")


def test_an_import_that_goes_on_without_its_client_is_taken_back_whole(
    server: OmeroServer, clients: Clients, look: Look
) -> None:
    """The client is gone when the server begins; its fileset is deleted while images are still being made."""
    client = clients()
    server.faults.fail_call("Handle.addCallback")
    server.faults.fail_call("ServiceFactory.submit")
    with pytest.raises(BridgeError) as failed:
        OmeroImporter(client).import_fileset(
            [fake("&series=200&sizeX=64&sizeY=64")], ImportOptions(mark=OPTIONS.mark)
        )
    assert "is left in OMERO" in failed.value.hint
    importer = clients.importer()
    discard_what_is_broken(importer, "load-1")
    settle(look)
    assert look.is_empty()


def settle(look: Look) -> None:
    """Wait until nothing changes any more."""
    before: dict[str, int] = {}
    while (now := look.counts()) != before:
        before = now
        time.sleep(0.5)
