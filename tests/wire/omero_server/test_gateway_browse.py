"""The unmodified BlitzGateway looks around: objects of every kind, pages, containers, parents, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import omero
import omero.gateway
import pytest
from omero.gateway import KNOWN_WRAPPERS
from omero.rtypes import rbool, rdouble, rlong, rstring, rtime

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User
from tests.wire.omero_server.images import fake_image, import_image, made_image, ramp
from tests.wire.omero_server.plates import Plated, plated

ANNOTATIONS: Final[Mapping[str, dict[str, Any]]] = {
    "booleanannotation": {"boolValue": rbool(True)},
    "commentannotation": {"textValue": rstring("c")},
    "doubleannotation": {"doubleValue": rdouble(0.5)},
    "longannotation": {"longValue": rlong(5)},
    "mapannotation": {},
    "tagannotation": {"textValue": rstring("t")},
    "termannotation": {"termValue": rstring("t")},
    "timestampannotation": {"timeValue": rtime(0)},
}
_CLASS_NAMES: Final = {f"{name.lower()}": name for name in dir(omero.model) if name.endswith("Annotation")}


def of_each_kind(gateway: Gateway, user: User, folder: Path) -> Mapping[str, int]:
    """An object for each word that ``getObject`` takes."""
    on_plate = plated(gateway)
    image = fake_image(gateway, folder, "&sizeX=8&sizeY=8")
    roi = content.roi(gateway, image.getId())
    [shape] = gateway.getRoiService().findByRoi(roi, None).rois[0].copyShapes()
    (folder / "a.txt").write_text("a")
    file_annotation = gateway.createFileAnnfromLocalFile(str(folder / "a.txt"))
    made = {
        kind: content.annotation(gateway, _CLASS_NAMES[kind], **fields)
        for kind, fields in ANNOTATIONS.items()
    }
    return made | {
        "project": content.new(gateway, "Project"),
        "dataset": content.new(gateway, "Dataset"),
        "image": image.getId(),
        "fileset": image.getFileset().getId(),
        "originalfile": file_annotation.getFile().getId(),
        "fileannotation": file_annotation.getId(),
        "annotation": file_annotation.getId(),
        "roi": roi,
        "shape": shape.id.val,
        "screen": on_plate.screen,
        "plate": on_plate.plate,
        "plateacquisition": on_plate.run,
        "acquisition": on_plate.run,
        "well": on_plate.wells[0],
        "experimenter": user.id,
        "experimentergroup": user.group_id,
    }


def ids(objects: Any) -> list[int]:
    """In the order they came."""
    return [one.getId() for one in objects]


@pytest.fixture
def screen(gateway: Gateway) -> Plated:
    return plated(gateway)


# -- objects of every kind


def test_objects_of_every_kind_are_found_by_id(gateway: Gateway, user: User, tmp_path: Path) -> None:
    made = of_each_kind(gateway, user, tmp_path)
    assert made.keys() == KNOWN_WRAPPERS.keys()
    for kind, id_ in made.items():
        assert gateway.getObject(kind, id_).getId() == id_, kind
        assert gateway.getObject(kind, id_ + 1_000_000) is None, kind


def test_objects_of_every_kind_are_listed(gateway: Gateway, user: User, tmp_path: Path) -> None:
    for kind, id_ in of_each_kind(gateway, user, tmp_path).items():
        assert ids(gateway.getObjects(kind, [id_, id_ + 1_000_000])) == [id_], kind
        assert id_ in ids(gateway.getObjects(kind)), kind


def test_objects_of_every_kind_are_counted(gateway: Gateway, user: User, tmp_path: Path) -> None:
    for kind in of_each_kind(gateway, user, tmp_path):
        query, parameters = gateway.buildCountQuery(kind, opts={"owner": user.id})
        [[count]] = gateway.getQueryService().projection(query, parameters, gateway.SERVICE_OPTS)
        assert count.val == len(list(gateway.getObjects(kind, opts={"owner": user.id}))), kind


def test_objects_come_in_the_order_asked_for(gateway: Gateway) -> None:
    first, second, third = (content.new(gateway, "Dataset", name) for name in ("b", "C", "a"))
    asked = [third, first, second]
    assert ids(gateway.getObjects("Dataset", asked, respect_order=True)) == asked
    by_name = gateway.getObjects("Dataset", opts={"order_by": "lower(obj.name)"})
    assert ids(by_name) == [third, first, second]


def test_pages_do_not_overlap_and_miss_nothing(gateway: Gateway) -> None:
    made = [content.new(gateway, "Dataset", f"d{n}") for n in range(7)]
    pages = [
        ids(gateway.getObjects("Dataset", opts={"limit": 3, "offset": offset, "order_by": "obj.id"}))
        for offset in (0, 3, 6, 9)
    ]
    assert pages == [made[:3], made[3:6], made[6:], []]


def test_objects_by_their_attributes(gateway: Gateway) -> None:
    content.new(gateway, "Dataset", "one")
    second = content.new(gateway, "Dataset", "two", description=rstring("d"))
    assert ids(gateway.getObjects("Dataset", attributes={"name": "two", "description": "d"})) == [second]
    assert gateway.getObject("Dataset", attributes={"name": "three"}) is None


def test_more_than_one_is_not_one(gateway: Gateway) -> None:
    for _ in range(2):
        content.new(gateway, "Dataset", "twice")
    with pytest.raises(omero.ApiUsageException):
        gateway.getObject("Dataset", attributes={"name": "twice"})


def test_objects_by_their_owner(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwr---")
    first, second = make_user(group), make_user(group)
    made = {user.id: content.new(connect(user), "Dataset") for user in (first, second)}
    viewer = connect(first)
    assert sorted(ids(viewer.getObjects("Dataset"))) == sorted(made.values())
    for user_id, dataset in made.items():
        assert ids(viewer.getObjects("Dataset", opts={"owner": user_id})) == [dataset]


# -- containers


def test_what_is_in_what(gateway: Gateway) -> None:
    project, dataset = content.new(gateway, "Project"), content.new(gateway, "Dataset")
    content.link(gateway, ("Project", project), ("Dataset", dataset))
    image, orphan, loose = (
        content.image(gateway, dataset=dataset),
        content.image(gateway),
        content.new(gateway, "Dataset"),
    )
    filters = {
        ("Dataset", "project", project): [dataset],
        ("Dataset", "image", image): [dataset],
        ("Dataset", "orphaned", True): [loose],
        ("Image", "dataset", dataset): [image],
        ("Image", "orphaned", True): [orphan],
        ("Project", "dataset", dataset): [project],
    }
    for (kind, key, value), expected in filters.items():
        assert ids(gateway.getObjects(kind, opts={key: value})) == expected, (kind, key)
    assert ids(gateway.listOrphans("Dataset")) == [loose]
    assert ids(gateway.listOrphans("Image", loadPixels=True)) == [orphan]


def test_down_and_up_again(gateway: Gateway) -> None:
    project, dataset = content.new(gateway, "Project"), content.new(gateway, "Dataset")
    content.link(gateway, ("Project", project), ("Dataset", dataset))
    image_id = content.image(gateway, dataset=dataset)
    [found_project] = gateway.listProjects()
    [found_dataset] = found_project.listChildren()
    [image] = found_dataset.listChildren()
    assert (found_project.getId(), found_dataset.getId(), image.getId()) == (project, dataset, image_id)
    assert (found_project.countChildren(), found_dataset.countChildren()) == (1, 1)
    assert ids(image.getAncestry()) == [dataset, project]
    assert image.getProject().getId() == project
    [link] = image.getParentLinks()
    assert (link.parent.id.val, link.child.id.val) == (dataset, image_id)


def test_a_screen_has_plates_with_wells_with_images(gateway: Gateway, screen: Plated) -> None:
    [found] = gateway.listScreens()
    [plate] = found.listChildren()
    assert (found.getId(), plate.getId(), plate.getGridSize()) == (
        screen.screen,
        screen.plate,
        {"rows": 1, "columns": 2},
    )
    [row] = plate.getWellGrid()
    assert [(well.getWellPos(), well.getImage().getId()) for well in row] == [
        ("A1", screen.images[0]),
        ("A2", screen.images[1]),
    ]
    assert plate.getNumberOfFields() == (0, 0)
    assert ids(plate.listPlateAcquisitions()) == [screen.run]
    assert plate.getParent().getId() == screen.screen


def test_a_well_knows_where_it_belongs(gateway: Gateway, screen: Plated) -> None:
    well = gateway.getObject("Well", screen.wells[1])
    assert well.getParent().getId() == screen.plate
    assert ids(well.getScreens()) == [screen.screen]
    assert well.countWellSample() == 1
    field = well.getWellSample()
    assert field.getPlateAcquisition().getId() == screen.run
    assert field.getParent().getId() == screen.wells[1]
    image = gateway.getObject("Image", screen.images[1])
    assert image.getPlate().getId() == screen.plate


def test_wells_come_with_as_much_as_asked_for(gateway: Gateway, screen: Plated) -> None:
    wanted = {"plate": screen.plate, "plateacquisition": screen.run, "load_channels": True}
    wells = list(gateway.getObjects("Well", opts={**wanted, "order_by": "obj.column"}))
    assert ids(wells) == screen.wells
    for well, image in zip(wells, screen.images, strict=True):
        [field] = well._obj.copyWellSamples()
        assert field.image.id.val == image
        assert field.image.getPrimaryPixels().copyChannels()[0].logicalChannel.isLoaded()


def test_plates_and_screens_by_each_other(gateway: Gateway, screen: Plated) -> None:
    orphan = content.new(gateway, "Plate")
    filters = {
        ("Plate", "screen", screen.screen): [screen.plate],
        ("Plate", "well", screen.wells[0]): [screen.plate],
        ("Plate", "orphaned", True): [orphan],
        ("Screen", "plate", screen.plate): [screen.screen],
    }
    for (kind, key, value), expected in filters.items():
        assert ids(gateway.getObjects(kind, opts={key: value})) == expected, (kind, key)
    assert ids(gateway.listOrphans("Plate")) == [orphan]


# -- images


def test_an_image_tells_its_sizes_channels_and_files(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=12&sizeY=10&sizeZ=3&sizeC=2&sizeT=4&physicalSizeX=0.5")
    assert (image.getSizeX(), image.getSizeY(), image.getSizeZ(), image.getSizeC(), image.getSizeT()) == (
        12,
        10,
        3,
        2,
        4,
    )
    assert image.getPixelsType() == "uint8"
    assert (image.getPixelSizeX(units=True).getValue(), image.getPixelSizeX(units=True).getSymbol()) == (
        0.5,
        "µm",
    )
    assert len(image.getChannels()) == 2
    assert [channel.isActive() for channel in image.getChannels()] == [True, True]
    assert (image.countImportedImageFiles(), image.countFilesetFiles()) == (1, 1)
    [file] = image.getImportedImageFiles()
    assert file.getName() == image.getName()
    assert (image.getImportedImageFilePaths()["server_paths"][0]).endswith(f"/{image.getName()}")
    assert image.getAuthor().split() == ["Test", image.getOwnerOmeName()]


def test_a_fileset_has_images_and_files(gateway: Gateway, tmp_path: Path) -> None:
    fileset = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8&series=3").getFileset()
    assert len(fileset.copyImages()) == 3
    assert [file.getSize() for file in fileset.listFiles()] == [0]
    found = gateway.getFilesetFilesInfo(ids(fileset.copyImages()))
    assert (found["fileset"], found["count"]) == (True, 1)


def test_pixels_and_thumbnail_of_an_image_made_of_an_array(gateway: Gateway) -> None:
    planes = ramp(2, 1, 2, 6, 8)
    image = made_image(gateway, planes)
    pixels = image.getPrimaryPixels()
    assert np.array_equal(pixels.getPlane(1, 0, 1), planes[1, 0, 1])
    assert np.array_equal(pixels.getTile(0, 0, 1, (2, 1, 3, 4)), planes[1, 0, 0, 1:5, 2:5])
    assert image.getThumbnail(16)[:2] == b"\xff\xd8"
    assert image.renderImage(0, 0).size == (8, 6)
    assert image.getPixelRange() == (0, 65535)


def test_thumbnails_of_many_images_come_in_one_answer(gateway: Gateway, tmp_path: Path) -> None:
    images = [fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8").getId() for _ in range(2)]
    thumbnails = gateway.getThumbnailSet(images, max_size=32)
    assert {id_: data[:2] for id_, data in thumbnails.items()} == dict.fromkeys(images, b"\xff\xd8")


def test_the_bytes_of_an_import_come_back(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    omero.gateway.Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(path)
    [file] = import_image(gateway, path).getImportedImageFiles()
    assert b"".join(file.getFileInChunks()) == path.read_bytes()


def test_images_by_the_time_of_their_acquisition(gateway: Gateway) -> None:
    second, first, _third = (_acquired(gateway, when) for when in (2_000, 1_000, 3_000))
    assert ids(gateway.timelineListImages(tto=2_500)) == [second, first]
    assert len(ids(gateway.timelineListImages(limit=2))) == 2


def _acquired(gateway: Gateway, when_ms: int) -> int:
    return content.new(gateway, "Image", acquisitionDate=rtime(when_ms))


# -- names and descriptions


@pytest.mark.parametrize("kind", ["Project", "Dataset", "Screen", "Plate", "Image"])
def test_what_is_renamed_keeps_the_rest(gateway: Gateway, kind: str) -> None:
    dataset = content.new(gateway, "Dataset")
    made = content.image(gateway, dataset=dataset) if kind == "Image" else content.new(gateway, kind)
    content.annotate(gateway, (kind, made), "TagAnnotation", textValue=rstring("t"))
    one = gateway.getObject(kind, made)
    one.setName("new name Σ ñ")
    one.setDescription("what for")
    one.save()
    again = gateway.getObject(kind, made)
    assert (again.getName(), again.getDescription()) == ("new name Σ ñ", "what for")
    assert len(list(again.listAnnotations())) == 1
    assert kind != "Image" or again.getParent().getId() == dataset


# -- moving and deleting


def test_the_gateway_deletes_moves_and_gives_away(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group], root: Gateway
) -> None:
    first, second = make_group("rwrw--"), make_group("rwrw--")
    user, other = make_user(first, second), make_user(first, second)
    gateway = connect(user)
    gone, moved, given = (content.new(gateway, "Dataset") for _ in range(3))
    gateway.deleteObjects("Dataset", [gone], wait=True)
    _done(gateway, gateway.chgrpObjects("Dataset", [moved], second.id))
    _done(root, root.chownObjects("Dataset", [given], other.id))
    gateway.SERVICE_OPTS.setOmeroGroup("-1")
    assert gateway.getObject("Dataset", gone) is None
    assert gateway.getObject("Dataset", moved).details.group.id.val == second.id
    assert gateway.getObject("Dataset", given).details.owner.id.val == other.id


def _done(gateway: Gateway, handle: Any) -> None:
    """Wait for a request; fail as it did."""
    gateway._waitOnCmd(handle)
    handle.close()


def test_a_deleted_project_leaves_its_datasets_unless_told_otherwise(gateway: Gateway) -> None:
    for with_children in (False, True):
        project, dataset = content.new(gateway, "Project"), content.new(gateway, "Dataset")
        content.link(gateway, ("Project", project), ("Dataset", dataset))
        gateway.deleteObjects("Project", [project], deleteChildren=with_children, wait=True)
        assert gateway.getObject("Project", project) is None
        assert (gateway.getObject("Dataset", dataset) is None) is with_children
