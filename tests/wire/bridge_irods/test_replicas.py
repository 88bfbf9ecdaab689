"""Several at one object, and replicas that are not as they should be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.irods.streams import PIECE_BYTES
from omero_irods_bridge.model.errors import BridgeError, Busy, ChecksumMismatch, NotFound, TargetExists
from omero_irods_bridge.model.stored import DataObject, ReplicaStatus
from omero_irods_bridge.operations.incoming import open_when_free
from omero_irods_bridge.operations.packing.comparing import compare_replicas
from omero_irods_bridge.operations.packing.members import write_whole
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.contracts.object_store import read, write
from tests.wire.bridge_irods.replicas import settled, status_of
from tests.wire.irods_zone.data_objects import tree

# -- others


def test_an_object_that_another_writes_is_busy(store: IrodsStore, place: str) -> None:
    writer = store.open_writer(f"{place}/object")
    writer.write_at(0, 0, b"half")
    for attempt in (
        lambda: store.open_writer(f"{place}/object"),
        lambda: store.open_writer(f"{place}/object", keep=True),
        lambda: store.open_source(f"{place}/object").__enter__(),
        lambda: store.compute_checksum(f"{place}/object"),
        lambda: store.move(f"{place}/object", f"{place}/other"),
        lambda: store.remove(f"{place}/object"),
        lambda: store.truncate(f"{place}/object", 1),
    ):
        with pytest.raises(Busy):
            attempt()
    writer.close()
    assert read(store, f"{place}/object") == b"half"


@pytest.mark.parametrize("answer", ["CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", "SYS_INTERNAL_ERR"])
@pytest.mark.parametrize("keep", [False, True])
def test_what_another_makes_or_lets_go_of_just_now_is_busy(
    zone: Zone, store: IrodsStore, place: str, answer: str, *, keep: bool
) -> None:
    zone.faults.fail_call(602, answer)
    with pytest.raises(Busy, match="another writer"):
        store.open_writer(f"{place}/object", keep=keep)
    zone.faults.fail_call(602, answer, times=3)
    open_when_free(store, f"{place}/object", keep=keep).close()


def test_of_two_movers_to_one_place_just_one_wins(store: IrodsStore, place: str) -> None:
    names = [write(store, f"{place}/{name}", name.encode()) for name in "abcdefgh"]

    def move(path: str) -> bool:
        try:
            store.move(path, f"{place}/target")
        except TargetExists:
            return False
        return True

    with ThreadPoolExecutor(len(names)) as pool:
        won = list(pool.map(move, names))
    assert won.count(True) == 1
    winner = names[won.index(True)]
    assert read(store, f"{place}/target") == winner.rpartition("/")[2].encode()
    assert sorted(one.path for one in store.children(place)) == sorted(
        [*(name for name in names if name != winner), f"{place}/target"]
    )


# -- replicas


def test_what_a_vanished_writer_left_is_stale_readable_and_can_be_gone_on_with(
    store: IrodsStore, place: str
) -> None:
    writer = store.open_writer(f"{place}/object", streams=2)
    writer.write_at(0, 0, b"first ")
    writer.write_at(1, 6, b"second ")
    writer.abort()
    writer.abort()
    settled(store, f"{place}/object")
    assert status_of(store, f"{place}/object") is ReplicaStatus.STALE
    for options in ({}, {"streams": 3}, {"replica": 0}):
        with store.open_source(f"{place}/object", **options) as source:
            assert source.read_at(0, 100) == b"first second "
    again = store.open_writer(f"{place}/object", keep=True, streams=2)
    again.write_at(1, 13, b"third")
    again.close()
    assert status_of(store, f"{place}/object") is ReplicaStatus.GOOD
    assert read(store, f"{place}/object") == b"first second third"


@pytest.fixture
def stale(store: IrodsStore, place: str) -> str:
    """What a writer left who vanished."""
    writer = store.open_writer(f"{place}/object")
    writer.write_at(0, 0, b"first")
    writer.abort()
    settled(store, f"{place}/object")
    return f"{place}/object"


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_written_is_good_whichever_stream_wrote_it(
    store: IrodsStore, stale: str, *, keep: bool
) -> None:
    writer = store.open_writer(stale, keep=keep, streams=3)
    writer.write_at(2, 1, b"")
    writer.write_at(2, 0, b"other")
    writer.write_at(1, 3, b"x")
    writer.close()
    assert status_of(store, stale) is ReplicaStatus.GOOD
    assert read(store, stale) == b"othxr"


def test_where_no_stream_may_join_all_write_through_the_first(
    zone: Zone, store: IrodsStore, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a load balancer: each host has its own table of tokens (replica_access_table.cpp)."""
    monkeypatch.setattr(zone.replica_access, "is_valid", lambda *_: False)
    pieces = {number: bytes([number]) * 1000 for number in range(64)}
    writer = store.open_writer(f"{place}/object", streams=4)

    def put(stream: int) -> None:
        for number in range(stream, 64, 4):
            writer.write_at(stream, number * 1000, pieces[number])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(4)))
    writer.close()
    assert read(store, f"{place}/object") == b"".join(pieces.values())


