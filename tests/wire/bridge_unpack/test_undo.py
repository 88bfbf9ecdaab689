"""Row U4: ``undo`` removes just what one load has made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from omero.cmd import Duplicate

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BridgeError, NotFound, UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations import undo
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_unpack.conftest import People, Side, packed, row_counts, rows_of, unpacked
from tests.wire.bridge_unpack.content import container, put_tag, tag
from tests.wire.bridge_unpack.test_round_trip import everything_packed
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import User
from tests.wire.omero_server.images import made_image, ramp


def take_back(side: Side, load: str) -> None:
    undo.apply(undo.plan(load, side.receiver), side.receiver)


def test_undo_of_everything_leaves_every_table_as_it_was(
    pair: Any, store: IrodsStore, place: str, hers: Side, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    path, _ = everything_packed(owner, other, tmp_path, server, store, place)
    before = row_counts(hers.omero)
    loaded = unpacked(store, path, hers)
    assert sum(row_counts(hers.omero).values()) > sum(before.values()) + 200
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before
    assert hers.receiver.book.list_loads() == []
    with pytest.raises(NotFound, match=loaded.load):
        undo.plan(loaded.load, hers.receiver)


def test_undo_of_what_an_administrator_loaded_for_others_leaves_nothing(
    pair: Any, store: IrodsStore, place: str, people: People, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    path, _ = everything_packed(owner, other, tmp_path, server, store, place)
    group = people.make_group("lab")
    for gateway in (owner, other):
        people.make_user(gateway.getUser().getOmeName(), group)
    side = people.root_in(group)
    before = row_counts(side.omero)
    take_back(side, unpacked(store, path, side, as_owner=True).load)
    assert row_counts(side.omero) == before


def test_undo_leaves_what_somebody_put_into_a_loaded_dataset(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    mine = int(made_image(gateway, ramp(1, 1, 1, 3, 4), "mine").getId())
    before = row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    dataset = next(int(key[8:]) for key in id_map(hers, loaded.load).values() if key.startswith("Dataset:"))
    content.link(gateway, ("Dataset", dataset), ("Image", mine))
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before
    assert gateway.getObject("Image", mine) is not None


def test_undo_leaves_a_tag_of_the_load_that_was_used_elsewhere(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    mine = int(made_image(gateway, ramp(1, 1, 1, 3, 4), "mine").getId())
    before = row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    good = hers.receiver.surroundings.find_tags(["good"])
    put_tag(gateway, int(next(iter(good.values())).partition(":")[2]), "Image", mine)
    take_back(hers, loaded.load)
    after = row_counts(hers.omero)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "Annotation": 1,
        "ImageAnnotationLink": 1,
    }
    assert hers.receiver.surroundings.find_tags(["good"]) == good


def test_undo_leaves_a_tag_that_a_merge_brought_along_and_that_was_used_since(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    hers: Side, people: People, alice: User,
) -> None:  # fmt: skip
    image = int(made_image(gateway, ramp(1, 1, 1, 3, 4), "one").getId())
    day = container(gateway, "Dataset", "day")
    content.link(gateway, ("Dataset", day), ("Image", image))
    put_tag(gateway, tag(gateway, "seen"), "Dataset", day)
    path = packed(omero, store, place, (ObjectRef(Kind.DATASET, day),))
    there = people.gateway(alice)
    container(there, "Dataset", "day")
    mine = int(made_image(there, ramp(1, 1, 1, 3, 4), "mine").getId())
    before = row_counts(hers.omero)
    loaded = unpacked(store, path, hers, merge=True)
    (seen,) = hers.receiver.surroundings.find_tags(["seen"]).values()
    put_tag(there, int(seen.partition(":")[2]), "Image", mine)
    take_back(hers, loaded.load)
    assert row_counts(hers.omero)["ImageAnnotationLink"] == before["ImageAnnotationLink"] + 1
    assert there.getObject("TagAnnotation", int(seen.partition(":")[2])) is not None


def test_undo_leaves_what_somebody_has_duplicated(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    loaded = unpacked(store, snapshot, hers)
    dataset = next(int(key[8:]) for key in id_map(hers, loaded.load).values() if key.startswith("Dataset:"))
    request = Duplicate(targetObjects={"Dataset": [dataset]}, typesToIgnore=["Image"])
    answer = hers.connection.client.submit(request, loops=50, ms=100).getResponse()
    (copy,) = answer.duplicates["ome.model.containers.Dataset"]
    take_back(hers, loaded.load)
    assert people.gateway(alice).getObject("Dataset", copy) is not None


def test_tags_that_were_there_are_used_and_left_even_when_nothing_had_them(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    kept = {tag(gateway, "good", "in focus"), tag(gateway, "bad")}
    tag(gateway, "good", "another meaning")
    before = row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    hanging = {
        row["child"] for row in rows_of(hers, loaded.objects.values()) if row["@"].startswith("ImageAnn")
    }
    assert hanging >= {f"TagAnnotation:{number}" for number in kept}
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before


def test_undo_leaves_a_tag_that_somebody_hung_on_a_loaded_image(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    mine = tag(gateway, "mine")
    before = row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    image = next(int(key[6:]) for key in id_map(hers, loaded.load).values() if key.startswith("Image:"))
    put_tag(gateway, mine, "Image", image)
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before
    assert gateway.getObject("TagAnnotation", mine) is not None


def test_an_undo_that_omero_refuses_changes_nothing(store: IrodsStore, snapshot: str, hers: Side) -> None:
    loaded = unpacked(store, snapshot, hers)
    before, known = row_counts(hers.omero), id_map(hers, loaded.load)
    hers.omero.faults.fail_call("ServiceFactory.submit")
    with pytest.raises(BridgeError):
        take_back(hers, loaded.load)
    assert (row_counts(hers.omero), id_map(hers, loaded.load)) == (before, known)


def id_map(side: Side, load: str) -> dict[str, str]:
    return dict(side.receiver.book.read_id_map(load))


def test_a_tag_set_that_was_there_holds_the_same_tags_after_undo(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    tag(gateway, "quality", ns="openmicroscopy.org/omero/insight/tagset")
    tag(gateway, "good", "in focus")
    before = row_counts(hers.omero)
    take_back(hers, unpacked(store, snapshot, hers).load)
    assert row_counts(hers.omero) == before


@pytest.mark.parametrize("breaks_off", [False, True])
def test_tag_sets_that_were_there_keep_the_tags_that_were_in_them(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User, breaks_off: bool
) -> None:
    gateway = people.gateway(alice)
    good = tag(gateway, "good", "in focus")
    for name in ("quality", "mine"):
        above = tag(gateway, name, ns="openmicroscopy.org/omero/insight/tagset")
        content.link(gateway, ("TagAnnotation", above), ("TagAnnotation", good))
    before = row_counts(hers.omero)
    if breaks_off:
        hers.omero.faults.fail_call("RawFileStore.save")
        with pytest.raises(BridgeError):
            unpacked(store, snapshot, hers)
        hers.omero.faults.clear()
        assert row_counts(hers.omero)["AnnotationAnnotationLink"] > before["AnnotationAnnotationLink"]
    else:
        unpacked(store, snapshot, hers)
    (record,) = hers.receiver.book.list_loads()
    take_back(hers, record.load)
    assert row_counts(hers.omero) == before


def test_undo_leaves_a_tag_that_somebody_put_into_a_tag_set_of_the_load(
    store: IrodsStore, snapshot: str, hers: Side, people: People, alice: User
) -> None:
    gateway = people.gateway(alice)
    mine = tag(gateway, "mine")
    before = row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    (above,) = hers.receiver.surroundings.find_tags(["quality"]).values()
    content.link(gateway, ("TagAnnotation", int(above.partition(":")[2])), ("TagAnnotation", mine))
    take_back(hers, loaded.load)
    assert row_counts(hers.omero) == before
    assert gateway.getObject("TagAnnotation", mine) is not None


def test_undo_in_another_group_says_which_one_it_is_and_changes_nothing(
    store: IrodsStore, snapshot: str, people: People
) -> None:
    lab, other = people.make_group("lab"), people.make_group("other")
    side, elsewhere = people.root_in(lab), people.root_in(other)
    loaded = unpacked(store, snapshot, side)
    (record,) = elsewhere.receiver.book.list_loads()
    assert (record.load, record.group) == (loaded.load, "lab")
    before = row_counts(side.omero)
    with pytest.raises(UsageError, match="in the group lab, and you work in other") as refused:
        undo.plan(loaded.load, elsewhere.receiver)
    assert f"undo {loaded.load} --group 'lab'" in refused.value.hint
    assert row_counts(side.omero) == before
    take_back(side, loaded.load)


def test_each_call_of_an_undo_may_fail_once_and_the_next_undo_leaves_nothing(
    store: IrodsStore, snapshot: str, hers: Side
) -> None:
    server, before = hers.omero, row_counts(hers.omero)
    loaded = unpacked(store, snapshot, hers)
    server.counters.reset()
    take_back(hers, loaded.load)
    failed = 0
    for operation, count in sorted(server.counters.all_calls().items()):
        for nth in sorted({1, count}):
            unpacked(store, snapshot, hers)
            server.faults.fail_call(operation, nth=nth)
            try:
                take_back(hers, loaded.load)
            except BridgeError:
                failed += 1
            server.faults.clear()
            with suppress(NotFound):  # where the first one had ended
                take_back(hers, loaded.load)
            assert row_counts(server) == before, f"{operation}, call {nth} of {count}"
    assert failed > 5
