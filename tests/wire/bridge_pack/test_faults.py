"""Whatever breaks while a packet is written: a clear error, nothing under the final name, a good rerun."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Interrupted, NoSpace, Unreachable
from omero_irods_bridge.model.events import CancelToken, Event, Notice, Progress, Step
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form, Snapshot
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.operations import pack, verify
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.wire.channel import Direction
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.packets import asked, contents
from tests.wire.bridge_pack.test_pack import FORMS, SMALL_PIECES, originals

OPEN, WRITE, SEEK, CLOSE, CHECKSUM, MAKE, RENAME, QUERY, ATOMIC = (
    602,
    676,
    674,
    673,
    629,
    681,
    627,
    702,
    20002,
)
UNLINK, REMOVE_COLLECTION = 615, 679

Try = Callable[..., Snapshot]


@pytest.fixture
def plan(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> pack.PackPlan:
    """Of three images into a target that must be free."""
    return pack.plan(
        asked((dataset,), place, form, existing=Existing.REFUSE), omero, store, clock=SystemClock()
    )


@pytest.fixture
def attempt(plan: pack.PackPlan, omero: OmeroImageServer, store: IrodsStore) -> Try:
    """Carry out the plan."""

    def apply(**more: Any) -> Snapshot:
        return pack.apply(plan, omero, store, options=SMALL_PIECES, **more)

    return apply


@pytest.fixture
def rerun(plan: pack.PackPlan, attempt: Try, store: IrodsStore, zone: Zone, server: OmeroServer) -> Try:
    """After a failure: nothing was visible; without faults the same plan ends in a whole snapshot."""

    def again(**more: Any) -> Snapshot:
        assert store.find(plan.target) is None
        zone.faults.clear()
        server.faults.clear()
        snapshot = attempt(**more)
        assert snapshot.path == plan.target
        found, repository = contents(store, snapshot), originals(server)
        assert all(found[file.member] == repository[file.member] for file in plan.files)
        checked = verify.plan(store, snapshot.path, scope=Scope.DATA)
        assert verify.apply(checked, store, clock=SystemClock()).findings == ()
        assert [one.path for one in store.children(plan.target.rpartition("/")[0])] == [plan.target]
        return snapshot

    return again


# -- iRODS says no


@FORMS
@pytest.mark.parametrize(
    ("api", "nth"),
    [
        *((OPEN, 1), (OPEN, 2), (WRITE, 1), (WRITE, 2), (CLOSE, 1), (CHECKSUM, 1)),
        *((MAKE, 1), (ATOMIC, 1), (RENAME, 1), (QUERY, 2)),
    ],
)
def test_whichever_call_irods_refuses_is_told_and_a_rerun_ends_right(
    api: int, nth: int, attempt: Try, rerun: Try, zone: Zone
) -> None:
    zone.faults.fail_call(api, "INVALID_OPERATION", nth=nth)
    with pytest.raises(BridgeError, match=r"/bridge-\d+.*INVALID_OPERATION"):
        attempt()
    rerun()


@FORMS
@pytest.mark.parametrize("api", [OPEN, WRITE])
@pytest.mark.parametrize("code", ["SYS_RESC_QUOTA_EXCEEDED", "UNIX_FILE_WRITE_ERR"])
def test_a_quota_that_is_reached_is_no_space(
    api: int, code: str, attempt: Try, rerun: Try, zone: Zone, plan: pack.PackPlan
) -> None:
    error = code if code.startswith("SYS") else -(522_000 + 28)  # UNIX_FILE_WRITE_ERR with ENOSPC
    zone.faults.fail_call(api, error, nth=2)
    with pytest.raises(NoSpace) as caught:
        attempt()
    assert plan.id in caught.value.message
    assert "space" in caught.value.hint
    rerun()


@FORMS
@pytest.mark.parametrize("free", [0, 10_000, 190_000])
def test_a_full_disk_is_no_space_and_a_rerun_goes_on_when_there_is_some(
    free: int, attempt: Try, rerun: Try, zone: Zone
) -> None:
    zone.faults.limit_disk(free)
    with pytest.raises(NoSpace, match=r"/\.incoming/.*ENOSPC"):
        attempt()
    rerun()


# -- connections break


@FORMS
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("api", [OPEN, WRITE, CLOSE, CHECKSUM, MAKE, ATOMIC])
def test_a_connection_that_breaks_in_any_call_is_unreachable_and_a_rerun_ends_right(
    api: int, is_done: bool, attempt: Try, rerun: Try, zone: Zone
) -> None:
    zone.faults.cut_call(api, is_done=is_done)
    with pytest.raises(Unreachable) as caught:
        attempt()
    assert caught.value.retryable
    rerun()


@FORMS
def test_a_rename_that_was_not_done_is_unreachable(attempt: Try, rerun: Try, zone: Zone) -> None:
    zone.faults.cut_call(RENAME)
    with pytest.raises(Unreachable):
        attempt()
    rerun()


@FORMS
def test_a_rename_that_was_done_is_done_though_nobody_said_so(
    attempt: Try, rerun: Try, zone: Zone, store: IrodsStore, plan: pack.PackPlan
) -> None:
    zone.faults.cut_call(RENAME, is_done=True)
    assert attempt().path == plan.target
    store.remove(plan.target)
    rerun()


@FORMS
@pytest.mark.parametrize("api", [UNLINK, REMOVE_COLLECTION])
def test_what_goes_wrong_after_the_rename_is_no_failure(
    api: int, attempt: Try, zone: Zone, plan: pack.PackPlan
) -> None:
    zone.faults.cut_call(api)
    assert attempt().path == plan.target


@FORMS
@pytest.mark.parametrize("direction", ["received", "sent"])
@pytest.mark.parametrize("part", range(1, 13))  # the first byte may be an earlier connection's goodbye
def test_a_connection_to_irods_cut_at_any_part_of_the_way_leaves_what_a_rerun_finishes(
    part: int,
    direction: Direction,
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    zone: Zone,
    attempt: Try,
    rerun: Try,
    plan: pack.PackPlan,
) -> None:
    other = pack.plan(asked((dataset,), place, form, "whole"), omero, store, clock=SystemClock())
    zone.counters.reset()
    whole = pack.apply(other, omero, store, options=SMALL_PIECES)
    total = zone.counters.bytes_received if direction == "received" else zone.counters.bytes_sent
    store.remove(whole.path)
    zone.faults.cut_after(total * part // 12, direction=direction)
    try:
        snapshot = attempt()
    except Unreachable:
        assert store.find(plan.target) is None
        rerun()
    else:  # the cut hit what comes after the seal, or the answer to it
        assert part >= 10
        assert snapshot.path == plan.target


@FORMS
@pytest.mark.parametrize("file", range(3))
@pytest.mark.parametrize("place_in_file", [0.0, 0.3, 0.9])
def test_a_connection_to_omero_cut_in_any_file_leaves_what_a_rerun_finishes(
    file: int, place_in_file: float, attempt: Try, rerun: Try, server: OmeroServer, plan: pack.PackPlan
) -> None:
    source = plan.files[file]
    assert source.size is not None
    server.faults.cut_file_after(int(source.size * place_in_file), file_id=source.id)
    with pytest.raises(Unreachable, match=rf"{source.member}|OriginalFile:{source.id}"):
        attempt()
    rerun()


# -- OMERO


@FORMS
def test_a_session_that_expires_in_the_middle_says_to_log_in_again(
    attempt: Try, server: OmeroServer, omero: OmeroImageServer, store: IrodsStore, plan: pack.PackPlan
) -> None:
    key = omero._connection.client.getSessionId()
    server.faults.delay_calls("RawFileStore.read", 0.2)

    def expire(event: Event) -> None:
        if isinstance(event, Progress):
            server.faults.expire_session(key)

    with pytest.raises(AccessDenied) as caught:
        attempt(report=expire)
    assert caught.value.code == "session-expired"
    assert "omero login" in caught.value.hint
    assert key not in caught.value.message
    assert store.find(plan.target) is None


@FORMS
def test_a_call_that_omero_fails_names_the_file(attempt: Try, rerun: Try, server: OmeroServer) -> None:
    server.faults.fail_call("RawFileStore.read", nth=2)
    with pytest.raises(BridgeError, match=r"noise-\d\.tif.*injected fault"):
        attempt()
    rerun()


# -- somebody stops it


@pytest.fixture
def first_is_there(plan: pack.PackPlan, zone: Zone, place: str, server: OmeroServer) -> Callable[[], None]:
    """Waits until iRODS has the first file: streams write when they come to it; a stop drops what waits."""

    def wait() -> None:
        data = originals(server)[plan.files[0].member]
        folder = zone.vault / place.removeprefix(f"/{zone.name}/") / ".incoming"
        while not any(data in file.read_bytes() for file in folder.rglob("*") if file.is_file()):
            time.sleep(0.01)

    return wait


@FORMS
@pytest.mark.parametrize("step", ["Copying", "Writing what OMERO knows", "Comparing checksums with iRODS"])
def test_what_is_stopped_at_a_step_keeps_what_was_there(
    step: str, attempt: Try, rerun: Try, first_is_there: Callable[[], None]
) -> None:
    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, Step) and event.text == step:
            if step != "Copying":
                first_is_there()
            cancel.cancel()

    with pytest.raises(Interrupted, match="Stopped"):
        attempt(report=stop, cancel=cancel)
    events: list[Event] = []
    rerun(report=events.append)
    kept = [event for event in events if isinstance(event, Notice) and "kept" in event.text]
    assert bool(kept) is (step != "Copying")


@FORMS
def test_two_runs_in_a_row_after_a_failure_resume_each_from_where_the_last_one_was(
    attempt: Try, rerun: Try, server: OmeroServer, plan: pack.PackPlan, first_is_there: Callable[[], None]
) -> None:
    def wait(event: Event) -> None:
        if isinstance(event, Progress) and event.items_done == 2:
            first_is_there()

    for number in (1, 2):
        server.faults.cut_file_after(0, file_id=plan.files[number].id)
        with pytest.raises(Unreachable):
            attempt(report=wait)
        server.faults.clear()
    events: list[Event] = []
    rerun(report=events.append)
    assert any("kept" in event.text for event in events if isinstance(event, Notice))
