"""Snapshots are found by their AVUs, as in the store in memory, and in a few questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Snapshot, State, to_avus
from omero_irods_bridge.model.stored import parent_of
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.snapshots.conftest import FEW
from tests.wire.snapshots.many import START, add_snapshots, description, path_of

CRITERIA = {
    "all": Criteria(),
    "owner": Criteria(owner="user3"),
    "owner and group": Criteria(owner="user3", group="group0"),
    "source": Criteria(source=ObjectRef(Kind.DATASET, 7)),
    "image": Criteria(image=9),
    "name": Criteria(name="of day 1"),
    "name with a wildcard in it": Criteria(name="%"),
    "name with another": Criteria(name="experiment_1"),
    "since": Criteria(since=START + timedelta(hours=28)),
    "until": Criteria(until=START + timedelta(hours=2)),
    "since and until": Criteria(since=START + timedelta(hours=3), until=START + timedelta(hours=4)),
    "state": Criteria(state=State.SEALED, owner="user9"),
    "size": Criteria(min_size=9_000, max_size=11_000),
}


@pytest.fixture
def memory(few: str) -> MemoryStore:
    """The same snapshots."""
    store = MemoryStore(user="rods")
    for number in range(FEW):
        path = path_of(few, number)
        store.make_collection(parent_of(path))
        store.open_writer(path).close()
        store.change_avus(path, add=to_avus(description(number)))
    return store


@pytest.mark.parametrize("name", CRITERIA)
def test_a_zone_finds_what_the_store_in_memory_finds(
    store: IrodsStore, memory: MemoryStore, few: str, name: str
) -> None:
    wanted = replace(CRITERIA[name], below=few)
    found = find(store, wanted)
    assert found == find(memory, wanted)
    assert bool(found) is ("wildcard" not in name and "another" not in name)


def test_what_is_found_is_what_was_described(store: IrodsStore, few: str) -> None:
    (found,) = find(store, Criteria(source=ObjectRef(Kind.DATASET, 12), below=few))
    assert found == Snapshot(path_of(few, 12), description(12))


def test_pages_follow_each_other_in_the_order_of_paths(store: IrodsStore, few: str) -> None:
    pages = [find(store, Criteria(below=few), skip=skip, limit=7) for skip in range(0, FEW + 7, 7)]
    assert [one.path for page in pages for one in page] == [path_of(few, number) for number in range(FEW)]


def questions(zone: Zone, store: IrodsStore, criteria: Criteria) -> int:
    before = zone.counters.calls()
    assert len(find(store, criteria, limit=20)) == 20
    return zone.counters.calls() - before


def test_a_page_takes_as_many_questions_however_many_snapshots_there_are(
    zone: Zone, store: IrodsStore, few: str, place: str
) -> None:
    add_snapshots(zone, f"{place}/more", 400)
    store.find(place)  # logged in
    asked = questions(zone, store, Criteria(below=few))
    assert questions(zone, store, Criteria(below=f"{place}/more")) == asked
    assert asked <= 8


def test_a_name_that_xml_cannot_have_keeps_no_client_from_reading_the_avus(
    store: IrodsStore, session: iRODSSession, place: str
) -> None:
    path = path_of(place, 0)
    store.make_collection(parent_of(path))
    store.open_writer(path).close()
    store.change_avus(path, add=to_avus(replace(description(0), name="a\ufffeb\uffffc", note="\uffff")))
    told = {one.name: one.value for one in session.data_objects.get(path).metadata.items()}
    assert told["omero::name"] == "a b c"
    assert "omero::note" not in told
