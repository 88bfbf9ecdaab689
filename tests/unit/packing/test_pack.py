"""What pack promises, in memory: sealed last, verified, resumed, never over something else."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.model import snapshot as snapshot_model
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadName,
    BridgeError,
    Busy,
    ChecksumMismatch,
    Interrupted,
    NotFound,
    TargetExists,
    Unreachable,
)
from omero_irods_bridge.model.events import CancelToken, Event, Notice, Progress, Step
from omero_irods_bridge.model.packing import Existing, PackRequest, TransferOptions
from omero_irods_bridge.model.snapshot import Form, Snapshot, from_avus
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.operations import pack
from omero_irods_bridge.operations.incoming import held, incoming_of
from omero_irods_bridge.operations.packing import planning
from omero_irods_bridge.packet.manifest import parse
from omero_irods_bridge.packet.reading import Limits
from tests.unit.packing.fakes import content
from tests.unit.packing.omero import DATASET, FakeOmero

TARGET = "/tempZone/home/alice/mitosis.zip"
OPTIONS = TransferOptions(readers=2, streams=2, piece_bytes=100, memory_bytes=1000)
REQUEST = PackRequest((DATASET,), TARGET)


class Clock:
    def now(self) -> float:
        return 1_790_000_000.5


def three_images() -> FakeOmero:
    return FakeOmero([content(1, 350), content(2, 40), content(3, 0)])


def run(omero: FakeOmero, store: MemoryStore, request: PackRequest = REQUEST, **more: object) -> Snapshot:
    plan = pack.plan(request, omero, store, clock=Clock())
    return pack.apply(plan, omero, store, options=OPTIONS, **more)  # type: ignore[arg-type]


def read(store: MemoryStore, path: str) -> bytes:
    with store.open_source(path) as source:
        return source.read_at(0, source.size)


def members(store: MemoryStore, snapshot: Snapshot, form: Form) -> dict[str, bytes]:
    if form is Form.ZIP:
        with zipfile.ZipFile(io.BytesIO(read(store, snapshot.path))) as packet:
            return {info.filename: packet.read(info) for info in packet.infolist()}
    found = store.children(snapshot.path, recursive=True)
    return {
        one.path.removeprefix(f"{snapshot.path}/"): read(store, one.path)
        for one in found
        if isinstance(one, DataObject)
    }


def below(store: MemoryStore, collection: str = "/tempZone/home/alice") -> list[str]:
    return [one.path.removeprefix(f"{collection}/") for one in store.children(collection, recursive=True)]


def request_of(form: Form) -> PackRequest:
    return replace(REQUEST, form=form, target=TARGET if form is Form.ZIP else TARGET.removesuffix(".zip"))


FORMS = pytest.mark.parametrize("form", Form)


@FORMS
def test_a_snapshot_holds_the_files_byte_for_byte_and_says_what_they_are(form: Form) -> None:
    omero, store = three_images(), MemoryStore()
    snapshot = run(omero, store, request_of(form))
    found = members(store, snapshot, form)
    for number, data in enumerate(omero.contents, 1):
        assert found[f"ann_3/2026-11/28/image-{number}.tif"] == data
    manifest = parse(found["bridge/manifest.json"])
    assert {one.path: (one.size, one.sha256.hex) for one in manifest.members} == {
        name: (len(data), hashlib.sha256(data).hexdigest())
        for name, data in found.items()
        if name != "bridge/manifest.json"
    }
    assert list(found)[-1] == "bridge/manifest.json" or form is Form.EXPANDED


@FORMS
def test_the_avus_describe_the_snapshot(form: Form) -> None:
    store = MemoryStore()
    snapshot = run(three_images(), store, replace(request_of(form), note="before the move"))
    description = from_avus(store.avus(snapshot.path))
    assert description == snapshot.description
    assert description is not None
    assert (description.name, description.owner, description.group) == ("Mitosis", "ann", "lab")
    assert (description.images, description.files, description.image_ids) == (3, 3, (1, 2, 3))
    assert (description.sources, description.note) == (("Dataset:51",), "before the move")
    found = members(store, snapshot, form)
    if form is Form.ZIP:
        data = read(store, snapshot.path)
        assert (description.size, description.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    else:
        assert description.size == sum(map(len, found.values()))
        assert description.sha256 == hashlib.sha256(found["bridge/manifest.json"]).hexdigest()


@FORMS
def test_nothing_is_left_beside_the_snapshot(form: Form) -> None:
    store = MemoryStore()
    snapshot = run(three_images(), store, request_of(form))
    assert [name for name in below(store) if ".incoming" in name] == []
    assert store.find(snapshot.path) is not None


def test_planning_changes_nothing() -> None:
    store = MemoryStore()
    pack.plan(REQUEST, three_images(), store, clock=Clock())
    assert below(store) == []


def test_a_second_pack_becomes_a_new_version() -> None:
    omero, store = three_images(), MemoryStore()
    first, second, third = (run(omero, store) for _ in range(3))
    assert first.path == TARGET
    assert second.path == TARGET.replace(".zip", "-2.zip")
    assert third.path == TARGET.replace(".zip", "-3.zip")


def test_a_second_pack_is_refused_when_asked_so() -> None:
    omero, store = three_images(), MemoryStore()
    before = read(store, run(omero, store).path)
    plan = pack.plan(replace(REQUEST, existing=Existing.REFUSE), omero, store, clock=Clock())
    assert [type(one) for one in plan.problems] == [TargetExists]
    with pytest.raises(TargetExists):
        pack.apply(plan, omero, store)
    assert read(store, TARGET) == before


@pytest.mark.parametrize("existing", Existing)
def test_a_target_that_is_taken_meanwhile_is_left_as_it_is(existing: Existing) -> None:
    omero, store = three_images(), MemoryStore()
    plan = pack.plan(replace(REQUEST, existing=existing), omero, store, clock=Clock())
    store.make_collection(TARGET)
    events: list[Event] = []
    if existing is Existing.REFUSE:
        with pytest.raises(TargetExists, match=r"mitosis\.zip"):
            pack.apply(plan, omero, store, options=OPTIONS)
    else:
        snapshot = pack.apply(plan, omero, store, options=OPTIONS, report=events.append)
        assert snapshot.path.endswith("mitosis-2.zip")
        assert any("mitosis-2.zip" in one.text for one in events if isinstance(one, Notice))
    assert list(store.children(TARGET)) == []


def test_the_same_objects_are_packed_into_a_collection_by_one_run_at_a_time() -> None:
    omero, store = three_images(), MemoryStore()
    plan = pack.plan(REQUEST, omero, store, clock=Clock())
    with held(store, incoming_of(plan.target, plan.id)), pytest.raises(Busy, match="being packed"):
        pack.apply(plan, omero, store, options=OPTIONS)
    assert store.find(TARGET) is None


def test_an_explicit_target_in_a_collection_that_is_missing_is_a_problem() -> None:
    plan = pack.plan(
        replace(REQUEST, target="/tempZone/home/alice/nowhere/x.zip"),
        three_images(),
        MemoryStore(),
        clock=Clock(),
    )
    assert [type(one) for one in plan.problems] == [NotFound]
    assert "/tempZone/home/alice/nowhere" in plan.problems[0].message
    assert "imkdir" in plan.problems[0].hint


def test_a_template_makes_its_collections() -> None:
    store = MemoryStore()
    template = "/{zone}/home/{irods_user}/omero/{kind}-{id}/{name}-{time}.zip"
    snapshot = run(three_images(), store, replace(REQUEST, target=template))
    assert snapshot.path == "/tempZone/home/alice/omero/Dataset-51/Mitosis-20260921T141320Z.zip"


def test_without_images_there_is_nothing_to_pack() -> None:
    plan = pack.plan(REQUEST, FakeOmero([]), MemoryStore(), clock=Clock())
    assert [type(one) for one in plan.problems] == [NotFound]
    assert "Dataset:51 has no images" in plan.problems[0].message


def test_images_whose_files_may_not_be_downloaded_are_one_problem_unless_the_repository_is_mounted() -> None:
    omero = three_images()
    omero.withheld = True
    plan = pack.plan(REQUEST, omero, MemoryStore(), clock=Clock())
    assert [type(one) for one in plan.problems] == [AccessDenied]
    assert "Image:1, Image:2, Image:3" in plan.problems[0].message
    omero.is_mounted = True
    assert pack.plan(REQUEST, omero, MemoryStore(), clock=Clock()).problems == ()


def test_more_files_than_any_reader_takes_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "DEFAULT_LIMITS", Limits(members=5))
    (problem,) = pack.plan(REQUEST, three_images(), MemoryStore(), clock=Clock()).problems
    assert "6 members" in problem.message
    assert "fewer" in problem.hint
    monkeypatch.setattr(planning, "DEFAULT_LIMITS", Limits(members=6))
    assert pack.plan(REQUEST, three_images(), MemoryStore(), clock=Clock()).problems == ()


def test_more_metadata_than_any_reader_takes_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "DEFAULT_LIMITS", Limits(graph_bytes=5000))
    (problem,) = pack.plan(REQUEST, three_images(), MemoryStore(), clock=Clock()).problems
    assert "more than 5,000 are never read" in problem.message
    assert "fewer" in problem.hint


def test_of_very_many_objects_and_images_no_avu_names_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_model, "LARGEST_LIST", 0)
    store = MemoryStore()
    snapshot = run(three_images(), store)
    found = from_avus(store.avus(snapshot.path))
    assert found == snapshot.description
    assert found is not None
    assert (found.images, found.image_ids, found.sources) == (3, (), ())
    assert parse(members(store, snapshot, Form.ZIP)["bridge/manifest.json"]).objects == (DATASET,)


def test_a_member_whose_path_is_too_long_for_irods_is_a_problem() -> None:
    collection = "/tempZone/home/alice/" + "/".join(["d" * 235] * 4)
    store, name = MemoryStore(), "n" * 15
    store.make_collection(collection)
    zipped = pack.plan(
        replace(REQUEST, target=f"{collection}/{name}.zip"), three_images(), store, clock=Clock()
    )
    assert zipped.problems == ()
    wanted = replace(REQUEST, target=f"{collection}/{name}", form=Form.EXPANDED)
    (problem,) = pack.plan(wanted, three_images(), store, clock=Clock()).problems
    assert isinstance(problem, BadName)
    assert "image-1.tif" in problem.message
    assert "shorter" in problem.hint


def test_an_unknown_object_is_told_before_anything_is_written() -> None:
    with pytest.raises(NotFound):
        pack.plan(
            replace(REQUEST, objects=(replace(DATASET, id=99),)), three_images(), MemoryStore(), clock=Clock()
        )


@FORMS
@pytest.mark.parametrize("number", [1, 2])
def test_a_byte_that_changed_at_the_source_leaves_no_snapshot(form: Form, number: int) -> None:
    omero, store = three_images(), MemoryStore()
    damaged = bytearray(omero.contents[number - 1])
    damaged[-1] ^= 1
    omero.files.bytes_of = {**omero.files.bytes_of, number: bytes(damaged)}
    with pytest.raises(ChecksumMismatch, match=rf"image-{number}\.tif.*SHA1-160"):
        run(omero, store, request_of(form))
    assert store.find(request_of(form).target) is None


@FORMS
def test_a_byte_that_changed_on_the_wire_leaves_no_snapshot(form: Form) -> None:
    omero, store = three_images(), MemoryStore()

    def damage(method: str, path: str) -> None:
        if method == "compute_checksum" and store.content.entries[path].copies[0].data:
            store.content.flip_byte(path)

    store.content.hook = damage
    with pytest.raises(ChecksumMismatch, match="not what was sent"):
        run(omero, store, request_of(form))
    store.content.hook = None
    assert store.find(request_of(form).target) is None


def failing_at(call: int) -> Callable[[str, str], None]:
    calls = 0

    def hook(_method: str, _path: str) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Unreachable("iRODS did not answer")

    return hook


@FORMS
def test_whichever_call_of_irods_fails_a_rerun_ends_right(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "WORTH_ASKING_BYTES", 0)
    call, finished = 0, False
    while not finished:
        call += 1
        omero, store = three_images(), MemoryStore()
        plan = pack.plan(request_of(form), omero, store, clock=Clock())
        store.content.hook = failing_at(call)
        try:
            pack.apply(plan, omero, store, options=OPTIONS)
            finished = True
        except BridgeError:
            store.content.hook = None
            assert_whole_or_absent(store, form)
        store.content.hook = None
        if not finished and store.find(plan.target) is None:
            run(omero, store, request_of(form))
        assert_whole_or_absent(store, form, must_be_there=True)
    assert call > 15


def assert_whole_or_absent(store: MemoryStore, form: Form, *, must_be_there: bool = False) -> None:
    target = request_of(form).target
    if store.find(target) is None:
        assert not must_be_there
        return
    description = from_avus(store.avus(target))
    assert description is not None
    found = members(store, Snapshot(target, description), form)
    assert [found[f"ann_3/2026-11/28/image-{n}.tif"] for n in (1, 2, 3)] == list(three_images().contents)


@FORMS
def test_what_a_broken_run_left_is_kept_when_it_is_what_omero_has(form: Form) -> None:
    omero, store = FakeOmero([content(n, 90) for n in range(1, 30)]), MemoryStore()
    omero.files.hook = lambda number, _offset: stop_at(number, 25)
    with pytest.raises(Unreachable):
        run(omero, store, request_of(form))
    omero.files.hook, omero.files.opened = lambda *_: None, []
    events: list[Event] = []
    snapshot = run(omero, store, request_of(form), report=events.append)
    assert 0 < len(omero.files.opened) < 29
    assert any("kept" in one.text for one in events if isinstance(one, Notice))
    found = members(store, snapshot, form)
    assert [found[f"ann_3/2026-11/28/image-{n}.tif"] for n in range(1, 30)] == list(omero.contents)
    if form is Form.EXPANDED:
        assert snapshot.description.size == sum(map(len, found.values()))


def stop_at(number: int, end: int) -> None:
    if number >= end:
        raise Unreachable("OMERO went away")


@FORMS
@settings(max_examples=25, deadline=None)
@given(damage=st.integers(0, 2000), stop=st.integers(2, 28))
def test_nothing_damaged_is_kept(form: Form, damage: int, stop: int) -> None:
    omero, store = FakeOmero([content(n, 60) for n in range(1, 30)]), MemoryStore()
    omero.files.hook = lambda number, _offset: stop_at(number, stop)
    with pytest.raises(Unreachable):
        run(omero, store, request_of(form))
    omero.files.hook = lambda *_: None
    left = list(store.children("/tempZone/home/alice/.incoming", recursive=True))
    data = [one for one in left if isinstance(one, DataObject) and one.size]
    if data:
        chosen = data[damage % len(data)]
        store.content.flip_byte(chosen.path, offset=damage % chosen.size)
    snapshot = run(omero, store, request_of(form))
    found = members(store, snapshot, form)
    assert [found[f"ann_3/2026-11/28/image-{n}.tif"] for n in range(1, 30)] == list(omero.contents)


def test_files_with_a_hash_that_says_nothing_of_content_are_sent_again() -> None:
    omero, store = FakeOmero([content(n, 90) for n in range(1, 10)], hasher="Murmur3-128"), MemoryStore()
    omero.files.hook = lambda number, _offset: stop_at(number, 8)
    with pytest.raises(Unreachable):
        run(omero, store)
    omero.files.hook, omero.files.opened = lambda *_: None, []
    run(omero, store)
    assert set(omero.files.opened) == set(range(1, 10))


def test_the_longer_end_of_a_broken_run_is_cut_off() -> None:
    omero, store = three_images(), MemoryStore()
    long = replace(REQUEST, note="x" * 5000)
    plan = pack.plan(long, omero, store, clock=Clock())

    def fail(method: str, _path: str) -> None:
        if method == "compute_checksum":
            raise Unreachable("iRODS did not answer")

    store.content.hook = fail
    with pytest.raises(Unreachable):
        pack.apply(plan, omero, store, options=OPTIONS)
    store.content.hook = None
    snapshot = run(omero, store)
    with zipfile.ZipFile(io.BytesIO(read(store, snapshot.path))) as packet:
        assert packet.testzip() is None


def test_it_is_cut_off_too_where_the_catalog_heard_of_its_size_late() -> None:
    omero, store = three_images(), MemoryStore()
    long = replace(REQUEST, note="".join(chr(33 + number * 7 % 90) for number in range(5000)))
    plan = pack.plan(long, omero, store, clock=Clock())
    path = incoming_of(plan.target, plan.id).path

    def fail(method: str, _path: str) -> None:
        if method == "compute_checksum":
            raise Unreachable("iRODS did not answer")

    store.content.hook = fail
    with pytest.raises(Unreachable):
        pack.apply(plan, omero, store, options=OPTIONS)
    size = len(store.content.entries[path].copies[0].data)
    store.content.record(path, size=0)

    def settle(method: str, where: str) -> None:
        if method == "open_source" and where == path:
            store.content.record(path, size=size)

    store.content.hook = settle
    snapshot = run(omero, store)
    with zipfile.ZipFile(io.BytesIO(read(store, snapshot.path))) as packet:
        assert packet.testzip() is None


@FORMS
def test_a_write_that_fails_while_all_memory_is_under_way_is_told(form: Form) -> None:
    """Nobody hands in a further piece then: the readers wait for bytes that nobody gives back."""
    omero, store, is_full = FakeOmero([content(1, 5000)]), MemoryStore(), threading.Event()

    def fail(method: str, _path: str) -> None:
        if method == "write_at" and is_full.wait(10):
            raise Unreachable("iRODS went away")

    def look(event: Event) -> None:
        if isinstance(event, Progress) and event.bytes_done >= OPTIONS.memory_bytes:
            is_full.set()

    store.content.hook = fail
    with hanging_no_longer_than(20) as cancel, pytest.raises(Unreachable, match="went away"):
        run(omero, store, request_of(form), report=look, cancel=cancel)


@FORMS
def test_small_images_without_files_do_not_hold_the_memory_of_large_ones(form: Form) -> None:
    omero, store = FakeOmero([content(n, 20) for n in range(1, 40)], exported=True), MemoryStore()
    plan = pack.plan(request_of(form), omero, store, clock=Clock())
    options = TransferOptions(readers=2, streams=2, piece_bytes=10_000, memory_bytes=40_000)
    with hanging_no_longer_than(20) as cancel:
        snapshot = pack.apply(plan, omero, store, options=options, cancel=cancel)
    found = members(store, snapshot, form)
    assert [found[f"pixel_images/{n}.tiff"] for n in range(1, 40)] == list(omero.contents)


@contextmanager
def hanging_no_longer_than(seconds: float) -> Iterator[CancelToken]:
    cancel = CancelToken()
    timer = threading.Timer(seconds, cancel.cancel)
    timer.start()
    yield cancel
    timer.cancel()


@FORMS
def test_cancelling_leaves_no_snapshot_and_the_next_run_finishes(form: Form) -> None:
    omero, store, cancel = three_images(), MemoryStore(), CancelToken()
    omero.files.hook = lambda *_: cancel.cancel()
    plan = pack.plan(request_of(form), omero, store, clock=Clock())
    with pytest.raises(Interrupted):
        pack.apply(plan, omero, store, options=OPTIONS, cancel=cancel)
    assert store.find(plan.target) is None
    omero.files.hook = lambda *_: None
    assert run(omero, store, request_of(form)).path == plan.target


def test_progress_counts_each_byte_and_file_once() -> None:
    omero, events = three_images(), list[Event]()
    run(omero, MemoryStore(), report=events.append)
    (copying,) = [one for one in events if isinstance(one, Step) and one.bytes_total is not None]
    assert (copying.bytes_total, copying.items_total) == (390, 3)
    assert [one for one in events if isinstance(one, Progress)][-1] == Progress(390, 3)
