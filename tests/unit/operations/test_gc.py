"""What gc takes for a leftover, and that it removes nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.model.errors import AccessDenied, Interrupted, NotFound, UsageError
from omero_irods_bridge.model.events import CancelToken, Event, Notice
from omero_irods_bridge.model.stored import ReplicaStatus
from omero_irods_bridge.operations import gc
from omero_irods_bridge.operations.gc import Verdict
from omero_irods_bridge.ports import ObjectStore

HOUR = 3600.0
ONE, TWO = "1" * 32, "2" * 32
"""Names of plans."""


@dataclass
class ZoneClock:
    zone: MemoryZone

    def now(self) -> float:
        return self.zone.now


@pytest.fixture
def zone() -> MemoryZone:
    return MemoryZone()


@pytest.fixture
def store(zone: MemoryZone) -> MemoryStore:
    return MemoryStore(zone)


@pytest.fixture
def home(store: MemoryStore) -> str:
    return store.home


def put(store: ObjectStore, path: str, data: bytes = b"data") -> str:
    store.make_collection(path.rpartition("/")[0])
    writer = store.open_writer(path)
    writer.write_at(0, 0, data)
    writer.close()
    return path


def planned(store: MemoryStore, collection: str | None = None, age_s: float = HOUR) -> gc.GcPlan:
    return gc.plan(store, collection or store.home, clock=ZoneClock(store.content), older_than_s=age_s)


def verdicts(plan: gc.GcPlan) -> dict[str, Verdict]:
    return {one.leftover.path: one.verdict for one in plan.judged}


def paths(store: MemoryStore) -> set[str]:
    return {one.path for one in store.children(store.home, recursive=True)}


def test_an_old_object_is_removed_and_its_empty_incoming_too(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    kept = put(store, f"{home}/set/snapshot.zip")
    put(store, f"{home}/set/.incoming/{ONE}")
    zone.now += 2 * HOUR
    done = gc.apply(planned(store), store)
    assert ([one.path for one in done.removed], done.size) == ([f"{home}/set/.incoming/{ONE}"], 4)
    assert paths(store) == {f"{home}/set", kept}


def test_an_old_collection_is_one_leftover_with_all_that_is_in_it(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    put(store, f"{home}/.incoming/{ONE}/a/b", b"12")
    put(store, f"{home}/.incoming/{ONE}/c", b"345")
    zone.now += 2 * HOUR
    plan = planned(store)
    assert [(one.leftover.path, one.leftover.size, one.age_s) for one in plan.judged] == [
        (f"{home}/.incoming/{ONE}", 5, 2 * HOUR)
    ]
    gc.apply(plan, store)
    assert paths(store) == set()


def test_planning_changes_nothing(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    before = dict(zone.entries)
    planned(store)
    assert zone.entries == before


def test_what_changed_a_short_while_ago_stays(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}/old")
    zone.now += 2 * HOUR
    put(store, f"{home}/.incoming/{ONE}/new")
    plan = planned(store)
    assert verdicts(plan) == {f"{home}/.incoming/{ONE}": Verdict.FRESH}
    gc.apply(plan, store)
    assert f"{home}/.incoming/{ONE}/old" in paths(store)


@pytest.mark.parametrize(
    "status", [ReplicaStatus.INTERMEDIATE, ReplicaStatus.WRITE_LOCKED, ReplicaStatus.READ_LOCKED]
)
def test_what_somebody_has_open_stays_however_old(
    zone: MemoryZone, store: MemoryStore, home: str, status: ReplicaStatus
) -> None:
    put(store, f"{home}/.incoming/{ONE}/a")
    zone.record(f"{home}/.incoming/{ONE}/a", status=status)
    zone.now += 9000 * HOUR
    plan = planned(store)
    assert verdicts(plan) == {f"{home}/.incoming/{ONE}": Verdict.IN_USE}
    gc.apply(plan, store)
    assert f"{home}/.incoming/{ONE}/a" in paths(store)


def test_a_run_that_only_holds_its_lock_is_at_work(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}")
    lock = store.open_writer(f"{home}/.incoming/{ONE}.lock")
    zone.now += 9000 * HOUR
    assert verdicts(planned(store)) == {f"{home}/.incoming/{ONE}": Verdict.IN_USE}
    lock.abort()
    zone.now += 2 * HOUR
    gc.apply(planned(store), store)
    assert paths(store) == set()


def test_a_lock_that_a_dead_run_left_alone_is_a_leftover(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    put(store, f"{home}/.incoming/{ONE}.lock", b"")
    zone.now += 2 * HOUR
    assert verdicts(planned(store)) == {f"{home}/.incoming/{ONE}": Verdict.REMOVE}
    gc.apply(planned(store), store)
    assert paths(store) == set()


def test_what_belongs_to_somebody_else_stays(zone: MemoryZone, store: MemoryStore) -> None:
    other = MemoryStore(zone, "bob")
    path = put(other, f"{other.home}/.incoming/{ONE}")
    zone.let_read(other.home, store.user)
    zone.now += 2 * HOUR
    plan = planned(store, other.home)
    assert verdicts(plan) == {path: Verdict.NOT_YOURS}
    assert plan.incoming == ()
    gc.apply(plan, store)
    assert other.find(path) is not None


def test_a_collection_with_one_part_of_somebody_else_stays(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    put(store, f"{home}/.incoming/{ONE}/mine")
    put(store, f"{home}/.incoming/{ONE}/his")
    zone.entries[f"{home}/.incoming/{ONE}/his"].owner = "bob#tempZone"
    zone.let_read(home, store.user)
    zone.now += 2 * HOUR
    assert set(verdicts(planned(store)).values()) == {Verdict.NOT_YOURS}


def test_what_has_no_known_age_stays(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    part = gc.Part(f"{home}/.incoming/{ONE}", 1, 4, "alice#tempZone", None, at_rest=True)
    judged = gc.judge(gc.Leftover(part.path, (part,)), user="alice#tempZone", now=1e12, older_than_s=0)
    assert judged.verdict is Verdict.AGE_UNKNOWN


def test_what_changed_after_the_plan_stays_and_the_person_is_told(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    for name in (ONE, TWO):
        put(store, f"{home}/.incoming/{name}")
    zone.now += 2 * HOUR
    plan = planned(store)
    put(store, f"{home}/.incoming/{ONE}", b"more data")
    events: list[Event] = []
    done = gc.apply(plan, store, report=events.append)
    assert [one.path for one in done.removed] == [f"{home}/.incoming/{TWO}"]
    assert [(one.path, why) for one, why in done.kept] == [
        (f"{home}/.incoming/{ONE}", "it changed after the plan was made.")
    ]
    assert any(isinstance(event, Notice) and f"{home}/.incoming/{ONE}" in event.text for event in events)
    assert f"{home}/.incoming/{ONE}" in paths(store)


def test_a_run_that_resumes_between_the_plan_and_the_removal_keeps_its_data(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    path = put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    plan = planned(store)

    def resume(method: str, place: str) -> None:
        if (method, place) == ("open_writer", f"{path}.lock"):
            zone.hook = None
            store.open_writer(f"{path}.lock")

    zone.hook = resume
    done = gc.apply(plan, store)
    assert [why for _, why in done.kept] == ["a run is at work there."]
    assert path in paths(store)


def test_what_was_written_until_the_lock_was_ours_stays(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    path = put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    plan = planned(store)

    def write(method: str, place: str) -> None:
        if (method, place) == ("open_writer", f"{path}.lock"):
            zone.hook = None
            put(store, path, b"other data")

    zone.hook = write
    done = gc.apply(plan, store)
    assert [why for _, why in done.kept] == ["somebody began to write to it."]
    assert path in paths(store)


def test_a_removal_that_fails_does_not_stop_the_others(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    for name in (ONE, TWO):
        put(store, f"{home}/.incoming/{name}")
    zone.now += 2 * HOUR
    plan = planned(store)

    def refuse(method: str, place: str) -> None:
        if (method, place) == ("remove", f"{home}/.incoming/{ONE}"):
            raise AccessDenied("No.")

    zone.hook = refuse
    done = gc.apply(plan, store)
    assert [one.path for one in done.removed] == [f"{home}/.incoming/{TWO}"]
    assert [why for _, why in done.kept] == ["No."]


def test_applying_twice_is_like_once(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    plan = planned(store)
    gc.apply(plan, store)
    before = paths(store)
    again = gc.apply(plan, store)
    assert (again.kept, paths(store)) == ((), before)


def test_stopping_leaves_what_was_not_reached(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Interrupted):
        gc.apply(planned(store), store, cancel=cancel)
    assert f"{home}/.incoming/{ONE}" in paths(store)


def test_an_incoming_that_is_not_empty_stays(zone: MemoryZone, store: MemoryStore, home: str) -> None:
    put(store, f"{home}/.incoming/{ONE}")
    zone.now += 2 * HOUR
    put(store, f"{home}/.incoming/{TWO}")
    gc.apply(planned(store), store)
    assert paths(store) == {f"{home}/.incoming", f"{home}/.incoming/{TWO}"}


def test_the_incoming_itself_may_be_named_but_not_what_is_in_it(
    zone: MemoryZone, store: MemoryStore, home: str
) -> None:
    put(store, f"{home}/.incoming/{ONE}/a")
    zone.now += 2 * HOUR
    assert len(planned(store, f"{home}/.incoming").removable) == 1
    with pytest.raises(UsageError, match="work under way"):
        planned(store, f"{home}/.incoming/{ONE}")


def test_a_collection_that_is_not_there_is_not_found(store: MemoryStore, home: str) -> None:
    with pytest.raises(NotFound):
        planned(store, f"{home}/nothing")


def test_an_age_is_not_negative(store: MemoryStore) -> None:
    with pytest.raises(UsageError):
        planned(store, age_s=-1)


NAMES = st.sampled_from([".incoming", ".incoming-2", "incoming", "a", "b.lock", ".INCOMING", ONE])
TREES = st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=12)


def _files(store: ObjectStore, tree: list[list[str]]) -> Iterator[str]:
    for parts in tree:
        path = "/".join([store.home, *parts, "file"])
        yield put(store, path)


@given(TREES)
def test_nothing_but_what_plans_have_in_an_incoming_collection_is_ever_removed(tree: list[list[str]]) -> None:
    store = MemoryStore()
    files = set(_files(store, tree))
    store.content.now += 2 * HOUR
    done = gc.apply(planned(store), store)
    assert not done.kept
    assert {path for path in files if not path.partition("/.incoming/")[2].startswith(f"{ONE}/")} == (
        paths(store) & files
    )
