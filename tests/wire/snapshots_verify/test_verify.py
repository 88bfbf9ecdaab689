"""Verify against the embedded zone: what decays in a vault, in the catalog and on the wire."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from shlex import quote
from typing import Any, Final

import irods.keywords as kw
import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BridgeError, ExitStatus, Interrupted, NotFound, Unreachable
from omero_irods_bridge.model.events import CancelToken, Event, Notice, Progress, Step
from omero_irods_bridge.model.snapshot import Form, State, from_avus, timestamp
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.model.verification import Problem, Scope, Verification
from omero_irods_bridge.operations import verify
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, TRANSFER_XML
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import replicas, storage
from tests.wire.snapshots_verify.builders import (
    ATTACHMENT,
    IMAGES,
    ONE_IMAGE,
    PIXELS,
    TWO_IMAGES,
    build,
    put,
    seal,
)
from tests.wire.snapshots_verify.conftest import NOW_TEXT, StandingClock

BUILT: Final = build()
_READ: Final = 675
_CHECKSUM: Final = 629


@pytest.fixture(params=list(Form))
def form(request: pytest.FixtureRequest) -> Form:
    assert isinstance(request.param, Form)
    return request.param


@pytest.fixture
def path(store: IrodsStore, place: str, form: Form) -> str:
    return seal(store, f"{place}/set.zip", BUILT, form)


@pytest.fixture
def zip_path(store: IrodsStore, place: str) -> str:
    return seal(store, f"{place}/a set's.zip", BUILT)


def verified(store: IrodsStore, path: str, scope: Scope = Scope.METADATA, /, **options: Any) -> Verification:
    planning = {name: options.pop(name) for name in ("sample", "rng") if name in options}
    plan = verify.plan(store, path, scope=scope, **planning)
    return verify.apply(plan, store, clock=StandingClock(), **options)


def problems(result: Verification) -> list[tuple[Problem, str | None, tuple[int, ...]]]:
    return [(one.problem, one.member, one.images) for one in result.findings]


def marks(store: IrodsStore, path: str) -> tuple[State, str]:
    description = from_avus(store.avus(path))
    assert description is not None
    return description.state, timestamp(description.verified_at) if description.verified_at else ""


def flip(zone: Zone, path: str, form: Form, member: str, replica: int = 0) -> None:
    if form is Form.ZIP:
        zone.faults.flip_byte(path, offset=BUILT.places[member] + 2, replica=replica)
    else:
        zone.faults.flip_byte(f"{path}/{member}", offset=2, replica=replica)


def object_of(path: str, form: Form, member: str) -> str:
    return path if form is Form.ZIP else f"{path}/{member}"


def vault_file(zone: Zone, path: str, number: int = 0) -> Path:
    return Path(next(one.physical_path for one in replicas(zone, path) if one.number == number))


def replicate(session: iRODSSession, path: str, resource: str) -> None:
    session.data_objects.replicate(path, resource=resource)


@pytest.mark.parametrize("scope", Scope)
def test_a_whole_snapshot_is_in_order(store: IrodsStore, path: str, scope: Scope) -> None:
    result = verified(store, path, scope)
    assert (result.findings, result.exit_status) == ((), ExitStatus.DONE)
    assert marks(store, path) == (State.SEALED, "" if scope is Scope.METADATA else NOW_TEXT)


def test_no_data_travel_when_the_server_can_compare(zone: Zone, store: IrodsStore, zip_path: str) -> None:
    plan = verify.plan(store, zip_path, scope=Scope.DATA)
    before = zone.counters.calls(_READ)
    result = verify.apply(plan, store, clock=StandingClock())
    assert (result.bytes_checked, result.bytes_read) == (len(BUILT.zip), 0)
    assert zone.counters.calls(_READ) == before


@pytest.mark.parametrize("member", [TWO_IMAGES, ONE_IMAGE, PIXELS, ATTACHMENT, TRANSFER_XML, GRAPH])
def test_a_flipped_byte_names_the_member_and_its_images(
    zone: Zone, store: IrodsStore, path: str, form: Form, member: str
) -> None:
    flip(zone, path, form, member)
    assert verified(store, path).ok, "who reads no data cannot see it"
    result = verified(store, path, Scope.DATA)
    assert problems(result) == [(Problem.DAMAGED, member, IMAGES[member])]
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert marks(store, path) == (State.DAMAGED, NOW_TEXT)


def test_a_flipped_manifest_is_named(zone: Zone, store: IrodsStore, path: str, form: Form) -> None:
    flip(zone, path, form, MANIFEST)
    result = verified(store, path, Scope.DATA)
    assert {one.member for one in result.findings} == {MANIFEST}
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert marks(store, path) == (State.DAMAGED, NOW_TEXT)


@pytest.mark.parametrize(
    ("part", "member"),
    [
        (f"header of {TWO_IMAGES}", TWO_IMAGES),
        (f"header of {PIXELS}", PIXELS),
        (f"descriptor of {ONE_IMAGE}", None),
        ("directory", None),
    ],
)
def test_a_flipped_byte_between_the_members_is_found(
    zone: Zone, store: IrodsStore, zip_path: str, part: str, member: str | None
) -> None:
    zone.faults.flip_byte(zip_path, offset=BUILT.places[part])
    result = verified(store, zip_path, Scope.DATA)
    assert result.findings[-1].member == member
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert marks(store, zip_path) == (State.DAMAGED, NOW_TEXT)


def test_a_repaired_snapshot_is_sealed_again(zone: Zone, store: IrodsStore, path: str, form: Form) -> None:
    flip(zone, path, form, TWO_IMAGES)
    verified(store, path, Scope.DATA)
    flip(zone, path, form, TWO_IMAGES)
    assert verified(store, path, Scope.DATA).state is State.SEALED
    assert [one.value for one in store.avus(path) if one.attribute == "omero::state"] == ["sealed"]
    assert [one.value for one in store.avus(path) if one.attribute == "omero::verified_at"] == [NOW_TEXT]


# -- replicas


def test_the_flipped_one_of_two_replicas_is_named_by_number_and_resource(
    zone: Zone, session: iRODSSession, second_resource: str, store: IrodsStore, path: str, form: Form
) -> None:
    target = object_of(path, form, TWO_IMAGES)
    replicate(session, target, second_resource)
    flip(zone, path, form, TWO_IMAGES, replica=1)
    assert verified(store, path, Scope.DATA).ok
    result = verified(store, path, Scope.REPLICAS)
    assert problems(result) == [(Problem.DAMAGED, TWO_IMAGES, (1, 2))]
    assert (result.findings[0].replica, result.findings[0].resource) == (1, second_resource)
    assert "a whole one, replica 0 on demoResc" in result.findings[0].remedy


def test_the_remedy_that_is_told_works(
    zone: Zone, session: iRODSSession, second_resource: str, store: IrodsStore, zip_path: str
) -> None:
    replicate(session, zip_path, second_resource)
    flip(zone, zip_path, Form.ZIP, PIXELS, replica=0)
    result = verified(store, zip_path, Scope.REPLICAS)
    assert "itrim -N 1 -n 0 " in result.findings[0].remedy
    assert f"irepl -R demoResc {quote(zip_path)}" in result.findings[0].remedy
    session.data_objects.trim(zip_path, **{kw.COPIES_KW: "1", kw.REPL_NUM_KW: "0"})
    session.data_objects.replicate(zip_path, resource="demoResc")
    assert verified(store, zip_path, Scope.REPLICAS).state is State.SEALED


@pytest.fixture
def archived(zone: Zone, session: iRODSSession, zip_path: str) -> Iterator[str]:
    """The snapshot in a cache, replica 1, and in an archive behind it, replica 2."""
    with storage(session, zone, "cacheResc") as cache, storage(session, zone, "tapeResc") as tape:
        session.resources.create("behindCache", "compound")
        for child, part in ((cache, "cache"), (tape, "archive")):
            session.resources.add_child("behindCache", child, part)
        replicate(session, zip_path, "behindCache")
        trim(session, zip_path, 0)
        yield zip_path
        session.data_objects.unlink(zip_path, force=True)
        for child in (cache, tape):
            session.resources.remove_child("behindCache", child)
        session.resources.remove("behindCache")


def trim(session: iRODSSession, path: str, replica: int) -> None:
    session.data_objects.trim(path, **{kw.COPIES_KW: "1", kw.REPL_NUM_KW: str(replica)})


def test_what_is_in_an_archive_only_is_compared_as_a_reader_gets_it(
    zone: Zone, session: iRODSSession, store: IrodsStore, archived: str
) -> None:
    trim(session, archived, 1)
    assert verified(store, archived, Scope.DATA).ok
    flip(zone, archived, Form.ZIP, PIXELS, replica=2)
    assert problems(verified(store, archived, Scope.DATA)) == [(Problem.DAMAGED, PIXELS, (7,))]
    flip(zone, archived, Form.ZIP, MANIFEST, replica=2)
    assert (Problem.DAMAGED, MANIFEST, ()) in problems(verified(store, archived, Scope.DATA))


def test_a_replica_in_an_archive_beside_one_in_its_cache_cannot_be_compared(
    zone: Zone, store: IrodsStore, archived: str
) -> None:
    assert verified(store, archived, Scope.DATA).ok
    assert verified(store, archived, Scope.REPLICAS).ok


def test_a_stale_replica_counts_where_all_are_asked_for(
    zone: Zone, session: iRODSSession, second_resource: str, store: IrodsStore, zip_path: str
) -> None:
    replicate(session, zip_path, second_resource)
    zone.faults.make_stale(zip_path, replica=1)
    assert verified(store, zip_path, Scope.DATA).ok
    result = verified(store, zip_path, Scope.REPLICAS)
    assert [(one.problem, one.replica) for one in result.findings] == [(Problem.STALE, 1)]


def test_a_snapshot_without_a_good_replica_is_not_in_order(
    zone: Zone, store: IrodsStore, zip_path: str
) -> None:
    zone.faults.make_stale(zip_path)
    assert Problem.STALE in {one.problem for one in verified(store, zip_path).findings}


def test_a_replica_that_is_gone_from_the_vault_is_damaged(
    zone: Zone, session: iRODSSession, second_resource: str, store: IrodsStore, path: str, form: Form
) -> None:
    target = object_of(path, form, TWO_IMAGES)
    replicate(session, target, second_resource)
    vault_file(zone, target, 1).unlink()
    result = verified(store, path, Scope.REPLICAS)
    assert [(one.problem, one.replica) for one in result.findings] == [(Problem.DAMAGED, 1)]
    session.data_objects.unregister(target, **{kw.REPL_NUM_KW: "1", kw.COPIES_KW: "1"})


def test_a_cut_file_in_the_vault_is_damaged(zone: Zone, store: IrodsStore, path: str, form: Form) -> None:
    os.truncate(vault_file(zone, object_of(path, form, TWO_IMAGES)), 1_000)
    result = verified(store, path, Scope.DATA)
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert marks(store, path) == (State.DAMAGED, NOW_TEXT)


# -- the catalog


def test_a_missing_checksum_is_found_and_computed_with_the_data(
    store: IrodsStore, place: str, form: Form
) -> None:
    path = seal(store, f"{place}/set.zip", BUILT, form)
    target = object_of(path, form, ONE_IMAGE)
    put(store, target, BUILT.zip if form is Form.ZIP else BUILT.members[ONE_IMAGE], checksum=False)
    assert [one.problem for one in verified(store, path).findings] == [Problem.UNPROVEN]
    assert verified(store, path, Scope.DATA).ok
    assert verified(store, path).ok


def test_an_object_that_was_written_over_is_found(store: IrodsStore, path: str, form: Form) -> None:
    target = object_of(path, form, ONE_IMAGE)
    put(store, target, build(2).zip if form is Form.ZIP else b"other")
    assert verified(store, path).exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert verified(store, path, Scope.DATA).exit_status is ExitStatus.CHECKSUM_MISMATCH


def test_a_missing_member_is_named(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/set", BUILT, Form.EXPANDED)
    store.remove(f"{path}/{TWO_IMAGES}")
    assert (Problem.MISSING, TWO_IMAGES, (1, 2)) in problems(verified(store, path))
    assert verified(store, path, Scope.DATA).state is State.DAMAGED


def test_a_member_that_nobody_packed_is_named(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/set", BUILT, Form.EXPANDED)
    put(store, f"{path}/bridge/extra.txt", b"extra")
    assert (Problem.DIFFERS, "bridge/extra.txt", ()) in problems(verified(store, path))


@pytest.mark.parametrize(("name", "value"), [("sha256", "0" * 64), ("bytes", "1"), ("files", "1")])
def test_avus_that_were_changed_by_hand_are_found(
    store: IrodsStore, path: str, name: str, value: str
) -> None:
    old = [one for one in store.avus(path) if one.attribute == f"omero::{name}"]
    store.change_avus(path, add=[Avu(f"omero::{name}", value, old[0].unit)], remove=old)
    assert verified(store, path).exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert not verified(store, path, Scope.DATA).ok
    assert marks(store, path) == (State.SEALED, "")


def test_a_missing_avu_is_found_and_the_members_are_compared_all_the_same(
    zone: Zone, store: IrodsStore, path: str, form: Form
) -> None:
    store.change_avus(path, remove=[one for one in store.avus(path) if one.attribute == "omero::sha256"])
    flip(zone, path, form, PIXELS)
    result = verified(store, path, Scope.DATA)
    assert [one.problem for one in result.findings] == [Problem.UNPROVEN, Problem.DAMAGED]
    assert problems(result)[1] == (Problem.DAMAGED, PIXELS, (7,))


def test_nothing_is_not_found(store: IrodsStore, place: str) -> None:
    with pytest.raises(NotFound):
        verify.plan(store, f"{place}/nothing.zip")


# -- whose right, and what breaks


def test_who_may_only_read_gets_the_result_and_a_notice(
    session: iRODSSession, user_store: IrodsStore, store: IrodsStore, place: str, path: str, form: Form
) -> None:
    session.acls.set(iRODSAccess("read", place, user_store.user), recursive=True)
    before = store.avus(path)
    events: list[Event] = []
    result = verified(user_store, path, Scope.DATA, report=events.append)
    assert (result.ok, result.complete) == (True, True)
    assert any(isinstance(event, Notice) and user_store.user in event.text for event in events)
    assert store.avus(path) == before


def test_who_may_only_read_compares_what_has_no_checksum_himself(
    session: iRODSSession, user_store: IrodsStore, store: IrodsStore, place: str, zip_path: str
) -> None:
    put(store, zip_path, BUILT.zip, checksum=False)
    session.acls.set(iRODSAccess("read", place, user_store.user), recursive=True)
    result = verified(user_store, zip_path, Scope.DATA)
    assert (result.ok, result.complete) == (True, True)
    found = store.find(zip_path)
    assert isinstance(found, DataObject)
    assert found.replicas[0].checksum == "" or result.bytes_read == 0


def test_a_connection_that_is_cut_is_no_damage(zone: Zone, store: IrodsStore, place: str) -> None:
    built = build(200)
    path = seal(store, f"{place}/large.zip", built)
    zone.faults.flip_byte(path, offset=built.places[PIXELS])
    plan = verify.plan(store, path, scope=Scope.DATA)
    zone.faults.cut_after(700_000, direction="sent")
    with pytest.raises(Unreachable):
        verify.apply(plan, store, clock=StandingClock())
    assert marks(store, path) == (State.SEALED, "")
    assert (Problem.DAMAGED, PIXELS, (7,)) in problems(verified(store, path, Scope.DATA))


def test_a_server_that_fails_is_no_damage(zone: Zone, store: IrodsStore, path: str) -> None:
    plan = verify.plan(store, path, scope=Scope.DATA)
    zone.faults.fail_call(_CHECKSUM, "SYS_MALLOC_ERR")
    with pytest.raises(BridgeError):
        verify.apply(plan, store, clock=StandingClock())
    assert marks(store, path) == (State.SEALED, "")


def test_it_stops_between_members(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/set", BUILT, Form.EXPANDED)
    cancel = CancelToken()
    seen: list[int] = []

    def stop(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append(event.items_done)
        if isinstance(event, Progress) and event.items_done == 2:
            cancel.cancel()

    with pytest.raises(Interrupted):
        verified(store, path, Scope.DATA, report=stop, cancel=cancel)
    assert max(seen) == 2
    assert marks(store, path) == (State.SEALED, "")


@pytest.mark.parametrize("sample", [None, 0.5])
@pytest.mark.parametrize("member", [None, ONE_IMAGE])
def test_no_step_is_told_to_be_further_than_its_end(
    zone: Zone, store: IrodsStore, path: str, form: Form, member: str | None, sample: float | None
) -> None:
    if member is not None:
        flip(zone, path, form, member)
    store.compute_checksum(
        path if form is Form.ZIP else f"{path}/{ONE_IMAGE}"
    )  # recorded, also when it is bad
    steps: list[list[Event]] = []

    def note(event: Event) -> None:
        steps.append([event]) if isinstance(event, Step) else steps[-1].append(event)

    verified(store, path, Scope.DATA, sample=sample, rng=Random(3), report=note)
    for step, *told in steps:
        assert isinstance(step, Step)
        done = [event for event in told if isinstance(event, Progress)]
        assert done == sorted(done, key=lambda event: (event.bytes_done, event.items_done))
        assert all(event.bytes_done <= (step.bytes_total or 0) for event in done)
        assert all(event.items_done <= (step.items_total or 0) for event in done)
    first = steps[0][0]
    last = next(event for event in reversed(steps[-1]) if isinstance(event, Progress))
    assert isinstance(first, Step)
    assert (last.bytes_done, last.items_done) == (first.bytes_total, first.items_total)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_sample_of_a_zip_whose_directory_is_damaged_says_so(
    replicas: int, zone: Zone, session: iRODSSession, second_resource: str, store: IrodsStore, zip_path: str
) -> None:
    if replicas > 1:
        replicate(session, zip_path, second_resource)
    zone.faults.flip_byte(zip_path, offset=BUILT.places["directory"])
    result = verified(store, zip_path, Scope.DATA, sample=0.05, rng=Random(3))
    assert {one.problem for one in result.findings} == {Problem.DAMAGED}
    assert (result.exit_status, result.state) == (ExitStatus.CHECKSUM_MISMATCH, State.DAMAGED)


def test_a_sample_reads_little_and_records_no_date(
    zone: Zone, store: IrodsStore, path: str, form: Form
) -> None:
    result = verified(store, path, Scope.DATA, sample=0.05, rng=Random(3))
    assert result.members_checked == 1
    assert (result.ok, marks(store, path)) == (True, (State.SEALED, ""))
    for member in (TWO_IMAGES, ONE_IMAGE, PIXELS, ATTACHMENT, TRANSFER_XML, GRAPH):
        flip(zone, path, form, member)
    assert verified(store, path, Scope.DATA, sample=0.05, rng=Random(3)).state is State.DAMAGED
