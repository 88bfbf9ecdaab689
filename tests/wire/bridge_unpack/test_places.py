"""Rows U2, U5, U6: into what is there, merged with it, a part of a packet, once more, and who was what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.loads import LoadState
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.packet.graph import id_of
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_pack.conftest import make_dataset
from tests.wire.bridge_unpack.conftest import People, Side, mounted, packed, row_counts, rows_of, unpacked
from tests.wire.bridge_unpack.content import container, varied_project
from tests.wire.bridge_unpack.test_undo import take_back
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import User
from tests.wire.omero_server.import_client import image_ids, import_files

Packed = Callable[..., str]


def children(side: Side, parent: str) -> list[str]:
    """What is in a container."""
    links = [row for row in rows_of(side, [parent]) if row.get("parent") == parent]
    return sorted(row["child"] for row in links if "Annotation" not in row["@"])


# -- into


def test_a_dataset_goes_into_a_project(
    omero: Any, store: IrodsStore, place: str, dataset: ObjectRef, hers: Side, people: People, alice: User
) -> None:
    project = ObjectRef(Kind.PROJECT, container(people.gateway(alice), "Project", "mine"))
    before = row_counts(hers.omero)
    path = packed(omero, store, place, (dataset,))
    loaded = unpacked(store, path, hers, into=project)
    assert children(hers, str(project)) == list(loaded.objects.values())
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before


def test_images_go_into_a_dataset(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    hers: Side, people: People, alice: User,
) -> None:  # fmt: skip
    images = tuple(ObjectRef(Kind.IMAGE, one) for one in imported(gateway, tmp_path, 2))
    mine = ObjectRef(Kind.DATASET, container(people.gateway(alice), "Dataset", "mine"))
    loaded = unpacked(store, packed(omero, store, place, images), hers, into=mine)
    assert children(hers, str(mine)) == sorted(loaded.objects.values())


def test_a_plate_goes_into_a_screen(
    pair: Any, store: IrodsStore, place: str, tmp_path: Path, server: OmeroServer,
    hers: Side, people: People, alice: User,
) -> None:  # fmt: skip
    owner, other = pair("rwra--")
    plate = ObjectRef(Kind.PLATE, build_everything(owner, other, tmp_path).plate)
    mine = ObjectRef(Kind.SCREEN, container(people.gateway(alice), "Screen", "mine"))
    with mounted(server, owner) as packing:
        path = packed(packing, store, place, (plate,))
    loaded = unpacked(store, path, hers, into=mine)
    assert children(hers, str(mine)) == list(loaded.objects.values())


def imported(gateway: Any, folder: Path, number: int) -> list[int]:
    paths = [folder / f"image-{one}.fake" for one in range(number)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return [image for path in paths for image in image_ids(import_files(gateway.c, [path]))]


def problems(store: IrodsStore, path: str, side: Side, **more: Any) -> tuple[BridgeError, ...]:
    with open_snapshot(store, path) as packet:
        return unpack.plan(UnpackRequest(path, **more), packet, side.receiver).problems


def test_a_target_that_cannot_be_is_a_problem_of_the_plan_and_nothing_is_made(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    lab = people.make_group("reading", "rwr---")
    bob = people.make_user("bob", lab)
    carol = people.make_user("carol", lab)
    reader = people.log_in(carol)
    gateway = people.gateway(bob)
    foreign = ObjectRef(Kind.PROJECT, container(gateway, "Project", "bob's"))
    mine = ObjectRef(Kind.DATASET, container(people.gateway(alice), "Dataset", "mine"))
    before = row_counts(hers.omero)
    for side, into, kind, said in (
        (hers, ObjectRef(Kind.PROJECT, 4711), NotFound, "no Project:4711"),
        (reader, foreign, AccessDenied, "bob's"),
        (people.root_in(people.make_group("other")), foreign, UsageError, "group reading"),
        (hers, mine, UsageError, "takes Images"),
    ):
        found = problems(store, snapshot, side, into=into)
        assert any(isinstance(one, kind) and said in one.message for one in found), (into, found)
    after = row_counts(hers.omero)
    assert {name for name in after if after[name] != before[name]} <= {
        "ExperimenterGroup",
        "GroupExperimenterMap",
    }


def test_only_an_administrator_may_load_for_others(store: IrodsStore, snapshot: str, hers: Side) -> None:
    (problem,) = problems(store, snapshot, hers, as_owner=True)
    assert isinstance(problem, AccessDenied)


# -- merge


def test_merged_containers_are_used_and_neither_changed_nor_doubled(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    hers: Side, people: People, alice: User,
) -> None:  # fmt: skip
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),))
    there = people.gateway(alice)
    project, day = container(there, "Project", "cells"), container(there, "Dataset", "day 0")
    content.link(there, ("Project", project), ("Dataset", day))
    container(there, "Dataset", "day 1")  # in no project: not the one that is meant
    before = row_counts(hers.omero)
    loaded = unpacked(store, path, hers, merge=True)
    assert loaded.objects == {next(iter(loaded.objects)): f"Project:{project}"}
    assert unpacked(store, path, hers, merge=True).was_complete
    rows = {row["@"]: row for row in rows_of(hers, [f"Project:{project}"])}
    names = sorted(row["name"] for key, row in rows.items() if key.startswith("Dataset:"))
    assert names == ["day 0", "day 1"]
    assert rows[f"Project:{project}"]["version"] == 0
    again = unpacked(store, path, hers, merge=True, again="2")
    assert row_counts(hers.omero)["Project"] == 1
    assert row_counts(hers.omero)["Dataset"] == 3
    for load in (again.load, loaded.load):
        take_back(hers, load)
    assert row_counts(hers.omero) == before


# -- tags


def test_two_loads_share_their_tags(
    gateway: Any, omero: Any, store: IrodsStore, snapshot: str, hers: Side
) -> None:
    unpacked(store, snapshot, hers)
    tags = hers.receiver.surroundings.find_tags(["good", "bad", "quality"])
    unpacked(store, snapshot, hers, again="twice")
    assert hers.receiver.surroundings.find_tags(["good", "bad", "quality"]) == tags
    assert len(tags) == 3
    with hers.omero.store.work(hers.omero.internal_caller()) as work:
        count = work.database.value("""select count(*) from "Annotation" where "_class" = 'TagAnnotation'""")
    assert count == 3


# -- only


def test_one_image_of_five_hundred_costs_less_than_twice_its_bytes(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path, hers: Side, zone: Zone
) -> None:
    # What OMERO knows of 500 images is read too: 0.4 MB of a zip, 5 MB of a collection (not compressed).
    dataset = make_dataset(gateway, tmp_path, [(16, 16)] * 499 + [(4000, 1000)])
    images = [id_of(row["@"]) for row in rows_of_server(omero, dataset) if row["@"].startswith("Image:")]
    image, size = ObjectRef(Kind.IMAGE, max(images)), 4000 * 1000 * 2
    for form, besides in ((Form.ZIP, 2_000_000), (Form.EXPANDED, size)):
        path = packed(omero, store, place, (dataset,), form)
        zone.counters.reset()
        loaded = unpacked(store, path, hers, only=(image,))
        assert zone.counters.bytes_sent < size + besides, form
        assert list(loaded.objects) == [str(image)]
        assert row_counts(hers.omero)["Image"] == 1
        take_back(hers, loaded.load)


def rows_of_server(server: Any, *refs: ObjectRef) -> list[Any]:
    rows: list[Any] = []
    server.read_graph(refs, rows.append)
    return rows


# -- again, loads


def test_a_load_is_made_once_and_again_only_when_it_is_asked_for(
    store: IrodsStore, snapshot: str, hers: Side
) -> None:
    first = unpacked(store, snapshot, hers)
    once = row_counts(hers.omero)
    second = unpacked(store, snapshot, hers)
    assert (second.load, second.objects, second.was_complete) == (first.load, first.objects, True)
    assert row_counts(hers.omero) == once
    third = unpacked(store, snapshot, hers, again="copy")
    assert third.load != first.load
    assert row_counts(hers.omero)["Image"] == 2 * once["Image"]


def test_loads_are_listed_with_what_became_of_what(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path, hers: Side
) -> None:
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),))
    loaded = unpacked(store, path, hers)
    (record,) = hers.receiver.book.list_loads()
    assert (record.load, record.snapshot, record.by, record.state) == (
        loaded.load, path, "alice", LoadState.DONE,
    )  # fmt: skip
    pairs = dict(hers.receiver.book.read_id_map(loaded.load))
    here = {row["@"]: row for row in rows_of(hers, loaded.objects.values())}
    there = {row["@"]: row for row in rows_of_server(omero, *parse_objects(list(loaded.objects)))}
    named = [
        key
        for key in there
        if key.partition(":")[0] in ("Image", "Dataset", "Project", "Roi", "TagAnnotation")
    ]
    assert len(named) > 10
    for key in named:
        assert pairs[key] in here
        for field in ("name", "textValue"):
            assert here[pairs[key]].get(field) == there[key].get(field)
