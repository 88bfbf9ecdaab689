"""Row U3: killed at any moment and run again there is the same graph, and ``undo`` leaves nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import undo
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.killed import Accounts
from tests.wire.bridge_unpack.canonical import assert_same, canonical
from tests.wire.bridge_unpack.conftest import Side, packed, row_counts, rows_of
from tests.wire.bridge_unpack.content import varied_project
from tests.wire.bridge_unpack.killed import Load, finish, started
from tests.wire.bridge_unpack.test_in_place import vault_files
from tests.wire.omero_server.repository import links

MOMENTS = 50


@pytest.fixture
def load(accounts: Accounts, snapshot: str) -> Load:
    return Load(accounts, UnpackRequest(snapshot))


def test_killed_at_random_moments_and_run_again_there_is_the_same_graph_and_undo_leaves_nothing(
    load: Load, hers: Side
) -> None:
    server = hers.omero
    before = row_counts(server)
    finished_in_child(load)  # the first one loads libraries
    take_back(hers)
    calls = calls_of_a_run(load, server)
    after, graph = row_counts(server), graph_of(hers)
    take_back(hers)
    assert row_counts(server) == before
    chance = random.Random(5)
    killed = 0
    for moment in range(MOMENTS):
        number = chance.randrange(calls)
        killed += killed_at_call(load, server, number)
        if moment % 5 == 0:
            settled(server)
            take_back(hers)
            assert row_counts(server) == before, f"undo after kill {moment} at call {number}"
        finished_in_child(load)
        assert row_counts(server) == after, f"kill {moment} at call {number} of {calls}"
        assert_same(graph, graph_of(hers))
        take_back(hers)
        assert row_counts(server) == before, f"undo after kill {moment} at call {number}"
    assert killed > MOMENTS / 2


def test_killed_in_place_and_run_again_each_file_is_linked_once_and_undo_leaves_no_link(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    accounts: Accounts, hers: Side, zone: Zone,
) -> None:  # fmt: skip
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),), Form.EXPANDED)
    vault = zone.vault.resolve()
    load = Load(accounts, UnpackRequest(path, in_place=True), {f"demoResc:{vault}": PurePosixPath(vault)})
    server = hers.omero
    before, kept = row_counts(server), vault_files(zone)
    finished_in_child(load)
    take_back(hers)
    calls = calls_of_a_run(load, server)
    after, linked = row_counts(server), len(links(server))
    assert linked > 1
    take_back(hers)
    killed = 0
    for number in range(calls // 4, calls, calls // 8):
        killed += killed_at_call(load, server, number)
        finished_in_child(load)
        assert (row_counts(server), len(links(server))) == (after, linked), number
        take_back(hers)
        assert (row_counts(server), links(server), vault_files(zone)) == (before, [], kept), number
    assert killed > 1


def killed_at_call(load: Load, server: OmeroServer, number: int) -> bool:
    """Kill a run when the server has heard that many calls; whether it was still there to be killed."""
    server.counters.reset()
    process = started(load)
    while process.is_alive() and server.counters.calls() < number:
        time.sleep(0.0005)
    process.kill()
    process.join()
    return process.exitcode != 0


def calls_of_a_run(load: Load, server: OmeroServer) -> int:
    server.counters.reset()
    finished_in_child(load)
    return server.counters.calls()


def finished_in_child(load: Load) -> None:
    assert finish(started(load)) == 0


def graph_of(side: Side) -> Any:
    (record,) = side.receiver.book.list_loads()
    pairs = dict(side.receiver.book.read_id_map(record.load))
    roots = [here for there, here in pairs.items() if there.startswith("Project:")]
    return canonical(rows_of(side, roots))


def take_back(side: Side) -> None:
    for record in side.receiver.book.list_loads():
        undo.apply(undo.plan(record.load, side.receiver), side.receiver)


def settled(server: OmeroServer) -> None:
    """Until an import that goes on without its client has come to its end."""
    before: dict[str, int] = {}
    while (now := row_counts(server)) != before:
        before = now
        time.sleep(0.3)
