"""ezomero's ``post_*`` functions, unmodified; what they made is read back through the gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import omero
import pytest
from ezomero import rois

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.ezomero_coverage import covers

NS = "tests/ezomero"


@pytest.fixture
def dataset(gateway: Gateway) -> int:
    return content.new(gateway, "Dataset")


@covers(ezomero.post_project)
def test_a_project_is_made_with_its_description(gateway: Gateway) -> None:
    project = gateway.getObject("Project", ezomero.post_project(gateway, "p", description="what for"))
    assert (project.getName(), project.getDescription()) == ("p", "what for")


@covers(ezomero.post_screen)
def test_a_screen_is_made_with_its_description(gateway: Gateway) -> None:
    screen = gateway.getObject("Screen", ezomero.post_screen(gateway, "s", description="what for"))
    assert (screen.getName(), screen.getDescription()) == ("s", "what for")


@covers(ezomero.post_dataset)
def test_a_dataset_is_made_in_its_project(gateway: Gateway) -> None:
    project = ezomero.post_project(gateway, "p")
    dataset = ezomero.post_dataset(gateway, "d", project_id=project, description="what for")
    [child] = gateway.getObject("Project", project).listChildren()
    assert (child.getId(), child.getName(), child.getDescription()) == (dataset, "d", "what for")


@covers(ezomero.post_dataset)
def test_a_dataset_goes_to_the_group_of_its_project(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    gateway = connect(make_user(first, second))
    project = int(content.save(gateway, content.named("Project"), second.id).id.val)
    dataset = ezomero.post_dataset(gateway, "d", project_id=project)
    assert gateway.getObject("Dataset", dataset).getDetails().group.id.val == second.id


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@covers(ezomero.post_image)
def test_an_image_keeps_its_pixels_and_their_type(gateway: Gateway, dataset: int, dtype: str) -> None:
    pixels = np.arange(7 * 5 * 2, dtype=dtype).reshape(7, 5, 1, 2, 1)
    made = ezomero.post_image(gateway, pixels, "numbers", description="what for", dataset_id=dataset)
    [image] = gateway.getObject("Dataset", dataset).listChildren()
    assert (image.getId(), image.getName(), image.getDescription()) == (made, "numbers", "what for")
    for channel in range(2):
        plane = image.getPrimaryPixels().getPlane(0, channel, 0)
        assert np.array_equal(plane, pixels[:, :, 0, channel, 0].T)


@covers(ezomero.post_image)
def test_an_image_made_from_another_copies_its_channels(gateway: Gateway) -> None:
    source = ezomero.post_image(gateway, np.zeros((4, 4, 1, 3, 1), np.uint8), "source")
    for index, channel in enumerate(gateway.getObject("Image", source).getChannels(noRE=True)):
        logical = channel.getLogicalChannel()
        logical.setName(f"stain {index}")
        logical.save()
    made = ezomero.post_image(
        gateway, np.ones((4, 4, 1, 2, 1), np.uint8), "copy", source_image_id=source, channel_list=[0, 2]
    )
    labels = [channel.getLabel() for channel in gateway.getObject("Image", made).getChannels(noRE=True)]
    assert labels == ["stain 0", "stain 2"]


@covers(ezomero.post_map_annotation)
def test_pairs_keep_their_order_and_repeated_keys(gateway: Gateway, dataset: int) -> None:
    pairs = {"z": 1, "a": ["x", "y"]}
    made = ezomero.post_map_annotation(gateway, "Dataset", dataset, pairs, NS)
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations(ns=NS)
    assert annotation.getId() == made
    assert annotation.getValue() == [("z", "1"), ("a", "x"), ("a", "y")]


@covers(ezomero.post_map_annotation)
def test_what_one_may_only_read_gets_no_annotation(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwr---")
    owner, reader = connect(make_user(group)), connect(make_user(group))
    dataset = content.new(owner, "Dataset")
    with pytest.raises(omero.SecurityViolation, match=f"Dataset:{dataset}"):
        ezomero.post_map_annotation(reader, "Dataset", dataset, {"a": "b"}, NS)
    assert list(owner.getObject("Dataset", dataset).listAnnotations()) == []


@covers(ezomero.post_comment_annotation)
def test_a_comment_is_on_its_object(gateway: Gateway, dataset: int) -> None:
    made = ezomero.post_comment_annotation(gateway, "Dataset", dataset, "seen", ns=NS)
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations()
    assert (annotation.getId(), annotation.getValue(), annotation.getNs()) == (made, "seen", NS)


@covers(ezomero.post_file_annotation)
def test_a_file_is_attached_with_its_type_and_hash(gateway: Gateway, dataset: int, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"abc")
    made = ezomero.post_file_annotation(gateway, str(path), NS, "Dataset", dataset, description="which")
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations()
    file = annotation.getFile()
    assert (annotation.getId(), annotation.getDescription()) == (made, "which")
    assert (file.getName(), file.getMimetype(), file.getSize()) == ("notes.txt", "text/plain", 3)
    assert file.getHash() == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert b"".join(annotation.getFileInChunks()) == b"abc"


@covers(ezomero.post_roi)
def test_a_roi_has_its_shapes_in_order(gateway: Gateway) -> None:
    image = content.image(gateway)
    shapes: list[Any] = [rois.Point(1.0, 2.0), rois.Rectangle(0.0, 0.0, 3.0, 3.0), rois.Point(5.0, 6.0)]
    made = ezomero.post_roi(gateway, image, shapes, name="cells", description="by hand")
    [roi] = gateway.getRoiService().findByImage(image, None).rois
    assert (roi.id.val, roi.name.val, roi.description.val) == (made, "cells", "by hand")
    kinds = [type(shape).__name__ for shape in roi.copyShapes()]
    assert kinds == ["PointI", "RectangleI", "PointI"]


@covers(ezomero.post_table)
def test_a_table_is_a_file_of_its_own_type_on_the_object(gateway: Gateway, dataset: int) -> None:
    made = ezomero.post_table(gateway, [[1, 2.5], [3, 4.5]], "Dataset", dataset, headers=False)
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations()
    assert (annotation.getId(), annotation.getFile().getMimetype()) == (made, "OMERO.tables")
    assert ezomero.get_table(gateway, made) == [["column 0", "column 1"], [1, 2.5], [3, 4.5]]
