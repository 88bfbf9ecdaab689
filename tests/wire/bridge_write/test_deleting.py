"""Just what is named goes, with what only it holds; the rest stays."""

from __future__ import annotations

from typing import Any

import pytest

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, UsageError
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import LogIn
from tests.wire.omero_server import content
from tests.wire.omero_server.content import exists, image, link, new
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any


@pytest.fixture
def tree(gateway: Gateway) -> dict[str, int]:
    """A project, a dataset in it, an image with a ROI and a comment in that, and a tag on the dataset."""
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    link(gateway, ("Project", project), ("Dataset", dataset))
    inside = image(gateway, dataset=dataset)
    return {
        "Project": project,
        "Dataset": dataset,
        "Image": inside,
        "Roi": content.roi(gateway, inside),
        "Annotation": content.annotate(gateway, ("Dataset", dataset), "TagAnnotation"),
    }


def left(server: OmeroServer, tree: dict[str, int]) -> set[str]:
    return {kind for kind, id_ in tree.items() if exists(server, kind, id_)}


@pytest.mark.parametrize(
    ("named", "stays"),
    [
        (["Project"], {"Dataset", "Image", "Roi", "Annotation"}),
        (["Dataset"], {"Project", "Image", "Roi"}),
        (["Project", "Dataset"], {"Image", "Roi"}),
        (["Image"], {"Project", "Dataset", "Annotation"}),
        (["Project", "Image"], {"Dataset", "Annotation"}),
        (["Project", "Dataset", "Image"], set()),
    ],
)
def test_contents_that_are_not_named_stay(
    server: OmeroServer, writer: OmeroGraphWriter, tree: dict[str, int], named: list[str], stays: set[str]
) -> None:
    writer.delete({kind: [tree[kind]] for kind in named})
    assert left(server, tree) == stays


def test_plates_of_a_screen_and_images_of_a_plate_stay(
    server: OmeroServer, writer: OmeroGraphWriter, gateway: Gateway
) -> None:
    inside = image(gateway)
    plate, well, field = content.plate(gateway, inside)
    screen = new(gateway, "Screen")
    link(gateway, ("Screen", screen), ("Plate", plate))
    writer.delete({"Screen": [screen]})
    assert exists(server, "Plate", plate)
    writer.delete({"Plate": [plate]})
    assert not exists(server, "Well", well)
    assert not exists(server, "WellSample", field)
    assert exists(server, "Image", inside)


def test_folders_in_a_folder_and_what_is_in_them_stay(
    server: OmeroServer, writer: OmeroGraphWriter, gateway: Gateway
) -> None:
    above = new(gateway, "Folder")
    below = new(gateway, "Folder", parentFolder=content.ref("Folder", above))
    inside = image(gateway)
    link(gateway, ("Folder", above), ("Image", inside))
    writer.delete({"Folder": [above]})
    assert exists(server, "Folder", below)
    assert exists(server, "Image", inside)


def test_a_fileset_goes_with_its_images_and_files_and_a_foreign_image_beside_it_stays(
    server: OmeroServer, writer: OmeroGraphWriter, gateway: Gateway, tmp_path: Any
) -> None:
    main = tmp_path / "a&series=2.fake"
    main.write_bytes(b"fake")
    imported = image_ids(import_files(gateway.c, [main]))
    fileset = gateway.getObject("Image", imported[0]).getFileset().getId()
    dataset = new(gateway, "Dataset")
    foreign = image(gateway, dataset=dataset)
    for one in imported:
        link(gateway, ("Dataset", dataset), ("Image", one))
    writer.delete({"Fileset": [fileset], "Dataset": [dataset]})
    assert not any(exists(server, "Image", one) for one in imported)
    assert not exists(server, "Fileset", fileset)
    assert exists(server, "Image", foreign)


def test_kept_classes_go_only_when_they_are_named(
    server: OmeroServer, writer: OmeroGraphWriter, tree: dict[str, int]
) -> None:
    writer.delete({"Dataset": [tree["Dataset"]]}, keep=["TagAnnotation"])
    assert "Annotation" in left(server, tree)
    writer.delete({"TagAnnotation": [tree["Annotation"]]}, keep=["TagAnnotation"])
    assert "Annotation" not in left(server, tree)


def test_deleting_again_is_done_already_and_sends_nothing(
    server: OmeroServer, writer: OmeroGraphWriter, tree: dict[str, int]
) -> None:
    targets = {"Dataset": [tree["Dataset"], 987654], "Project": [tree["Project"]], "Screen": []}
    writer.delete(targets)
    server.counters.reset()
    writer.delete(targets)
    assert "ServiceFactory.submit" not in server.counters.all_calls()
    assert left(server, tree) == {"Image", "Roi"}


def test_all_classes_go_in_one_request(
    server: OmeroServer, writer: OmeroGraphWriter, tree: dict[str, int]
) -> None:
    server.counters.reset()
    writer.delete({"Project": [tree["Project"]], "Dataset": [tree["Dataset"]], "Image": [tree["Image"]]})
    assert server.counters.all_calls()["ServiceFactory.submit"] == 1


def test_what_another_one_owns_stays_and_with_it_all_of_the_request(
    server: OmeroServer, connect: Any, connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group("rwr---")
    mine, other = make_user(group), make_user(group)
    foreign, own = new(connect(other), "Dataset"), new(connect(mine), "Dataset")
    with pytest.raises(AccessDenied, match=f"did not delete Dataset:{foreign}"):
        OmeroGraphWriter(connect_as(mine)).delete({"Dataset": [foreign, own]})
    assert exists(server, "Dataset", foreign)
    assert exists(server, "Dataset", own)


def test_part_of_a_fileset_is_refused_with_what_omero_says(
    server: OmeroServer, writer: OmeroGraphWriter, gateway: Gateway
) -> None:
    fileset = content.fileset(gateway)
    one, two = image(gateway, fileset=fileset), image(gateway, fileset=fileset)
    with pytest.raises(BridgeError, match="while"):
        writer.delete({"Image": [one]})
    assert exists(server, "Image", one)
    writer.delete({"Image": [one, two]})
    assert not exists(server, "Fileset", fileset)


def test_what_goes_between_the_look_and_the_request_is_no_error(
    server: OmeroServer, writer: OmeroGraphWriter, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process deletes one of them just before our request arrives."""
    from omero_irods_bridge.adapters.omero import deleting

    first, second = new(gateway, "Dataset"), new(gateway, "Dataset")
    look = deleting._present
    looks: list[dict[str, list[int]]] = []

    def look_and_lose(connection: OmeroConnection, objects: Any) -> dict[str, list[int]]:
        looks.append(look(connection, objects))
        if len(looks) == 1:
            content.delete(gateway, {"Dataset": [first]})
        return looks[-1]

    monkeypatch.setattr(deleting, "_present", look_and_lose)
    writer.delete({"Dataset": [first, second]})
    assert not exists(server, "Dataset", second)


def test_a_class_that_there_is_not_is_named(writer: OmeroGraphWriter) -> None:
    with pytest.raises(UsageError, match="'Flavour'"):
        writer.delete({"Flavour": [1]})
