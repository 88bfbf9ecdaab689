"""The zone in memory keeps to the contract of its port, and its faults are what they say."""

from __future__ import annotations

import time
from itertools import count

import pytest

from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.model.errors import AccessDenied, Busy, ChecksumMismatch
from omero_irods_bridge.model.stored import Avu, DataObject, ReplicaStatus
from omero_irods_bridge.ports import ObjectStore
from tests.contracts.object_store import ObjectStoreContract, read, write

_places = count(1)


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore(MemoryZone(now=time.time()))

    @pytest.fixture
    def place(self, store: ObjectStore) -> str:
        path = f"{store.home}/place-{next(_places)}"
        store.make_collection(path)
        return path


@pytest.fixture
def zone() -> MemoryZone:
    return MemoryZone()


@pytest.fixture
def store(zone: MemoryZone) -> MemoryStore:
    return MemoryStore(zone)


@pytest.fixture
def path(store: MemoryStore) -> str:
    return write(store, f"{store.home}/object", b"0123456789")


def found(store: ObjectStore, path: str) -> DataObject:
    one = store.find(path)
    assert isinstance(one, DataObject)
    return one


def test_a_flipped_byte_is_known_only_to_who_reads(zone: MemoryZone, store: MemoryStore, path: str) -> None:
    store.compute_checksum(path)
    before = found(store, path)
    zone.flip_byte(path, offset=2)
    assert found(store, path) == before
    assert not store.verify_checksum(path, replica=0)


def test_a_cut_replica_cannot_be_computed(zone: MemoryZone, store: MemoryStore, path: str) -> None:
    zone.cut(path, 3)
    with pytest.raises(ChecksumMismatch):
        store.compute_checksum(path)


def test_replicas_are_read_and_compared_one_by_one(zone: MemoryZone, store: MemoryStore, path: str) -> None:
    store.compute_checksum(path)
    zone.replicate(path)
    zone.flip_byte(path, replica=1)
    assert [store.verify_checksum(path, replica=number) for number in (0, 1)] == [True, False]
    with store.open_source(path, replica=1) as source:
        assert source.read_at(0, 1) == bytes([ord("0") ^ 0xFF])
    zone.record(path, replica=0, status=ReplicaStatus.STALE)
    with store.open_source(path) as source:
        assert source.read_at(0, 1) != b"0"


def test_who_writes_first_is_alone_and_leaves_the_others_stale(
    zone: MemoryZone, store: MemoryStore, path: str
) -> None:
    zone.replicate(path)
    writer = store.open_writer(path)
    with pytest.raises(Busy):
        store.open_writer(path)
    writer.write_at(0, 0, b"new")
    writer.close()
    assert [one.status for one in found(store, path).replicas] == [ReplicaStatus.GOOD, ReplicaStatus.STALE]
    assert read(store, path) == b"new"


def test_others_see_nothing_before_they_may_and_change_nothing_then(
    zone: MemoryZone, store: MemoryStore, path: str
) -> None:
    other = MemoryStore(zone, "bob")
    assert other.find(path) is None
    zone.let_read(path, "bob")
    assert read(other, path) == b"0123456789"
    for change in (
        lambda: other.change_avus(path, add=[Avu("a", "1")]),
        lambda: other.remove(path),
        lambda: other.open_writer(path),
        lambda: other.compute_checksum(path),
    ):
        with pytest.raises(AccessDenied):
            change()
    assert read(store, path) == b"0123456789"
