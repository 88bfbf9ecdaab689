"""Diff (row L4): identical is said when it is so, and what changed is named as people know it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import omero.model
import pytest
from omero.constants.metadata import NSINSIGHTTAGSET
from omero.rtypes import rstring

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.object_model import OmeroModel
from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations import diff
from omero_irods_bridge.operations.diff import Compared, How
from omero_irods_bridge.operations.matching import What
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.wiring import receiver_on
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_unpack.conftest import Side, mounted, packed, side_of, unpacked
from tests.wire.bridge_unpack.content import varied_project
from tests.wire.omero_server.conftest import User


def compared(store: IrodsStore, path: str, side: Side, object_there: str = "") -> Compared:
    there = parse_objects([object_there])[0] if object_there else None
    with open_snapshot(store, path) as packet:
        return diff.with_server(path, packet, side.receiver, object_there=there)


def words(found: Compared) -> list[str]:
    return [str(one) for one in found.changes]


@pytest.fixture
def here(server: OmeroServer, user: User) -> Any:
    """A, as the user who packed."""
    side = side_of(server, user.name, user.password)
    yield side
    side.connection.close()


@pytest.fixture
def path(omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef) -> str:
    return packed(omero, store, place, (dataset,))


# -- identical


def test_a_new_snapshot_is_what_omero_has(store: IrodsStore, path: str, here: Side) -> None:
    found = compared(store, path, here)
    assert (words(found), found.how) == ([], How.IDS)
    assert found.counts["Image"] == 3


def test_everything_is_identical_on_both_servers(
    pair: Any, store: IrodsStore, place: str, there: Side, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, tmp_path)
    refs = (ObjectRef(Kind.PROJECT, built.project), ObjectRef(Kind.SCREEN, built.screen))
    with mounted(server, owner) as packing:
        path = packed(packing, store, place, refs, Form.ZIP, figures=True)
        source = Side(server, packing._connection, receiver_on(packing._connection))
        at_home = compared(store, path, source)
    assert (words(at_home), at_home.how) == ([], How.IDS)
    loaded = unpacked(store, path, there)
    found = compared(store, path, there)
    assert (words(found), found.how, found.load) == ([], How.LOAD, loaded.load)
    assert found.counts["Image"] == at_home.counts["Image"]
    for one in loaded.objects.values():
        assert words(compared(store, path, there, one)) == []


def test_two_snapshots_of_one_state_are_identical(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, path: str
) -> None:
    again = packed(omero, store, place, (dataset,), Form.EXPANDED)
    found = between(store, path, again)
    assert (words(found), found.how) == ([], How.IDS)


def between(store: IrodsStore, path: str, other_path: str) -> Compared:
    with open_snapshot(store, path) as packet, open_snapshot(store, other_path) as other:
        return diff.with_packet(path, packet, other_path, other, OmeroModel())


def test_tags_that_were_there_before_a_load_may_be_in_any_tag_set(
    gateway: Any, omero: OmeroImageServer, store: IrodsStore, place: str, tmp_path: Path, there: Side
) -> None:
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),))
    unpacked(store, path, there)
    again = unpacked(store, path, there, again="2")
    found = compared(store, path, there)
    assert (words(found), found.load) == ([], again.load)
    (good,) = there.receiver.surroundings.find_tags(["good"]).values()
    put_into_a_new_tag_set(there, int(good.partition(":")[2]))
    assert words(compared(store, path, there)) == []


def put_into_a_new_tag_set(side: Side, tag_id: int) -> None:
    link = omero.model.AnnotationAnnotationLinkI()
    link.parent, link.child = omero.model.TagAnnotationI(), omero.model.TagAnnotationI(tag_id, False)
    link.parent.textValue, link.parent.ns = rstring("mine"), rstring(NSINSIGHTTAGSET)
    side.connection.session.getUpdateService().saveObject(link)


# -- what changed


def tag(side: Side, image: int, text: str) -> int:
    link = omero.model.ImageAnnotationLinkI()
    link.parent = omero.model.ImageI(image, False)
    link.child = omero.model.TagAnnotationI()
    link.child.textValue = rstring(text)
    return int(side.connection.session.getUpdateService().saveAndReturnObject(link).child.id.val)


def rename(side: Side, kind: str, number: int, name: str) -> None:
    found = side.connection.session.getQueryService().get(kind, number)
    found.name = rstring(name)
    side.connection.session.getUpdateService().saveObject(found)


def images_of(side: Side) -> list[int]:
    found = side.connection.session.getQueryService().findAllByQuery(
        "select i from Image i order by i.id", None
    )
    return [one.id.val for one in found]


def change_all(side: Side, dataset: int, images: list[int]) -> list[str]:
    """Do three things to a dataset; what is to be said of them."""
    first, second, third = images
    old = side.connection.session.getQueryService().get("Image", second).name.val
    rename(side, "Image", second, "renamed")
    tag(side, first, "mitosis")
    side.receiver.writer.delete({"Image": [third]})
    return [f"tag 'mitosis' added to Image:{first}", f"name '{old}' -> 'renamed'", f"Image:{third}"]


def test_changes_where_it_was_packed_are_told(
    store: IrodsStore, path: str, here: Side, dataset: ObjectRef
) -> None:
    query = f"select l.child from DatasetImageLink l where l.parent.id = {dataset.id} order by l.child.id"
    found = here.connection.session.getQueryService().findAllByQuery(query, None)
    wanted = change_all(here, dataset.id, [one.id.val for one in found])
    told = words(compared(store, path, here))
    assert len(told) == 3
    for text in wanted:
        assert any(text in one for one in told), told
    assert any("removed" in one for one in told)


def test_changes_after_a_load_are_told(store: IrodsStore, path: str, there: Side) -> None:
    loaded = unpacked(store, path, there)
    (target,) = loaded.objects.values()
    wanted = change_all(there, int(target.partition(":")[2]), images_of(there))
    found = compared(store, path, there)
    told = words(found)
    assert len(told) == 3
    for text in wanted[:2]:
        assert any(text in one for one in told), told
    assert {one.what for one in found.changes} == set(What)
    assert words(compared(store, path, there, target)) == told


def test_an_image_that_was_moved_out_is_told(store: IrodsStore, path: str, there: Side) -> None:
    unpacked(store, path, there)
    (link, *_) = there.connection.session.getQueryService().findAllByQuery(
        "select l from DatasetImageLink l order by l.id", None
    )
    there.receiver.writer.delete({"DatasetImageLink": [link.id.val]})
    (told,) = words(compared(store, path, there))
    assert "removed from Dataset:" in told


class Bytes:
    """Of a new version of an attachment."""

    size = 9

    def read_at(self, offset: int, length: int) -> bytes:
        return b"new bytes"[offset : offset + length]


def test_an_attachment_with_other_bytes_is_told(
    pair: Any, store: IrodsStore, place: str, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, tmp_path)
    with mounted(server, owner) as packing:
        side = Side(server, packing._connection, receiver_on(packing._connection))
        path = packed(packing, store, place, (ObjectRef(Kind.PROJECT, built.project),))
        with open_snapshot(store, path) as packet:
            attachments = [name for name in packet.members if name.startswith("file_annotations/")]
        annotation = int(attachments[0].split("/")[1])
        query = f"select a.file from FileAnnotation a where a.id = {annotation}"
        file = side.connection.session.getQueryService().findByQuery(query, None).id.val
        side.receiver.writer.write_file(file, Bytes())
        (told,) = words(compared(store, path, side))
    assert told.startswith(f"OriginalFile:{file} ")
    assert "-> 9 bytes" in told


def test_two_snapshots_tell_what_happened_between_them(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, path: str, here: Side
) -> None:
    rename(here, "Dataset", dataset.id, "another name")
    again = packed(omero, store, place, (dataset,), Form.EXPANDED)
    (told,) = words(between(store, path, again))
    assert told.endswith("name 'noise' -> 'another name'")


def test_snapshots_of_two_servers_are_compared_by_name(
    store: IrodsStore, place: str, path: str, there: Side
) -> None:
    loaded = unpacked(store, path, there)
    (target,) = loaded.objects.values()
    server = there.receiver.server
    assert isinstance(server, OmeroImageServer)
    again = packed(server, store, place, tuple(parse_objects([target])), Form.EXPANDED)
    found = between(store, path, again)
    assert found.how is How.NAMES
    assert {one.what for one in found.changes} <= {What.ADDED}, words(found)
    assert all("key-value pairs" in one or "RenderingDef" in one for one in words(found))


# -- what cannot be compared


def test_a_snapshot_that_was_never_loaded_is_not_found(store: IrodsStore, path: str, there: Side) -> None:
    with pytest.raises(NotFound, match="was loaded into it") as refused:
        compared(store, path, there)
    assert "Name the object" in refused.value.hint


def test_a_named_object_is_compared_by_names(store: IrodsStore, path: str, there: Side) -> None:
    loaded = unpacked(store, path, there)
    (target,) = loaded.objects.values()
    there.receiver.book.forget(loaded.load)
    found = compared(store, path, there, target)
    assert found.how is How.NAMES
    assert found.counts["Image"] == 3
    assert {one.what for one in found.changes} <= {What.ADDED}, words(found)


def test_an_object_of_another_kind_is_refused(store: IrodsStore, path: str, there: Side) -> None:
    with pytest.raises(UsageError, match="only Dataset:"):
        compared(store, path, there, "Project:5")


def test_an_object_that_is_not_there_is_not_found(store: IrodsStore, path: str, there: Side) -> None:
    with pytest.raises(NotFound, match="no Dataset:12345"):
        compared(store, path, there, "Dataset:12345")
