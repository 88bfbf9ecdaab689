"""How many requests the store needs: each costs a round trip, to a server that may be far away."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.ports import AvuCondition
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.contracts.object_store import read, write
from tests.wire.bridge_irods.conftest import store_of

LOG_IN, GEN_QUERY = 110_000, 702
CONDITION = [AvuCondition("a", equals="1")]


def test_small_objects_cost_three_requests_and_each_thread_one_login(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    zone.counters.reset()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write(store, f"{place}/{number}", bytes(65536)), range(200)))
    logins = zone.counters.calls(LOG_IN)
    assert logins <= 4 * 2
    assert zone.counters.calls() - logins == 3 * 200


@pytest.mark.parametrize(
    ("most", "attempt"),
    [
        (1, lambda store, place: store.find(f"{place}/object")),
        (2, lambda store, place: store.find(place)),
        (2, lambda store, place: store.find(f"{place}/nothing")),
        (1, lambda store, place: store.avus(f"{place}/object")),
        (2, lambda store, place: store.change_avus(f"{place}/object", add=[Avu("b", "2"), Avu("c", "3")])),
        (2, lambda store, place: store.find_by_avus([AvuCondition("a", equals=place)])),
        (3, lambda store, place: store.find_by_avus(CONDITION, below=place, limit=10)),
        (2, lambda store, place: store.avus_of_many([f"{place}/object", f"{place}/other"])),
        (1, lambda store, place: store.move(f"{place}/object", f"{place}/moved")),
        (2, lambda store, place: store.remove(f"{place}/object")),
        (1, lambda store, place: store.make_collection(f"{place}/a/b")),
        (1, lambda store, place: store.remove_if_empty(place)),
        (1, lambda store, place: store.compute_checksum(f"{place}/object")),
        (5, lambda store, place: read(store, f"{place}/object")),
        (3, lambda store, place: list(store.children(place, recursive=True))),
        (3, lambda store, place: store.open_writer(f"{place}/new", streams=4).close()),
    ],
)
def test_a_request_is_not_asked_twice(
    zone: Zone, store: IrodsStore, place: str, most: int, attempt: Callable[[IrodsStore, str], object]
) -> None:
    for name in ("object", "other"):
        store.change_avus(write(store, f"{place}/{name}"), add=[Avu("a", "1")])
    zone.counters.reset()
    attempt(store, place)
    assert zone.counters.calls() <= most


def test_the_number_of_queries_for_many_objects_is_that_of_pages(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda number: write(store, f"{place}/{number:04}"), range(1200)))
        list(pool.map(lambda path: store.change_avus(path, add=[Avu("a", "1"), Avu("place", place)]), made))
    zone.counters.reset()
    assert [one.path for one in store.children(place)] == made
    assert zone.counters.calls() <= 4
    zone.counters.reset()
    assert len(store.avus_of_many(made)) == len(made)
    assert zone.counters.calls() <= 2 * 10
    zone.counters.reset()
    assert store.find_by_avus(CONDITION, below=place, skip=300, limit=100) == made[300:400]
    assert store.find_by_avus(CONDITION, below=place, skip=0, limit=5000) == made
    assert store.find_by_avus(CONDITION, below=place, skip=50, limit=1100) == made[50:1150]
    here = [AvuCondition("place", equals=place)]
    assert store.find_by_avus(here, skip=50, limit=1100) == made[50:1150]
    assert store.find_by_avus(here, skip=1190, limit=100) == made[1190:]
    assert store.find_by_avus(CONDITION, below=place, skip=1190, limit=100) == made[1190:]


def test_no_connection_is_left_after_the_store(zone: Zone, place: str) -> None:
    with store_of(zone) as store:
        writer = store.open_writer(f"{place}/left open")
        writer.write_at(0, 0, b"x")
        store.find(place)
    with store_of(zone) as other:
        for _ in range(500):
            found = other.find(f"{place}/left open")
            if found is not None and found.replicas[0].status == 0:  # type: ignore[union-attr]
                return
    raise AssertionError("the replica that the store left open is not stale")
