"""gc against the embedded zone: whose leftovers go, and what never does."""

from __future__ import annotations

import time
from typing import Final

from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.operations import gc
from omero_irods_bridge.operations.gc import Verdict
from omero_irods_bridge.operations.incoming import held, incoming_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_irods.conftest import store_of
from tests.wire.irods_zone.data_objects import wait_until
from tests.wire.snapshots_verify.builders import put
from tests.wire.snapshots_verify.conftest import StandingClock

HOUR: Final = 3600.0
_UNLINK: Final = 615
ONE: Final = "1" * 32
TWO: Final = "2" * 32


def planned(store: IrodsStore, place: str, *, later_s: float = 2 * HOUR) -> gc.GcPlan:
    """The plan for what is older than an hour, as if it were later."""
    return gc.plan(store, place, clock=StandingClock(time.time() + later_s), older_than_s=HOUR)


def verdicts(plan: gc.GcPlan) -> dict[str, Verdict]:
    return {one.leftover.path: one.verdict for one in plan.judged}


def paths(store: IrodsStore, place: str) -> set[str]:
    return {one.path for one in store.children(place, recursive=True)}


def test_old_objects_and_collections_go_and_nothing_else(store: IrodsStore, place: str) -> None:
    kept = [
        put(store, f"{place}/{name}", b"kept")
        for name in ("snapshot.zip", "a_incoming/1", ".incoming2/1", "deep/er/data", "own/.incoming/notes")
    ]
    put(store, f"{place}/day's/.incoming/{ONE}", b"12")
    put(store, f"{place}/deep/er/.incoming/{TWO}/a/b", b"345")
    put(store, f"{place}/deep/er/.incoming/{TWO}/c", b"6")
    plan = planned(store, place)
    assert {one.path: one.size for one in plan.removable} == {
        f"{place}/day's/.incoming/{ONE}": 2,
        f"{place}/deep/er/.incoming/{TWO}": 4,
    }
    done = gc.apply(plan, store)
    assert (done.kept, done.size) == ((), 6)
    left = sorted(paths(store, place))
    assert set(kept) <= set(left)
    incoming = [path for path in left if ".incoming" in path.split("/")]
    assert incoming == [f"{place}/own/.incoming", f"{place}/own/.incoming/notes"]


def test_what_changed_a_short_while_ago_stays(store: IrodsStore, place: str) -> None:
    path = put(store, f"{place}/.incoming/{ONE}/a", b"1")
    plan = planned(store, place, later_s=HOUR / 2)
    assert verdicts(plan) == {f"{place}/.incoming/{ONE}": Verdict.FRESH}
    gc.apply(plan, store)
    assert path in paths(store, place)


def test_what_a_writer_has_open_stays_however_old_and_goes_when_he_is_dead(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    store.make_collection(f"{place}/.incoming")
    with store_of(zone) as other:
        writer = other.open_writer(f"{place}/.incoming/{ONE}", streams=2)
        writer.write_at(1, 0, b"data")
        plan = planned(store, place, later_s=900 * HOUR)
        assert verdicts(plan) == {f"{place}/.incoming/{ONE}": Verdict.IN_USE}
        gc.apply(plan, store)
        assert f"{place}/.incoming/{ONE}" in paths(store, place)
        writer.abort()
    wait_until(lambda: verdicts(planned(store, place)) == {f"{place}/.incoming/{ONE}": Verdict.REMOVE})
    gc.apply(planned(store, place), store)
    assert paths(store, place) == set()


def test_a_run_that_holds_its_lock_is_at_work(zone: Zone, store: IrodsStore, place: str) -> None:
    where = incoming_of(f"{place}/snapshot.zip", ONE)
    put(store, where.path, b"data")
    before = planned(store, place)
    with store_of(zone) as other, held(other, where):
        assert verdicts(planned(store, place, later_s=900 * HOUR)) == {where.path: Verdict.IN_USE}
        done = gc.apply(before, store)
        assert [one.path for one, _ in done.kept] == [where.path]
        assert where.path in paths(store, place)


def test_a_run_that_finds_gc_at_work_is_told_so_and_nothing_is_lost(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    where = incoming_of(f"{place}/snapshot.zip", ONE)
    put(store, where.path, b"data")
    plan = planned(store, place)
    put(store, where.path, b"data of the run that went on")
    done = gc.apply(plan, store)
    assert [one.path for one, _ in done.kept] == [where.path]
    with store.open_source(where.path) as source:
        assert source.read_at(0, 100) == b"data of the run that went on"


def test_what_belongs_to_somebody_else_stays_also_for_the_administrator(
    session: iRODSSession, store: IrodsStore, user_store: IrodsStore
) -> None:
    path = put(user_store, f"{user_store.home}/.incoming/{ONE}", b"his")
    plan = planned(store, user_store.home)
    assert set(verdicts(plan).values()) <= {Verdict.NOT_YOURS}
    gc.apply(plan, store)
    assert user_store.find(path) is not None
    gc.apply(planned(user_store, user_store.home), user_store)
    assert user_store.find(path) is None


def test_an_incoming_in_which_somebody_else_works_stays(
    session: iRODSSession, store: IrodsStore, user_store: IrodsStore, place: str
) -> None:
    mine = put(store, f"{place}/.incoming/{ONE}", b"mine")
    for path in (place, f"{place}/.incoming"):
        session.acls.set(iRODSAccess("own", path, user_store.user))
    his = put(user_store, f"{place}/.incoming/{TWO}", b"his")
    done = gc.apply(planned(store, place), store)
    assert [one.path for one in done.removed] == [mine]
    assert user_store.find(his) is not None


def test_a_removal_that_fails_leaves_the_rest_to_the_next_time(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    for name in (ONE, TWO):
        put(store, f"{place}/.incoming/{name}", b"data")
    plan = planned(store, place)
    zone.faults.fail_call(_UNLINK, "SYS_MALLOC_ERR")
    done = gc.apply(plan, store)
    assert [one.path for one, _ in done.kept] == [f"{place}/.incoming/{ONE}"]
    assert [one.path for one in done.removed] == [f"{place}/.incoming/{TWO}"]
    gc.apply(planned(store, place), store)
    assert paths(store, place) == set()
