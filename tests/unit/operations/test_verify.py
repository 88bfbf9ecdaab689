"""What verify finds, decides and records, over a zone in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from shlex import quote
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadPacket,
    BridgeError,
    ExitStatus,
    Interrupted,
    NotFound,
    StalePlan,
    Unreachable,
    UsageError,
)
from omero_irods_bridge.model.events import CancelToken, Event, Notice, Progress, Step
from omero_irods_bridge.model.snapshot import Form, State, from_avus, timestamp, to_avus
from omero_irods_bridge.model.stored import Avu, ReplicaStatus
from omero_irods_bridge.model.verification import Problem, Scope, Verification
from omero_irods_bridge.operations import verify
from omero_irods_bridge.operations.verifying.sampling import sample
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, TRANSFER_XML
from tests.wire.snapshots_verify.builders import (
    ATTACHMENT,
    EMPTY,
    IMAGES,
    ONE_IMAGE,
    PIXELS,
    TWO_IMAGES,
    build,
    put,
    seal,
)

BUILT = build()
NOW = 1_790_000_000.0
NOW_TEXT = "2026-09-21T14:13:20Z"


@dataclass
class FixedClock:
    def now(self) -> float:
        return NOW


@pytest.fixture
def zone() -> MemoryZone:
    return MemoryZone()


@pytest.fixture
def store(zone: MemoryZone) -> MemoryStore:
    return MemoryStore(zone)


@pytest.fixture(params=list(Form))
def form(request: pytest.FixtureRequest) -> Form:
    assert isinstance(request.param, Form)
    return request.param


def sealed(store: MemoryStore, form: Form = Form.ZIP, **changes: object) -> str:
    return seal(store, f"{store.home}/set.zip", BUILT, form, **changes)


def verified(store: MemoryStore, path: str, scope: Scope = Scope.METADATA, /, **options: Any) -> Verification:
    planning = {name: options.pop(name) for name in ("sample", "rng") if name in options}
    plan = verify.plan(store, path, scope=scope, **planning)
    return verify.apply(plan, store, clock=FixedClock(), **options)


def problems(result: Verification) -> list[tuple[Problem, str | None, tuple[int, ...]]]:
    return [(one.problem, one.member, one.images) for one in result.findings]


def marks(store: MemoryStore, path: str) -> tuple[State, str]:
    description = from_avus(store.avus(path))
    assert description is not None
    return description.state, timestamp(description.verified_at) if description.verified_at else ""


def flip(zone: MemoryZone, path: str, form: Form, member: str, replica: int = 0) -> None:
    if form is Form.ZIP:
        zone.flip_byte(path, offset=BUILT.places[member] + 2, replica=replica)
    else:
        zone.flip_byte(f"{path}/{member}", offset=2, replica=replica)


# -- a whole snapshot


@pytest.mark.parametrize("scope", Scope)
def test_a_whole_snapshot_is_in_order(store: MemoryStore, form: Form, scope: Scope) -> None:
    result = verified(store, sealed(store, form), scope)
    assert (result.findings, result.exit_status, result.state) == ((), ExitStatus.DONE, State.SEALED)
    assert result.members == len(IMAGES)


def test_metadata_alone_reads_no_bytes_and_records_nothing(store: MemoryStore, form: Form) -> None:
    path = sealed(store, form)
    before = store.avus(path)
    result = verified(store, path)
    assert (result.bytes_checked, result.bytes_read, result.complete) == (0, 0, False)
    assert store.avus(path) == before


@pytest.mark.parametrize("scope", [Scope.DATA, Scope.REPLICAS])
def test_the_server_compares_all_bytes_and_the_date_is_recorded(
    store: MemoryStore, form: Form, scope: Scope
) -> None:
    path = sealed(store, form)
    result = verified(store, path, scope)
    size = len(BUILT.zip) if form is Form.ZIP else sum(map(len, BUILT.members.values()))
    assert (result.bytes_checked, result.bytes_read) == (size, 0)
    assert (result.members_checked, result.complete) == (len(IMAGES), True)
    assert marks(store, path) == (State.SEALED, NOW_TEXT)


def test_the_date_is_replaced_and_other_avus_stay(store: MemoryStore) -> None:
    path = sealed(store)
    store.change_avus(path, add=[Avu("mine", "1"), Avu("omero::verified_at", "2020-01-01T00:00:00Z")])
    before = set(store.avus(path))
    verified(store, path, Scope.DATA)
    assert set(store.avus(path)) ^ before == {
        Avu("omero::verified_at", "2020-01-01T00:00:00Z"),
        Avu("omero::verified_at", NOW_TEXT),
    }


# -- a byte is flipped


@pytest.mark.parametrize("member", [TWO_IMAGES, ONE_IMAGE, PIXELS, ATTACHMENT, TRANSFER_XML, GRAPH])
@pytest.mark.parametrize("scope", [Scope.DATA, Scope.REPLICAS])
def test_a_flipped_byte_names_the_member_and_its_images(
    zone: MemoryZone, store: MemoryStore, form: Form, member: str, scope: Scope
) -> None:
    path = sealed(store, form)
    flip(zone, path, form, member)
    result = verified(store, path, scope)
    assert problems(result) == [(Problem.DAMAGED, member, IMAGES[member])]
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert (result.findings[0].replica, result.findings[0].resource) == (0, "demoResc")
    assert marks(store, path) == (State.DAMAGED, NOW_TEXT)


def test_two_damaged_members_are_both_named(zone: MemoryZone, store: MemoryStore, form: Form) -> None:
    path = sealed(store, form)
    for member in (TWO_IMAGES, PIXELS):
        flip(zone, path, form, member)
    assert {(one.member, one.images) for one in verified(store, path, Scope.DATA).findings} == {
        (TWO_IMAGES, (1, 2)),
        (PIXELS, (7,)),
    }


@pytest.mark.parametrize("member", [TWO_IMAGES, EMPTY, PIXELS])
def test_a_flipped_header_names_the_member_that_cannot_be_read_for_it(
    zone: MemoryZone, store: MemoryStore, member: str
) -> None:
    path = sealed(store)
    zone.flip_byte(path, offset=BUILT.places[f"header of {member}"])
    assert problems(verified(store, path, Scope.DATA)) == [(Problem.DAMAGED, member, IMAGES[member])]


def test_damage_between_the_members_is_told_as_that(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.flip_byte(path, offset=BUILT.places[f"descriptor of {TWO_IMAGES}"] + 5)
    result = verified(store, path, Scope.DATA)
    assert problems(result) == [(Problem.DAMAGED, None, ())]
    assert "between" in result.findings[0].text


def test_a_damaged_directory_is_found_without_reading_the_data(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.flip_byte(path, offset=BUILT.places["directory"])
    assert verified(store, path).exit_status is ExitStatus.CHECKSUM_MISMATCH


def test_a_damaged_manifest_is_named_and_the_other_members_are_looked_at(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    for member in (MANIFEST, PIXELS):
        flip(zone, path, Form.ZIP, member)
    found = {one.member for one in verified(store, path, Scope.DATA).findings}
    assert found == {MANIFEST, PIXELS}


@given(st.integers(0, len(BUILT.zip) - 1))
@settings(max_examples=300, deadline=None)
def test_any_flipped_byte_of_a_zip_is_found(offset: int) -> None:
    zone = MemoryZone()
    store = MemoryStore(zone)
    path = sealed(store)
    zone.flip_byte(path, offset=offset)
    result = verified(store, path, Scope.DATA)
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    for member, content in BUILT.members.items():
        start = BUILT.places[member]
        if (
            member in IMAGES
            and member not in {TRANSFER_XML, GRAPH}
            and start <= offset < start + len(content)
        ):
            assert problems(result) == [(Problem.DAMAGED, member, IMAGES[member])]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_flipped_byte_of_a_collection_is_found(data: st.DataObject) -> None:
    member = data.draw(st.sampled_from([name for name, content in BUILT.members.items() if content]))
    offset = data.draw(st.integers(0, len(BUILT.members[member]) - 1))
    zone = MemoryZone()
    store = MemoryStore(zone)
    path = sealed(store, Form.EXPANDED)
    zone.flip_byte(f"{path}/{member}", offset=offset)
    result = verified(store, path, Scope.DATA)
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert member in {one.member for one in result.findings}


# -- replicas


def test_one_of_two_replicas_is_named_by_number_and_resource_with_what_to_do(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    place = path if form is Form.ZIP else f"{path}/{TWO_IMAGES}"
    zone.replicate(place, "archiveResc")
    flip(zone, path, form, TWO_IMAGES, replica=1)
    assert verified(store, path, Scope.DATA).ok, "the good replica that readers get is whole"
    result = verified(store, path, Scope.REPLICAS)
    assert problems(result) == [(Problem.DAMAGED, TWO_IMAGES, (1, 2))]
    finding = result.findings[0]
    assert (finding.replica, finding.resource) == (1, "archiveResc")
    assert f"itrim -N 1 -n 1 {quote(place)} " in finding.remedy
    assert f"irepl -R archiveResc {quote(place)}" in finding.remedy


def test_a_damaged_first_replica_points_to_the_others(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.replicate(path)
    flip(zone, path, Form.ZIP, PIXELS)
    assert "--replicas" in verified(store, path, Scope.DATA).findings[0].remedy
    assert "itrim -N 1 -n 0" in verified(store, path, Scope.REPLICAS).findings[0].remedy


def test_the_members_of_a_replica_without_a_manifest_are_named_by_another_ones(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    zone.replicate(path)
    for member in (MANIFEST, TWO_IMAGES):
        flip(zone, path, Form.ZIP, member)
    result = verified(store, path, Scope.REPLICAS)
    assert (Problem.DAMAGED, TWO_IMAGES, (1, 2)) in problems(result)
    assert {one.replica for one in result.findings} == {0}


def test_a_stale_replica_counts_only_where_all_replicas_are_asked_for(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    zone.replicate(path)
    zone.record(path, replica=1, status=ReplicaStatus.STALE)
    assert verified(store, path, Scope.DATA).ok
    result = verified(store, path, Scope.REPLICAS)
    assert problems(result) == [(Problem.STALE, None, ())]
    assert result.exit_status is ExitStatus.FAILED


def test_without_a_good_replica_the_snapshot_is_not_in_order(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.record(path, status=ReplicaStatus.STALE)
    for scope in Scope:
        assert problems(verified(store, path, scope)) == [(Problem.STALE, None, ())]


def test_a_cut_replica_is_damaged(zone: MemoryZone, store: MemoryStore, form: Form) -> None:
    path = sealed(store, form)
    place = path if form is Form.ZIP else f"{path}/{TWO_IMAGES}"
    zone.cut(place, 1_000)
    assert verified(store, path, Scope.DATA).exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert marks(store, path)[0] is State.DAMAGED


# -- the catalog


def test_a_size_that_is_not_the_one_of_the_avus_differs(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.record(path, size=len(BUILT.zip) + 1)
    result = verified(store, path)
    assert Problem.DIFFERS in {one.problem for one in result.findings}
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH


def test_a_missing_checksum_proves_nothing_until_the_server_computed_it(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    zone.record(path if form is Form.ZIP else f"{path}/{ONE_IMAGE}", checksum="")
    result = verified(store, path)
    assert [one.problem for one in result.findings] == [Problem.UNPROVEN]
    assert "no recorded checksum" in result.findings[0].text
    assert result.exit_status is ExitStatus.FAILED
    assert verified(store, path, Scope.DATA).ok
    assert verified(store, path).ok


def test_an_md5_proves_nothing_and_stays(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.record(path, checksum="0123456789abcdef0123456789abcdef")
    assert [one.problem for one in verified(store, path).findings] == [Problem.UNPROVEN]
    result = verified(store, path, Scope.DATA)
    assert (result.ok, result.bytes_read) == (True, len(BUILT.zip))
    found = zone.entries[path].copies[0].replica
    assert found.checksum == "0123456789abcdef0123456789abcdef"


def test_another_recorded_checksum_differs_though_the_bytes_are_right(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    zone.record(path, checksum=Sha256("ab" * 32).irods)
    for scope in Scope:
        assert [one.problem for one in verified(store, path, scope).findings] == [Problem.DIFFERS]
    assert marks(store, path) == (State.SEALED, ""), "neither proven whole nor damaged"


def test_a_replica_that_the_server_cannot_compare_is_itself_read(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    zone.replicate(path)
    zone.record(path, replica=1, checksum="0123456789abcdef0123456789abcdef")
    flip(zone, path, Form.ZIP, ONE_IMAGE, replica=1)
    result = verified(store, path, Scope.REPLICAS)
    assert [(one.member, one.replica) for one in result.findings if one.problem is Problem.DAMAGED] == [
        (ONE_IMAGE, 1)
    ]


def test_a_snapshot_that_was_written_over_is_found(store: MemoryStore) -> None:
    path = sealed(store)
    put(store, path, build(2).zip)
    result = verified(store, path, Scope.DATA)
    assert result.exit_status is ExitStatus.CHECKSUM_MISMATCH
    assert not verified(store, path).ok


# -- the members


def test_a_missing_member_is_named_with_its_images(store: MemoryStore) -> None:
    path = sealed(store, Form.EXPANDED)
    store.remove(f"{path}/{TWO_IMAGES}")
    result = verified(store, path)
    assert (Problem.MISSING, TWO_IMAGES, (1, 2)) in problems(result)
    assert verified(store, path, Scope.DATA).state is State.DAMAGED


def test_only_missing_members_end_as_not_found() -> None:
    store = MemoryStore()
    path = sealed(store, Form.EXPANDED)
    store.remove(f"{path}/{EMPTY}")
    assert verified(store, path).exit_status is ExitStatus.NOT_FOUND


def test_a_missing_manifest_is_missing(store: MemoryStore) -> None:
    path = sealed(store, Form.EXPANDED)
    store.remove(f"{path}/{MANIFEST}")
    assert (Problem.MISSING, MANIFEST, ()) in problems(verified(store, path))


def test_a_member_that_nobody_packed_is_named(store: MemoryStore) -> None:
    path = sealed(store, Form.EXPANDED)
    put(store, f"{path}/extra.txt", b"extra")
    assert (Problem.DIFFERS, "extra.txt", ()) in problems(verified(store, path))


def test_a_member_of_a_zip_of_another_size_than_in_the_manifest_is_named(store: MemoryStore) -> None:
    wrong = build(manifest_of=build(2))
    path = seal(store, f"{store.home}/set.zip", wrong)
    assert set(problems(verified(store, path))) == {
        (Problem.DIFFERS, member, IMAGES[member]) for member in (TWO_IMAGES, ONE_IMAGE, PIXELS)
    }


def test_a_member_that_was_replaced_is_damaged(store: MemoryStore) -> None:
    path = sealed(store, Form.EXPANDED)
    put(store, f"{path}/{ONE_IMAGE}", b"x" * len(BUILT.members[ONE_IMAGE]))
    assert problems(verified(store, path)) == [(Problem.DIFFERS, ONE_IMAGE, ())]
    assert (Problem.DAMAGED, ONE_IMAGE, (5,)) in problems(verified(store, path, Scope.DATA))


# -- AVUs


@pytest.mark.parametrize(
    "name", ["packet", "state", "server", "sha256", "images", "files", "bytes", "packed_at"]
)
def test_a_missing_avu_is_named_and_the_members_are_compared_all_the_same(
    zone: MemoryZone, store: MemoryStore, form: Form, name: str
) -> None:
    path = sealed(store, form)
    store.change_avus(path, remove=[one for one in store.avus(path) if one.attribute == f"omero::{name}"])
    result = verified(store, path)
    assert [one.problem for one in result.findings] == [Problem.UNPROVEN]
    assert f"omero::{name}" in result.findings[0].text
    assert (result.state, result.exit_status) == (None, ExitStatus.FAILED)
    flip(zone, path, form, TWO_IMAGES)
    before = store.avus(path)
    damaged = verified(store, path, Scope.DATA)
    assert (Problem.DAMAGED, TWO_IMAGES, (1, 2)) in problems(damaged)
    assert store.avus(path) == before


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("sha256", "0" * 64, Problem.DIFFERS),
        ("sha256", "none", Problem.DIFFERS),
        ("bytes", "1", Problem.DIFFERS),
        ("files", "1", Problem.DIFFERS),
        ("images", "1", Problem.DIFFERS),
        ("packet", "3", Problem.DIFFERS),
        ("images", "many", Problem.UNPROVEN),
        ("packed_at", "yesterday", Problem.UNPROVEN),
        ("state", "fine", Problem.UNPROVEN),
    ],
)
def test_an_avu_that_was_changed_by_hand_is_found(
    store: MemoryStore, form: Form, name: str, value: str, problem: Problem
) -> None:
    path = sealed(store, form)
    old = [one for one in store.avus(path) if one.attribute == f"omero::{name}"]
    store.change_avus(path, add=[Avu(f"omero::{name}", value, old[0].unit)], remove=old)
    before = store.avus(path)
    assert problem in {one.problem for one in verified(store, path).findings}
    result = verified(store, path, Scope.DATA)
    assert not result.ok
    assert store.avus(path) == before, "data that are not proven either way are not marked"


def test_a_doubled_avu_is_found(store: MemoryStore) -> None:
    path = sealed(store)
    store.change_avus(path, add=[Avu("omero::name", "another")])
    assert [one.problem for one in verified(store, path).findings] == [Problem.DIFFERS]


def test_a_user_who_may_not_write_avus_is_told_and_gets_his_result(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    zone.let_read(path, "bob")
    before = store.avus(path)
    events: list[Event] = []
    result = verified(MemoryStore(zone, "bob"), path, Scope.DATA, report=events.append)
    assert (result.ok, result.complete) == (True, True)
    assert any(isinstance(event, Notice) and "bob" in event.text for event in events)
    assert store.avus(path) == before


def test_a_reader_compares_what_has_no_checksum_himself(zone: MemoryZone, store: MemoryStore) -> None:
    path = sealed(store)
    zone.record(path, checksum="")
    zone.let_read(path, "bob")
    result = verified(MemoryStore(zone, "bob"), path, Scope.DATA)
    assert (result.ok, result.bytes_read) == (True, len(BUILT.zip))


def test_a_damaged_snapshot_that_is_whole_again_becomes_sealed(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    flip(zone, path, form, TWO_IMAGES)
    assert verified(store, path, Scope.DATA).state is State.DAMAGED
    flip(zone, path, form, TWO_IMAGES)
    assert verified(store, path).state is State.DAMAGED
    assert verified(store, path, Scope.DATA).state is State.SEALED
    assert marks(store, path) == (State.SEALED, NOW_TEXT)


def test_a_damaged_snapshot_is_not_sealed_again_by_the_look_at_one_of_two_replicas(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    zone.replicate(path)
    flip(zone, path, Form.ZIP, TWO_IMAGES, replica=1)
    verified(store, path, Scope.REPLICAS)
    assert verified(store, path, Scope.DATA).state is State.DAMAGED
    zone.trim(path, 1)
    assert verified(store, path, Scope.DATA).state is State.SEALED


def test_another_snapshot_at_the_same_place_makes_the_plan_stale(store: MemoryStore) -> None:
    path = sealed(store)
    plan = verify.plan(store, path, scope=Scope.DATA)
    store.remove(path)
    seal(store, path, build(2))
    with pytest.raises(StalePlan):
        verify.apply(plan, store, clock=FixedClock())
    assert marks(store, path) == (State.SEALED, "")


@pytest.mark.parametrize("form", Form)
def test_a_replica_that_goes_after_the_plan_makes_it_stale(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    target = path if form is Form.ZIP else f"{path}/{TWO_IMAGES}"
    zone.replicate(target)
    plan = verify.plan(store, path, scope=Scope.REPLICAS)
    zone.trim(target, 1)
    with pytest.raises(StalePlan):
        verify.apply(plan, store, clock=FixedClock())


# -- samples


def test_a_sample_reads_only_its_members_and_records_no_date(store: MemoryStore, form: Form) -> None:
    path = sealed(store, form)
    result = verified(store, path, Scope.DATA, sample=0.05, rng=Random(1))
    assert result.members_checked == 1
    assert result.bytes_checked + result.bytes_read < len(BUILT.zip)
    assert (result.ok, result.complete) == (True, False)
    assert marks(store, path) == (State.SEALED, "")


def test_a_sample_that_hits_damage_records_it_without_a_date(
    zone: MemoryZone, store: MemoryStore, form: Form
) -> None:
    path = sealed(store, form)
    flip(zone, path, form, TWO_IMAGES)
    result = verified(store, path, Scope.DATA, sample=1.0, rng=Random(1))
    assert problems(result) == [(Problem.DAMAGED, TWO_IMAGES, (1, 2))]
    assert marks(store, path) == (State.DAMAGED, "")


@pytest.mark.parametrize(("scope", "part"), [(Scope.DATA, 0.0), (Scope.DATA, 1.5), (Scope.REPLICAS, 0.5)])
def test_a_sample_is_a_part_of_the_data(store: MemoryStore, scope: Scope, part: float) -> None:
    with pytest.raises(UsageError):
        verify.plan(store, sealed(store), scope=scope, sample=part)


SIZES = st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(0, 10**12), min_size=1)


@given(SIZES, st.floats(0.001, 1), st.integers())
def test_a_sample_has_the_bytes_that_were_asked_for_and_no_more_than_one_member_too_many(
    sizes: dict[str, int], fraction: float, seed: int
) -> None:
    drawn = sample(sizes, fraction, Random(seed))
    assert drawn
    assert drawn == sample(sizes, fraction, Random(seed))
    total = sum(sizes[path] for path in drawn)
    assert total >= fraction * sum(sizes.values())
    assert len(drawn) == 1 or total - max(sizes[path] for path in drawn) < fraction * sum(sizes.values())


def test_a_large_member_is_drawn_more_often_than_a_small_one() -> None:
    sizes = {"large": 9_000, "small": 1_000}
    drawn = [sample(sizes, 0.01, Random(seed))[0] for seed in range(2_000)]
    assert 1_650 < drawn.count("large") < 1_950


# -- how it goes


def test_events_tell_how_many_bytes_were_compared_of_how_many(store: MemoryStore, form: Form) -> None:
    events: list[Event] = []
    result = verified(store, sealed(store, form), Scope.DATA, report=events.append)
    steps = [event for event in events if isinstance(event, Step)]
    progress = [event.bytes_done for event in events if isinstance(event, Progress)]
    assert steps[0].bytes_total == progress[-1] == result.bytes_checked
    assert progress == sorted(progress)


def test_it_stops_between_members_and_records_nothing(store: MemoryStore) -> None:
    path = sealed(store, Form.EXPANDED)
    before = store.avus(path)
    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.items_done == 2:
            cancel.cancel()

    with pytest.raises(Interrupted):
        verified(store, path, Scope.DATA, report=stop, cancel=cancel)
    assert store.avus(path) == before


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("verify_checksum", BridgeError("odd")),
        ("verify_checksum", Unreachable("gone")),
        ("read_at", Unreachable("gone")),
        ("open_source", AccessDenied("no")),
    ],
)
def test_what_cannot_be_looked_at_is_no_damage(
    zone: MemoryZone, store: MemoryStore, form: Form, method: str, error: Exception
) -> None:
    path = sealed(store, form)
    before = store.avus(path)

    def fail(called: str, _path: str) -> None:
        if called == method:
            raise error

    zone.hook = fail
    with pytest.raises(type(error)):
        verified(store, path, Scope.DATA)
    zone.hook = None
    assert store.avus(path) == before


def test_a_connection_that_breaks_while_damage_is_looked_for_is_no_result(
    zone: MemoryZone, store: MemoryStore
) -> None:
    path = sealed(store)
    flip(zone, path, Form.ZIP, PIXELS)
    plan = verify.plan(store, path, scope=Scope.DATA)
    zone.hook = failing("read_at", Unreachable("gone"), after=3)
    with pytest.raises(Unreachable):
        verify.apply(plan, store, clock=FixedClock())
    zone.hook = None
    assert marks(store, path) == (State.SEALED, "")


def failing(method: str, error: Exception, *, after: int) -> Callable[[str, str], None]:
    calls = iter(range(1_000_000))

    def fail(called: str, _path: str) -> None:
        if called == method and next(calls) >= after:
            raise error

    return fail


def test_nothing_is_not_found(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        verify.plan(store, f"{store.home}/nothing.zip")


def test_what_has_neither_avus_nor_a_manifest_cannot_be_verified(store: MemoryStore) -> None:
    path = put(store, f"{store.home}/notes.txt", b"notes")
    with pytest.raises(BadPacket, match="no snapshot"):
        verify.plan(store, path)


def test_the_prefix_of_the_avus_is_a_setting(store: MemoryStore) -> None:
    path = put(store, f"{store.home}/set.zip", BUILT.zip)
    store.change_avus(path, add=to_avus(BUILT.description(), "lab.omero::"))
    plan = verify.plan(store, path, scope=Scope.DATA, prefix="lab.omero::")
    assert verify.apply(plan, store, clock=FixedClock()).ok
    assert Avu("lab.omero::verified_at", NOW_TEXT) in store.avus(path)
