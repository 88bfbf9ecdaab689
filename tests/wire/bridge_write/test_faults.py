"""Whatever breaks while writing: all of a batch or none of it, a clear error, and a second try that works."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import omero
import pytest

from omero_irods_bridge.adapters.omero import file_writing
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.loads import OmeroLoadBook
from omero_irods_bridge.model.errors import BridgeError, Unreachable
from omero_irods_bridge.model.loads import LoadState
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import RECORD, Bytes, LogIn, done
from tests.wire.bridge_write.test_saving import IMAGE, id_of
from tests.wire.omero_server.conftest import User

Work = Callable[[OmeroConnection], None]


@contextlib.contextmanager
def note(failures: list[BridgeError]) -> Iterator[None]:
    try:
        yield
    except BridgeError as error:
        failures.append(error)


def save(connection: OmeroConnection) -> None:
    OmeroGraphWriter(connection).save([*IMAGE, {"@": "Dataset:_7", "name": "d"}])


def change(connection: OmeroConnection) -> None:
    """The second time there is something to change."""
    writer = OmeroGraphWriter(connection)
    key = writer.save([{"@": "Dataset:_1", "name": "d"}])["Dataset:_1"]
    writer.save([{"@": key, "name": "new"}, {"@": "Dataset:_2", "name": "e"}])


def delete(connection: OmeroConnection) -> None:
    writer = OmeroGraphWriter(connection)
    keys = writer.save([{"@": "Dataset:_1", "name": "d"}, {"@": "Project:_2", "name": "p"}])
    writer.delete({"Dataset": [id_of(keys["Dataset:_1"])], "Project": [id_of(keys["Project:_2"])]})


def write(connection: OmeroConnection) -> None:
    writer = OmeroGraphWriter(connection)
    draft = {"@": "OriginalFile:_1", "name": "f", "path": "", "hasher": "ChecksumAlgorithm=SHA1-160"}
    file = id_of(writer.save([draft])["OriginalFile:_1"])
    writer.write_file(file, Bytes(bytes(range(256)) * 20))


def keep_a_book(connection: OmeroConnection) -> None:
    book = OmeroLoadBook(connection)
    book.begin(RECORD)
    book.write_id_map(RECORD.load, [("Image:1", "Image:2")])
    book.finish(done(RECORD))


@pytest.mark.parametrize("work", [save, change, delete, write, keep_a_book])
def test_every_call_may_fail_and_the_next_try_works(
    server: OmeroServer, connect_as: LogIn, user: User, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writing, "BLOCK_BYTES", 1000)
    connection = connect_as(user)
    server.counters.reset()
    work(connection)
    failures: list[BridgeError] = []
    for operation, count in server.counters.all_calls().items():
        for nth in {1, count}:
            server.faults.fail_call(operation, nth=nth)
            with note(failures):
                work(connection)
            server.faults.clear()
    assert len(failures) > 2
    assert all("injected fault" in one.message or isinstance(one, Unreachable) for one in failures)
    work(connection)


@pytest.mark.parametrize("work", [save, change, delete, write, keep_a_book])
def test_a_session_that_is_over_is_called_so(
    server: OmeroServer, connect_as: LogIn, user: User, work: Work
) -> None:
    connection = connect_as(user)
    work(connection)
    key = connection.client.getSessionId()
    server.faults.expire_session(key)
    with pytest.raises(BridgeError) as failed:
        work(connection)
    assert isinstance(failed.value, (SessionExpired, Unreachable))
    assert key not in failed.value.message


def test_a_save_that_fails_in_its_midst_leaves_nothing(
    connect_as: LogIn, user: User, row_counts: Callable[[], dict[str, int]]
) -> None:
    """The last object is refused when all before it have their rows."""
    writer = OmeroGraphWriter(connect_as(user))
    writer.save([{"@": "Dataset:_1", "name": "d"}])
    before = row_counts()
    links = [{"@": f"DatasetImageLink:_{n}", "parent": "Dataset:_7", "child": "Image:_1"} for n in (8, 9)]
    with pytest.raises(BridgeError, match="OMERO failed while saving Image:_1 and 8 more"):
        writer.save([*IMAGE, {"@": "Dataset:_7", "name": "d"}, *links])
    assert row_counts() == before


def test_a_full_disk_leaves_a_file_that_can_be_written_again(
    server: OmeroServer, connect_as: LogIn, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writing, "BLOCK_BYTES", 1000)
    writer = OmeroGraphWriter(connect_as(user))
    draft = {"@": "OriginalFile:_1", "name": "f", "path": "", "hasher": "ChecksumAlgorithm=SHA1-160"}
    file = id_of(writer.save([draft])["OriginalFile:_1"])
    server.faults.fail_call("RawFileStore.write", omero.ResourceError(message="No space left"), nth=3)
    with pytest.raises(BridgeError, match="The disk of OMERO is full"):
        writer.write_file(file, Bytes(b"x" * 5000))
    writer.write_file(file, Bytes(b"y" * 4000))
    found: Any = server.store.row("OriginalFile", file)
    assert (found["size"], found["hash"]) == (4000, hashlib.sha1(b"y" * 4000).hexdigest())


def test_a_load_is_done_only_when_that_was_saved(server: OmeroServer, connect_as: LogIn, user: User) -> None:
    book = OmeroLoadBook(connect_as(user))
    book.begin(RECORD)
    server.faults.fail_call("IUpdate.saveAndReturnArray")
    with pytest.raises(BridgeError):
        book.finish(done(RECORD))
    found = book.find(RECORD.load)
    assert found is not None
    assert found.state is LoadState.RUNNING