def test_an_empty_object_is_good_though_there_was_a_stale_one(store: IrodsStore, stale: str) -> None:
    write_whole(store, stale, [])
    assert status_of(store, stale) is ReplicaStatus.GOOD
    assert read(store, stale) == b""


@pytest.mark.parametrize("moment", range(12))
def test_aborting_while_threads_write_ends_them_all(moment: int, store: IrodsStore, place: str) -> None:
    writer = store.open_writer(f"{place}/object", streams=3)
    stop = threading.Event()

    def write_on(stream: int) -> None:
        while not stop.is_set():
            writer.write_at(stream, stream * PIECE_BYTES, bytes(PIECE_BYTES))

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(write_on, stream) for stream in range(3)]
        threading.Event().wait(moment / 50)
        writer.abort()
        assert all(isinstance(one.exception(30), BridgeError) for one in running)
        stop.set()
    settled(store, f"{place}/object")
    assert status_of(store, f"{place}/object") is ReplicaStatus.STALE


def test_a_flipped_byte_is_no_match_and_computing_anew_tells_another_checksum(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    path = write(store, f"{place}/object")
    before = store.compute_checksum(path)
    zone.faults.flip_byte(path)
    assert not store.verify_checksum(path, replica=0)
    assert store.compute_checksum(path, replica=0) != before


def test_a_file_of_another_size_than_the_catalog_says_is_a_mismatch(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    path = write(store, f"{place}/object")
    store.compute_checksum(path)
    file = Path(zone.catalog.data_objects.replicas(path)[0].physical_path)
    file.write_bytes(b"shorter")
    assert not store.verify_checksum(path, replica=0)
    file.write_bytes(b"too")
    with pytest.raises(ChecksumMismatch):
        store.compute_checksum(path)
    file.unlink()
    with pytest.raises(ChecksumMismatch):
        store.compute_checksum(path)


def test_replicas_that_a_resource_makes_are_compared_with_what_was_sent(
    zone: Zone, session: iRODSSession, place: str
) -> None:
    path = f"{place}/object"
    with tree(session, zone, "replication", "comparedResc", "compared0", "compared1") as root:
        who = {"zone": zone.name, "user": zone.config.admin, "password": zone.password}
        options = {"irods_default_resource": root}
        with IrodsStore(account(zone.host, zone.port, **who, options=options)) as store:
            write(store, path)
            sent = store.compute_checksum(path)
            assert [one.sha256 for one in found_at(store, path).replicas] == [sent, None]
            compare_replicas(store, place)
            assert [one.sha256 for one in found_at(store, path).replicas] == [sent, sent]

            write(store, path)
            zone.faults.flip_byte(path, replica=1)
            store.compute_checksum(path, replica=0)
            with pytest.raises(ChecksumMismatch, match="Replica 1"):
                compare_replicas(store, path)

            for number in (0, 1):
                zone.faults.make_stale(path, replica=number)
            with pytest.raises(BridgeError, match="none of its replicas is good"):
                compare_replicas(store, path)
            store.remove(path)


def found_at(store: IrodsStore, path: str) -> DataObject:
    found = store.find(path)
    assert isinstance(found, DataObject)
    return found


def test_a_replica_that_is_not_there_is_not_found(store: IrodsStore, place: str) -> None:
    path = write(store, f"{place}/object")
    for attempt in (
        lambda: store.verify_checksum(path, replica=5),
        lambda: store.compute_checksum(path, replica=5),
    ):
        with pytest.raises(NotFound):
            attempt()
