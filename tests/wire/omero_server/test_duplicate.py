"""Duplicate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import omero
import omero.cmd
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    annotate,
    fileset,
    image,
    link,
    message,
    new,
    owner_of,
    plate,
    refused,
    roi,
)

Gateway = Any


def _duplicate(gateway: Gateway, kind: str, id_: int, **options: Any) -> dict[str, list[int]]:
    response = content.submit(gateway, _request(kind, id_, **options))
    assert isinstance(response, omero.cmd.DuplicateResponse), content.failure(response)
    return content.simple(response.duplicates)


def _request(kind: str, id_: int, **options: Any) -> Any:
    return omero.cmd.Duplicate(targetObjects={kind: [id_]}, **options)


def test_a_dataset_is_duplicated_with_all_in_it(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset", "name of it")
    image_id = image(gateway, "image of it", dataset=dataset)
    roi(gateway, image_id, shapes=2)
    tag = annotate(gateway, ("Image", image_id), "TagAnnotation", textValue=rstring("t"))

    made = _duplicate(gateway, "Dataset", dataset)

    copy = gateway.getObject("Dataset", made["Dataset"][0])
    assert copy.getName() == "name of it"
    (child,) = copy.listChildren()
    assert (child.getName(), child.getId()) == ("image of it", made["Image"][0])
    assert child.getPrimaryPixels().getSizeX() == 2
    assert len(child.getROIs()[0].copyShapes()) == 2
    (copied_tag,) = child.listAnnotations()
    assert copied_tag.getId() != tag
    assert copied_tag.getValue() == "t"


def test_pairs_of_a_map_keep_their_order_and_their_repetitions(gateway: Gateway) -> None:
    pairs = [["b", "1"], ["a", "2"], ["b", "3"]]
    values = [omero.model.NamedValue(name, value) for name, value in pairs]
    made = content.annotation(gateway, "MapAnnotation", mapValue=values)

    copy = _duplicate(gateway, "Annotation", made)["MapAnnotation"][0]

    assert gateway.getObject("MapAnnotation", copy).getValue() == [tuple(pair) for pair in pairs]


def test_a_plate_is_duplicated_with_wells_fields_and_images(gateway: Gateway) -> None:
    plate_id, _well, _sample = plate(gateway, image(gateway))
    made = _duplicate(gateway, "Plate", plate_id)
    copy = gateway.getObject("Plate", made["Plate"][0])
    (well,) = copy.listChildren()
    assert well.getImage().getId() == made["Image"][0]


def test_duplicates_belong_to_the_caller(
    server: OmeroServer, make_group: Any, make_user: Any, connect: Any
) -> None:
    group = make_group("rwr---")
    mine, others = (connect(make_user(group)) for _ in range(2))
    dataset = new(others, "Dataset")

    made = _duplicate(mine, "Dataset", dataset)

    assert owner_of(server, "Dataset", made["Dataset"][0]) == mine.getUserId()


def test_only_the_image_owners_settings_are_duplicated(
    server: OmeroServer, make_group: Any, make_user: Any, connect: Any
) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    image_id = image(mine)
    pixels_id = server.store.database.value('select id from "Pixels" where image_id = ?', image_id)
    for owner in (mine.getUserId(), others.getUserId()):
        owned = {"owner_id": owner, "group_id": group.id}
        with server.store.work(server.internal_caller()) as work:
            quantum = work.insert("QuantumDef", **owned)
            work.insert("RenderingDef", **owned, pixels_id=pixels_id, quantization_id=quantum)

    made = _duplicate(mine, "Image", image_id)

    assert (len(made["RenderingDef"]), len(made["QuantumDef"])) == (1, 1)


def test_part_of_a_fileset_is_not_duplicated(gateway: Gateway) -> None:
    files = fileset(gateway)
    first, second = image(gateway, fileset=files), image(gateway, fileset=files)
    assert message(refused(gateway, _request("Image", first))) == (
        f"within Fileset[{files}] may not duplicate Image[{first}] without Image[{second}] also"
    )


def _managed_fileset(server: OmeroServer, gateway: Gateway) -> tuple[int, Path]:
    """An image with a fileset of one file in the managed repository: its id, and where the file is."""
    owned = {"owner_id": gateway.getUserId(), "group_id": gateway.getEventContext().groupId}
    files = fileset(gateway)
    image_id = image(gateway, fileset=files)
    folder = f"tests_{files}/2020/01-01"
    with server.store.work(server.internal_caller()) as work:
        file_id = work.insert(
            "OriginalFile", **owned, name="a.tif", path=f"{folder}/", repo=server.storage.managed_uuid, size=3
        )
        work.insert("FilesetEntry", **owned, fileset_id=files, originalFile_id=file_id, clientPath="a.tif")
        work.update("Fileset", files, templatePrefix=f"{folder}/")
    path = server.storage.path_by_id(file_id)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    return image_id, path


def test_files_of_the_repository_get_a_second_name(server: OmeroServer, gateway: Gateway) -> None:
    image_id, path = _managed_fileset(server, gateway)

    made = _duplicate(gateway, "Image", image_id)

    copy = server.storage.path_by_id(made["OriginalFile"][0])
    assert copy != path
    assert copy.samefile(path)
    row = server.store.row("Fileset", made["Fileset"][0])
    assert row is not None
    assert str(copy.parent).endswith(row["templatePrefix"].rstrip("/"))
    content.delete(gateway, {"Image": [image_id]})
    assert copy.read_bytes() == b"abc"


def test_other_files_are_copied(server: OmeroServer, gateway: Gateway) -> None:
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    shown = content.annotation(gateway, "FileAnnotation", file=content.ref("OriginalFile", file_id))

    made = _duplicate(gateway, "Annotation", shown)

    copy = server.storage.path_by_id(made["OriginalFile"][0])
    assert copy.read_bytes() == b"abc"
    assert not copy.samefile(server.storage.path_by_id(file_id))


def test_referenced_types_are_shared_and_ignored_ones_left_out(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")

    shared = _duplicate(gateway, "Dataset", dataset, typesToReference=["Annotation"])
    without = _duplicate(gateway, "Dataset", dataset, typesToIgnore=["IAnnotationLink"])

    (found,) = gateway.getObject("Dataset", shared["Dataset"][0]).listAnnotations()
    assert found.getId() == tag
    assert without.keys() == {"Dataset"}


def test_the_most_specific_class_decides(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    annotate(gateway, ("Dataset", dataset), "CommentAnnotation")

    made = _duplicate(
        gateway, "Dataset", dataset, typesToIgnore=["Annotation"], typesToDuplicate=["TagAnnotation"]
    )

    assert made.keys() == {"Dataset", "DatasetAnnotationLink", "TagAnnotation"}


def test_a_class_is_named_once(gateway: Gateway) -> None:
    request = _request(
        "Dataset", new(gateway, "Dataset"), typesToIgnore=["Image"], typesToDuplicate=["Image"]
    )
    assert refused(gateway, request).name == "bad-class"


def test_a_dry_run_makes_nothing(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    before = server.store.database.value('select count(*) from "Dataset"')
    assert _duplicate(gateway, "Dataset", dataset, dryRun=True) == {"Dataset": [dataset]}
    assert server.store.database.value('select count(*) from "Dataset"') == before


def test_objects_of_another_group_than_that_of_the_call_are_not_seen(
    make_group: Any, make_user: Any, connect: Any
) -> None:
    first, second = make_group(), make_group()
    gateway = connect(make_user(first, second), first)
    elsewhere = content.save(gateway, content.named("Dataset"), group=second.id).id.val
    assert "cannot read all" in message(refused(gateway, _request("Dataset", elsewhere)))


@pytest.mark.parametrize("kind", ["Session", "Event"])
def test_what_is_the_systems_is_no_target(kind: str, gateway: Gateway) -> None:
    assert refused(gateway, _request(kind, 1)).name == "bad-target"


def test_links_between_duplicates_join_the_duplicates(gateway: Gateway) -> None:
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    link(gateway, ("Project", project), ("Dataset", dataset))
    made = _duplicate(gateway, "Project", project)
    (child,) = gateway.getObject("Project", made["Project"][0]).listChildren()
    assert child.getId() == made["Dataset"][0] != dataset
