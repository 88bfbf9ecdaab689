"""Pack over the wire: rows P1, P2, P5-P9 of the design."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch, NotFound, Unreachable
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest, TransferOptions
from omero_irods_bridge.model.snapshot import Form, Snapshot, from_avus
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.operations import pack
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer

FORMS = pytest.mark.parametrize("form", Form)
SMALL_PIECES = TransferOptions(readers=2, streams=2, piece_bytes=64 << 10, memory_bytes=512 << 10)


def request(dataset: ObjectRef, place: str, form: Form = Form.ZIP) -> PackRequest:
    name = "noise.zip" if form is Form.ZIP else "noise"
    return PackRequest((dataset,), f"{place}/{name}", form)


def run(omero: OmeroImageServer, store: IrodsStore, wanted: PackRequest, **more: Any) -> Snapshot:
    plan = pack.plan(wanted, omero, store, clock=SystemClock())
    assert not plan.problems
    return pack.apply(plan, omero, store, **{"options": SMALL_PIECES, **more})


def read(store: IrodsStore, path: str) -> bytes:
    with store.open_source(path) as source:
        return source.read_at(0, source.size)


def members(store: IrodsStore, snapshot: Snapshot, form: Form) -> dict[str, bytes]:
    if form is Form.ZIP:
        with zipfile.ZipFile(io.BytesIO(read(store, snapshot.path))) as packet:
            assert packet.testzip() is None
            return {info.filename: packet.read(info) for info in packet.infolist()}
    return {
        one.path.removeprefix(f"{snapshot.path}/"): read(store, one.path)
        for one in store.children(snapshot.path, recursive=True)
        if isinstance(one, DataObject)
    }


def originals(server: OmeroServer) -> dict[str, bytes]:
    """All files of the ManagedRepository."""
    root = Path(server.config.data) / "ManagedRepository"
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@FORMS
def test_a_dataset_becomes_a_snapshot_of_its_files_byte_for_byte(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    snapshot = run(omero, store, request(dataset, place, form))
    found = members(store, snapshot, form)
    files = [name for name in found if name.endswith(".tif")]
    assert len(files) == 3
    for name in files:
        assert found[name] == originals(server)[name]
    assert {"transfer.xml", "bridge/omero.jsonl", "bridge/manifest.json"} < set(found)


@FORMS
def test_the_snapshot_has_its_avus_and_nothing_is_left_beside_it(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    snapshot = run(omero, store, request(dataset, place, form))
    assert from_avus(store.avus(snapshot.path)) == snapshot.description
    assert snapshot.description.name == "noise"
    assert [one.path for one in store.children(place)] == [snapshot.path]


@FORMS
def test_a_byte_flipped_on_omeros_disk_is_caught(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    plan = pack.plan(request(dataset, place, form), omero, store, clock=SystemClock())
    server.faults.flip_byte(plan.files[1].id, 200)
    with pytest.raises(ChecksumMismatch, match=r"noise-1\.tif"):
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert store.find(plan.target) is None


@FORMS
def test_a_byte_flipped_in_the_vault_before_the_checksum_is_caught(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    zone: Zone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = pack.plan(request(dataset, place, form), omero, store, clock=SystemClock())
    compute = store.compute_checksum

    def flip_first(path: str, **more: Any) -> Any:
        zone.faults.flip_byte(path, offset=100)
        return compute(path, **more)

    monkeypatch.setattr(store, "compute_checksum", flip_first)
    with pytest.raises(ChecksumMismatch, match="not what was sent"):
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert store.find(plan.target) is None


@FORMS
@pytest.mark.parametrize("count", [0, 1, 5_000, 100_000, 200_000])
def test_a_connection_to_irods_cut_at_any_byte_leaves_what_a_rerun_finishes(
    count: int,
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    zone: Zone,
    server: OmeroServer,
) -> None:
    plan = pack.plan(request(dataset, place, form), omero, store, clock=SystemClock())
    zone.faults.cut_after(count)
    with pytest.raises(BridgeError) as caught:
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert isinstance(caught.value, Unreachable)
    assert store.find(plan.target) is None
    zone.faults.clear()
    snapshot = run(omero, store, request(dataset, place, form))
    assert snapshot.path == plan.target
    found = members(store, snapshot, form)
    assert all(found[file.member] == originals(server)[file.member] for file in plan.files)


@pytest.mark.parametrize("count", [0, 1_000, 100_000])
def test_a_connection_to_omero_cut_in_a_file_leaves_what_a_rerun_finishes(
    count: int,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    plan = pack.plan(request(dataset, place), omero, store, clock=SystemClock())
    server.faults.cut_file_after(count)
    with pytest.raises(Unreachable):
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert store.find(plan.target) is None
    assert run(omero, store, request(dataset, place)).path == plan.target


def test_a_file_that_is_missing_on_omeros_disk_is_named(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, server: OmeroServer
) -> None:
    plan = pack.plan(request(dataset, place), omero, store, clock=SystemClock())
    Path(server.storage.path_by_id(plan.files[2].id)).unlink()
    with pytest.raises(NotFound, match=r"noise-2\.tif"):
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert store.find(plan.target) is None


def test_a_fileset_shared_by_two_selected_objects_is_stored_once(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    plan = pack.plan(request(dataset, place), omero, store, clock=SystemClock())
    images = tuple(ObjectRef(Kind.IMAGE, number) for number in sorted(plan.graph.ids("Image")))
    both = replace(plan.request, objects=(dataset, *images))
    assert [file.member for file in pack.plan(both, omero, store, clock=SystemClock()).files] == [
        file.member for file in plan.files
    ]


def test_the_checksum_that_irods_recorded_is_the_one_of_the_avus(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    snapshot = run(omero, store, request(dataset, place))
    stored = store.find(snapshot.path)
    assert isinstance(stored, DataObject)
    assert [str(one.sha256) for one in stored.replicas] == [snapshot.description.sha256]
    assert hashlib.sha256(read(store, snapshot.path)).hexdigest() == snapshot.description.sha256
