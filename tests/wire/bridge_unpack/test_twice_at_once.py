"""The same unpack started twice at once: one carries it out, the other one says so, nothing is doubled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero import load_claims
from omero_irods_bridge.model.errors import Busy, ExitStatus
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import undo
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.killed import Accounts
from tests.wire.bridge_unpack.conftest import Side, row_counts, unpacked
from tests.wire.bridge_unpack.killed import Load, finish, started
from tests.wire.bridge_unpack.test_killed import finished_in_child, take_back
from tests.wire.bridge_write.conftest import RECORD


@pytest.fixture
def load(accounts: Accounts, snapshot: str) -> Load:
    return Load(accounts, UnpackRequest(snapshot))


def test_two_processes_at_once_make_one_graph(load: Load, hers: Side) -> None:
    before = row_counts(hers.omero)
    finished_in_child(load)
    after = row_counts(hers.omero)
    for _ in range(5):
        take_back(hers)
        assert row_counts(hers.omero) == before
        ends = {finish(one) for one in [started(load), started(load), started(load)]}
        assert ends <= {ExitStatus.DONE, ExitStatus.BUSY}
        assert ExitStatus.DONE in ends
        assert row_counts(hers.omero) == after


def test_undo_waits_for_a_load_that_is_under_way(load: Load, hers: Side) -> None:
    with under_way(load, hers.omero):
        (record,) = hers.receiver.book.list_loads()
        plan = undo.plan(record.load, hers.receiver)
        with pytest.raises(Busy, match=r"being carried out: by process \d+ on "):
            undo.apply(plan, hers.receiver)


@contextmanager
def under_way(load: Load, server: OmeroServer) -> Iterator[None]:
    """A process is in the midst of a load, which it ends afterwards."""
    server.faults.delay_calls("ManagedRepository.importFileset", 3)
    server.counters.reset()
    process = started(load)
    while process.is_alive() and not server.counters.calls("ManagedRepository.importFileset"):
        time.sleep(0.01)
    yield
    server.faults.clear()
    assert finish(process) == 0


def test_a_process_of_another_machine_is_believed_to_be_at_work_until_its_session_is_over(
    load: Load,
    snapshot: str,
    hers: Side,
    store: IrodsStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_claims, "_machine", lambda: "elsewhere")
    server = hers.omero
    sessions = open_sessions(server)
    server.counters.reset()
    process = started(load)
    while process.is_alive() and not server.counters.calls("ManagedRepository.importFileset"):
        time.sleep(0.001)
    process.kill()
    process.join()
    with pytest.raises(Busy):
        unpacked(store, snapshot, hers)
    (theirs,) = open_sessions(server) - sessions
    server.faults.expire_session(theirs)
    assert not unpacked(store, snapshot, hers).was_complete


def open_sessions(server: OmeroServer) -> set[str]:
    with server.store.work(server.internal_caller()) as work:
        rows = work.database.rows('select uuid from "Session" where closed is null')
    return {row["uuid"] for row in rows}


def test_a_claim_that_this_process_could_not_give_back_is_its_own(
    snapshot: str,
    hers: Side,
    store: IrodsStore,
) -> None:
    hers.receiver.book.begin(RECORD)
    with hers.receiver.book.claim("load-1"):
        hers.omero.faults.fail_call("ServiceFactory.submit", times=100)
        with pytest.raises(Busy), hers.receiver.book.claim("load-1"):
            pass
    hers.omero.faults.clear()
    with hers.receiver.book.claim("load-1"):
        pass
