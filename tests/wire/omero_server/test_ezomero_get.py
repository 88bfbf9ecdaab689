"""ezomero's ``get_*`` functions, unmodified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import pytest
from ezomero import rois
from omero.rtypes import rstring

from tests.wire.omero_server import content, import_client
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User
from tests.wire.omero_server.ezomero_coverage import covers
from tests.wire.omero_server.plates import Plated, plated

NS = "tests/ezomero"

SHAPES = (
    rois.Point(1.5, 2.0, z=1, label="a point", fill_color=(1, 2, 3, 4), stroke_color=(255, 128, 0, 255)),
    rois.Line(0.0, 1.0, 2.0, 3.0, c=1, markerStart="Arrow", markerEnd="Arrow", stroke_width=3.5),
    rois.Rectangle(1.0, 2.0, 3.0, 4.0, t=2),
    rois.Ellipse(5.0, 6.0, 1.0, 2.0),
    rois.Polygon([(0.0, 0.0), (4.5, 0.0), (4.0, 4.0)]),
    rois.Polyline([(0.0, 0.0), (1.0, 1.5)]),
    rois.Label(1.0, 2.0, "a label", 12.0),
)
_DEFAULTS = {"fill_color": (0, 0, 0, 0), "stroke_color": (255, 255, 0, 255), "stroke_width": 1.0}


def as_read(shape: Any) -> dict[str, Any]:
    """The fields of a shape after ezomero wrote it: it fills in colours and width."""
    filled = {name: value for name, value in vars(shape).items() if value is not None}
    return _DEFAULTS | filled


@pytest.fixture
def screen(gateway: Gateway) -> Plated:
    return plated(gateway)


@pytest.fixture
def imported(gateway: Gateway, tmp_path: Path) -> Callable[[str], list[int]]:
    """Import a file of this name; the images in order of their series."""

    def run(name: str) -> list[int]:
        path = tmp_path / name
        path.touch()
        return import_client.image_ids(import_client.import_files(gateway.c, [path]))

    return run


def annotated(gateway: Gateway, kind: str) -> tuple[int, int]:
    """An object of this kind and the tag on it."""
    made = content.image(gateway) if kind == "Image" else content.new(gateway, kind)
    return made, content.annotate(gateway, (kind, made), "TagAnnotation", textValue=rstring("t"))


# -- containers


@covers(ezomero.get_image_ids)
def test_images_by_container_or_without_one(gateway: Gateway, screen: Plated) -> None:
    project, dataset = content.new(gateway, "Project"), content.new(gateway, "Dataset")
    content.link(gateway, ("Project", project), ("Dataset", dataset))
    image, orphan = content.image(gateway, dataset=dataset), content.image(gateway)
    tag = content.annotate(gateway, ("Image", image), "TagAnnotation", textValue=rstring("t"))
    assert ezomero.get_image_ids(gateway) == [orphan]
    assert ezomero.get_image_ids(gateway, project=project) == [image]
    assert ezomero.get_image_ids(gateway, dataset=dataset) == [image]
    assert ezomero.get_image_ids(gateway, annotation=tag) == [image]
    assert sorted(ezomero.get_image_ids(gateway, plate=screen.plate)) == screen.images
    assert ezomero.get_image_ids(gateway, well=screen.wells[1]) == [screen.images[1]]
    assert sorted(ezomero.get_image_ids(gateway, plate_acquisition=screen.run)) == screen.images


@covers(ezomero.get_project_ids)
def test_projects_all_or_by_annotation(gateway: Gateway) -> None:
    project, tag = annotated(gateway, "Project")
    other = content.new(gateway, "Project")
    assert sorted(ezomero.get_project_ids(gateway)) == [project, other]
    assert ezomero.get_project_ids(gateway, annotation=tag) == [project]


@covers(ezomero.get_dataset_ids)
def test_datasets_by_project_or_annotation_or_without_project(gateway: Gateway) -> None:
    project, inside = content.new(gateway, "Project"), content.new(gateway, "Dataset")
    content.link(gateway, ("Project", project), ("Dataset", inside))
    orphan, tag = annotated(gateway, "Dataset")
    assert ezomero.get_dataset_ids(gateway, project=project) == [inside]
    assert ezomero.get_dataset_ids(gateway, annotation=tag) == [orphan]
    assert ezomero.get_dataset_ids(gateway) == [orphan]


@covers(ezomero.get_dataset_ids)
def test_across_groups_is_across_groups(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    gateway = connect(make_user(first, second))
    here = content.new(gateway, "Dataset")
    there = int(content.save(gateway, content.named("Dataset"), second.id).id.val)
    assert sorted(ezomero.get_dataset_ids(gateway)) == [here, there]
    assert ezomero.get_dataset_ids(gateway, across_groups=False) == [here]


@covers(ezomero.get_screen_ids)
def test_screens_all_or_by_annotation(gateway: Gateway) -> None:
    screen, tag = annotated(gateway, "Screen")
    other = content.new(gateway, "Screen")
    assert sorted(ezomero.get_screen_ids(gateway)) == [screen, other]
    assert ezomero.get_screen_ids(gateway, annotation=tag) == [screen]


@covers(ezomero.get_plate_ids)
def test_plates_by_screen_or_annotation_or_without_screen(gateway: Gateway, screen: Plated) -> None:
    orphan, tag = annotated(gateway, "Plate")
    assert ezomero.get_plate_ids(gateway, screen=screen.screen) == [screen.plate]
    assert ezomero.get_plate_ids(gateway, annotation=tag) == [orphan]
    assert ezomero.get_plate_ids(gateway) == [orphan]


@covers(ezomero.get_well_ids)
def test_wells_by_screen_plate_or_annotation(gateway: Gateway, screen: Plated) -> None:
    tag = content.annotate(gateway, ("Well", screen.wells[0]), "TagAnnotation", textValue=rstring("t"))
    assert sorted(ezomero.get_well_ids(gateway, screen=screen.screen)) == screen.wells
    assert sorted(ezomero.get_well_ids(gateway, plate=screen.plate)) == screen.wells
    assert ezomero.get_well_ids(gateway, annotation=tag) == [screen.wells[0]]


@covers(ezomero.get_plate_acquisition_ids)
def test_runs_by_screen_plate_or_annotation(gateway: Gateway, screen: Plated) -> None:
    run = ("PlateAcquisition", screen.run)
    tag = content.annotate(gateway, run, "TagAnnotation", textValue=rstring("t"))
    for found in ({"screen": screen.screen}, {"plate": screen.plate}, {"annotation": tag}):
        assert ezomero.get_plate_acquisition_ids(gateway, **found) == [screen.run]


@covers(ezomero.get_well_id)
def test_a_well_by_its_place(gateway: Gateway, screen: Plated) -> None:
    assert ezomero.get_well_id(gateway, screen.plate, 0, 1) == screen.wells[1]
    assert ezomero.get_well_id(gateway, screen.plate, 1, 0) is None


# -- pixels


@covers(ezomero.get_image)
def test_an_image_comes_with_its_pixels(gateway: Gateway) -> None:
    pixels = np.arange(5 * 4 * 3 * 2 * 2, dtype=np.uint16).reshape(5, 4, 3, 2, 2)
    image_id = ezomero.post_image(gateway, pixels, "numbers")
    image, whole = ezomero.get_image(gateway, image_id, xyzct=True)
    assert image.getName() == "numbers"
    assert np.array_equal(whole, pixels)
    _image, part = ezomero.get_image(
        gateway, image_id, start_coords=(1, 1, 1, 0, 1), axis_lengths=(3, 2, 2, 2, 1), dim_order="xyzct"
    )
    assert np.array_equal(part, pixels[1:4, 1:3, 1:3, 0:2, 1:2])


@covers(ezomero.get_pyramid_levels)
def test_a_small_image_has_one_level(gateway: Gateway) -> None:
    image = ezomero.post_image(gateway, np.zeros((5, 4, 1, 1, 1), np.uint8), "small")
    assert ezomero.get_pyramid_levels(gateway, image) == [(5, 4)]


@covers(ezomero.get_series_index)
def test_the_series_of_an_imported_image(gateway: Gateway, imported: Callable[[str], list[int]]) -> None:
    images = imported("many&sizeX=8&sizeY=8&series=3.fake")
    assert [ezomero.get_series_index(gateway, image) for image in images] == [0, 1, 2]
    assert ezomero.get_series_index(gateway, content.image(gateway)) == -1


@covers(ezomero.get_original_filepaths)
def test_where_the_files_of_an_image_are_and_were(
    gateway: Gateway, imported: Callable[[str], list[int]], tmp_path: Path
) -> None:
    [image] = imported("one&sizeX=8&sizeY=8.fake")
    [stored] = ezomero.get_original_filepaths(gateway, image)
    assert stored.endswith("/one&sizeX=8&sizeY=8.fake")
    came_from = ezomero.get_original_filepaths(gateway, image, fpath="client")
    assert came_from == [str(tmp_path / "one&sizeX=8&sizeY=8.fake")]


# -- ROIs


@covers(ezomero.get_roi_ids)
def test_rois_of_an_image(gateway: Gateway) -> None:
    image = content.image(gateway)
    made = [content.roi(gateway, image), content.roi(gateway, image)]
    content.roi(gateway, content.image(gateway))
    assert sorted(ezomero.get_roi_ids(gateway, image)) == made


@covers(ezomero.get_shape_ids)
def test_shapes_of_a_roi(gateway: Gateway) -> None:
    roi = content.roi(gateway, content.image(gateway), shapes=3)
    assert len(set(ezomero.get_shape_ids(gateway, roi))) == 3
    assert ezomero.get_shape_ids(gateway, roi + 100_000) is None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: type(shape).__name__)
@covers(ezomero.get_shape)
def test_a_shape_of_each_kind_comes_back_as_it_was(gateway: Gateway, shape: Any) -> None:
    roi = ezomero.post_roi(gateway, content.image(gateway), [shape])
    [shape_id] = ezomero.get_shape_ids(gateway, roi)
    found = ezomero.get_shape(gateway, shape_id)
    assert type(found) is type(shape)
    assert as_read(found) == as_read(shape)


# -- annotations


@covers(ezomero.get_map_annotation_ids)
def test_map_annotations_of_an_object_by_namespace(gateway: Gateway) -> None:
    _check_ids_by_namespace(gateway, ezomero.get_map_annotation_ids, "MapAnnotation", {})


@covers(ezomero.get_tag_ids)
def test_tags_of_an_object_by_namespace(gateway: Gateway) -> None:
    _check_ids_by_namespace(gateway, ezomero.get_tag_ids, "TagAnnotation", {"textValue": rstring("t")})


@covers(ezomero.get_comment_annotation_ids)
def test_comments_of_an_object_by_namespace(gateway: Gateway) -> None:
    found = {"textValue": rstring("c")}
    _check_ids_by_namespace(gateway, ezomero.get_comment_annotation_ids, "CommentAnnotation", found)


def _check_ids_by_namespace(
    gateway: Gateway, get: Callable[..., list[int]], kind: str, fields: dict[str, Any]
) -> None:
    dataset = content.new(gateway, "Dataset")
    here, elsewhere = (
        content.annotate(gateway, ("Dataset", dataset), kind, ns=ns, **fields) for ns in (NS, "other")
    )
    content.annotate(gateway, ("Dataset", dataset), "LongAnnotation", ns=NS)
    assert sorted(get(gateway, "Dataset", dataset)) == [here, elsewhere]
    assert get(gateway, "Dataset", dataset, ns=NS) == [here]


@covers(ezomero.get_file_annotation_ids)
def test_files_of_an_object_by_namespace(gateway: Gateway, tmp_path: Path) -> None:
    dataset = content.new(gateway, "Dataset")
    (tmp_path / "notes.txt").write_text("notes")
    made = [
        ezomero.post_file_annotation(gateway, str(tmp_path / "notes.txt"), ns, "Dataset", dataset)
        for ns in (NS, "other")
    ]
    assert sorted(ezomero.get_file_annotation_ids(gateway, "Dataset", dataset)) == made
    assert ezomero.get_file_annotation_ids(gateway, "Dataset", dataset, ns=NS) == made[:1]


@covers(ezomero.get_map_annotation)
def test_pairs_with_a_repeated_key_come_as_a_list(gateway: Gateway) -> None:
    dataset = content.new(gateway, "Dataset")
    pairs = {"gene": ["a", "b"], "stain": "DAPI"}
    made = ezomero.post_map_annotation(gateway, "Dataset", dataset, pairs, NS)
    assert ezomero.get_map_annotation(gateway, made) == pairs


@covers(ezomero.get_tag)
def test_the_text_of_a_tag(gateway: Gateway) -> None:
    made = content.annotation(gateway, "TagAnnotation", textValue=rstring("Σ tag"))
    assert ezomero.get_tag(gateway, made) == "Σ tag"


@covers(ezomero.get_comment_annotation)
def test_the_text_of_a_comment(gateway: Gateway) -> None:
    made = content.annotation(gateway, "CommentAnnotation", textValue=rstring("line 1\nline 2"))
    assert ezomero.get_comment_annotation(gateway, made) == "line 1\nline 2"


@covers(ezomero.get_file_annotation)
def test_an_attached_file_comes_back_byte_for_byte(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(range(256)) * 40)
    made = ezomero.post_file_annotation(gateway, str(tmp_path / "data.bin"), NS)
    (tmp_path / "back").mkdir()
    path = Path(ezomero.get_file_annotation(gateway, made, str(tmp_path / "back")))
    assert path == tmp_path / "back" / "data.bin"
    assert path.read_bytes() == (tmp_path / "data.bin").read_bytes()


@covers(ezomero.get_table)
def test_a_table_comes_back_in_rows(gateway: Gateway) -> None:
    rows = [["n", "size", "name", "is good"], [1, 0.5, "a", True], [2, 1.5, "bcd", False]]
    made = ezomero.post_table(gateway, rows, "Dataset", content.new(gateway, "Dataset"), title="cells")
    assert ezomero.get_table(gateway, made) == rows


# -- people


@covers(ezomero.get_group_id)
def test_a_group_by_its_name(gateway: Gateway, make_group: Callable[..., Group]) -> None:
    group = make_group()
    assert ezomero.get_group_id(gateway, group.name) == group.id
    assert ezomero.get_group_id(gateway, "no such group") is None


@covers(ezomero.get_user_id)
def test_a_user_by_his_name(gateway: Gateway, user: User) -> None:
    assert ezomero.get_user_id(gateway, user.name) == user.id
    assert ezomero.get_user_id(gateway, "nobody") is None
