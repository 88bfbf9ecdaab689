"""OMERO.tables as clients of the gateway use them: make, attach, find again, ask, change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import omero
import omero.grid
import pytest
from omero.constants.namespaces import NSBULKANNOTATIONS
from omero.gateway import FileAnnotationWrapper, OriginalFileWrapper
from omero.grid import BoolColumn, DoubleColumn, ImageColumn, LongColumn, RoiColumn, StringColumn
from omero.rtypes import rint, rstring

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser

NAMES: Final = ["image", "count", "area", "label", "good", "roi"]


def columns(images: list[int], rois: list[int]) -> list[Any]:
    """A column of each kind that measurements use, with a row for each image."""
    count = len(images)
    return [
        ImageColumn("image", "which", images),
        LongColumn("count", "", [2**40 + n for n in range(count)]),
        DoubleColumn("area", "um2", [n / 4 for n in range(count)]),
        StringColumn("label", "", 16, [f"cell {n} ñ" for n in range(count)]),
        BoolColumn("good", "", [n % 2 == 0 for n in range(count)]),
        RoiColumn("roi", "", rois),
    ]


@pytest.fixture
def measured(gateway: Gateway) -> tuple[int, list[int], list[int]]:
    """The file of a table of three rows, its images and ROIs."""
    images = [content.image(gateway) for _ in range(3)]
    rois = [content.roi(gateway, image) for image in images]
    table = gateway.c.sf.sharedResources().newTable(1, "measurements")
    table.initialize(columns([], []))
    table.addData(columns(images, rois))
    file_id = table.getOriginalFile().id.val
    table.close()
    return file_id, images, rois


def opened(gateway: Gateway, file_id: int) -> Any:
    table = gateway.c.sf.sharedResources().openTable(content.ref("OriginalFile", file_id))
    assert table is not None
    return table


def attached(gateway: Gateway, file_id: int, dataset: int) -> None:
    annotation = FileAnnotationWrapper(gateway)
    annotation.setNs(NSBULKANNOTATIONS)
    annotation.setFile(OriginalFileWrapper(gateway, content.ref("OriginalFile", file_id)))
    gateway.getObject("Dataset", dataset).linkAnnotation(annotation)


Measured = tuple[int, list[int], list[int]]


def test_a_table_comes_back_with_all_its_values(gateway: Gateway, measured: Measured) -> None:
    file_id, images, rois = measured
    table = opened(gateway, file_id)
    headers = table.getHeaders()
    assert [header.name for header in headers] == NAMES
    assert [type(header) for header in headers] == [type(column) for column in columns([], [])]
    data = table.read(list(range(len(NAMES))), 0, table.getNumberOfRows())
    assert [list(column.values) for column in data.columns] == [
        column.values for column in columns(images, rois)
    ]
    table.close()


def test_a_table_is_found_through_what_it_is_attached_to(gateway: Gateway, measured: Measured) -> None:
    file_id, images, _rois = measured
    dataset = content.new(gateway, "Dataset")
    attached(gateway, file_id, dataset)
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations(ns=NSBULKANNOTATIONS)
    assert annotation.getFile().getMimetype() == "OMERO.tables"
    table = opened(gateway, annotation.getFile().getId())
    found = table.getWhereList("(good==True) & (area>0.1)", {}, 0, table.getNumberOfRows(), 0)
    assert list(table.readCoordinates(found).columns[0].values) == [images[2]]
    table.close()


def test_rows_are_found_by_the_id_of_an_object(gateway: Gateway, measured: Measured) -> None:
    file_id, images, _rois = measured
    table = opened(gateway, file_id)
    assert list(table.getWhereList(f"image=={images[1]}", {}, 0, 3, 1)) == [1]
    variables = {"wanted": omero.rtypes.rlong(images[0])}
    assert list(table.getWhereList("image==wanted", variables, 0, 3, 1)) == [0]
    table.close()


def test_rows_are_added_later(gateway: Gateway, measured: Measured) -> None:
    file_id, images, rois = measured
    table = opened(gateway, file_id)
    table.addData(columns(images[:1], rois[:1]))
    assert table.getNumberOfRows() == 4
    table.close()
    again = opened(gateway, file_id)
    assert again.getNumberOfRows() == 4
    assert list(again.slice([0], [3]).columns[0].values) == images[:1]
    again.close()


def test_values_are_changed_in_place(gateway: Gateway, measured: Measured) -> None:
    table = opened(gateway, measured[0])
    data = table.slice([2], [1])
    data.columns[0].values[0] = 99.5
    table.update(data)
    assert list(table.read([2], 0, 3).columns[0].values) == [0.0, 99.5, 0.5]
    table.close()


def test_metadata_stay_with_the_table(gateway: Gateway, measured: Measured) -> None:
    table = opened(gateway, measured[0])
    table.setMetadata("version", rint(3))
    table.setAllMetadata({"author": rstring("me")})
    table.close()
    again = opened(gateway, measured[0])
    assert again.getMetadata("version") is None or again.getMetadata("version").val == 3
    assert again.getMetadata("author").val == "me"
    again.close()


def test_a_table_downloads_as_the_file_it_is(gateway: Gateway, measured: Measured) -> None:
    file = gateway.getObject("OriginalFile", measured[0])
    downloaded = b"".join(file.getFileInChunks())
    assert downloaded[:8] == b"\x89HDF\r\n\x1a\n"
    assert len(downloaded) == file.getSize()


@pytest.mark.parametrize(("kind", "may_read"), [("rw----", False), ("rwr---", True), ("rwra--", True)])
def test_who_reads_the_file_reads_the_table_and_changes_nothing(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group], kind: str, may_read: bool
) -> None:
    group = make_group(kind)
    owner, other = connect(make_user(group)), connect(make_user(group))
    table = owner.c.sf.sharedResources().newTable(1, "t")
    table.initialize([LongColumn("n", "", [])])
    table.addData([LongColumn("n", "", [7])])
    file_id = table.getOriginalFile().id.val
    table.close()
    if not may_read:
        with pytest.raises(omero.ServerError):
            opened(other, file_id)
        return
    seen = opened(other, file_id)
    assert list(seen.read([0], 0, 1).columns[0].values) == [7]
    with pytest.raises(omero.ServerError):
        seen.addData([LongColumn("n", "", [8])])
    seen.close()


def test_a_deleted_table_is_gone(gateway: Gateway, measured: Measured) -> None:
    dataset = content.new(gateway, "Dataset")
    attached(gateway, measured[0], dataset)
    [annotation] = gateway.getObject("Dataset", dataset).listAnnotations()
    gateway.deleteObjects("Annotation", [annotation.getId()], deleteAnns=True, wait=True)
    assert gateway.getObject("OriginalFile", measured[0]) is None
    with pytest.raises(omero.ServerError):
        opened(gateway, measured[0])
