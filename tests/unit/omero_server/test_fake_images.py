"""Images that exist by name only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omero_irods_sandbox.omero_server.formats import UnreadableFile, close_all, read_fileset, read_plane
from omero_irods_sandbox.omero_server.formats.description import WellPosition


def fake(folder: Path, name: str) -> Path:
    path = folder / f"{name}.fake"
    path.touch()
    return path


def test_the_boxes_say_which_plane_it_is(tmp_path: Path) -> None:
    path = fake(tmp_path, "x&sizeX=60&sizeY=20&sizeZ=5&sizeC=4&sizeT=3&series=2")
    plane = read_plane([path], 1, 4, 3, 2)
    number = 4 + 5 * (3 + 4 * 2)
    assert [int(plane[0, 10 * box]) for box in range(5)] == [1, number, 4, 3, 2]


@pytest.mark.parametrize(
    ("pixels_type", "first", "dtype"),
    [
        ("uint8", 0, "u1"),
        ("int8", -128, "i1"),
        ("uint16", 0, ">u2"),
        ("int16", -32768, ">i2"),
        ("double", 0, ">f8"),
    ],
)
def test_rows_rise_from_the_lowest_value_of_the_type(
    tmp_path: Path, pixels_type: str, first: int, dtype: str
) -> None:
    path = fake(tmp_path, f"x&sizeX=64&sizeY=16&pixelType={pixels_type}")
    plane = read_plane([path], 0, 0, 0, 0)
    assert plane.dtype == np.dtype(dtype)
    assert plane[15].tolist() == [first + column for column in range(64)]


def test_images_of_a_file_are_numbered_from_the_second_on(tmp_path: Path) -> None:
    images = read_fileset([fake(tmp_path, "cells&series=3")]).images
    assert [image.name for image in images] == ["cells", "cells 2", "cells 3"]


def test_wells_come_row_by_row_and_fields_vary_fastest(tmp_path: Path) -> None:
    fileset = read_fileset([fake(tmp_path, "p&plates=2&plateRows=2&plateCols=3&plateAcqs=2&fields=2")])
    assert len(fileset.images) == 48
    assert [fileset.images[at].well for at in (0, 1, 2, 4, 12, 24)] == [
        WellPosition(0, 0, 0, 0, 0),
        WellPosition(0, 0, 0, 0, 1),
        WellPosition(0, 0, 0, 1, 0),
        WellPosition(0, 0, 1, 0, 0),
        WellPosition(0, 1, 0, 0, 0),
        WellPosition(1, 0, 0, 0, 0),
    ]
    assert [(plate.rows, plate.columns, len(plate.acquisitions)) for plate in fileset.plates] == [
        (2, 3, 2)
    ] * 2


def test_plates_know_their_screens(tmp_path: Path) -> None:
    fileset = read_fileset([fake(tmp_path, "s&screens=2&plates=2")])
    assert [plate.screen for plate in fileset.plates] == [0, 0, 1, 1]
    assert len(fileset.screens) == 2


def test_a_line_in_the_ini_file_counts_and_the_file_is_used(tmp_path: Path) -> None:
    path = fake(tmp_path, "x&sizeX=5")
    ini = path.with_name(path.name + ".ini")
    ini.write_text("sizeX=7\n")
    fileset = read_fileset([path])
    assert fileset.images[0].size_x == 7
    assert fileset.used_files == (path, ini)


def test_more_images_than_anybody_can_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="more than"):
        read_fileset([fake(tmp_path, "p&plates=1000&plateRows=1000&plateCols=1000")])


@pytest.mark.parametrize("place", [(1, 0, 0, 0), (0, 5, 0, 0), (0, 0, -1, 0), (0, 0, 0, 3)])
def test_a_plane_that_is_not_there_is_an_index_error(
    tmp_path: Path, place: tuple[int, int, int, int]
) -> None:
    path = fake(tmp_path, "x&sizeZ=5&sizeC=4&sizeT=3")
    with pytest.raises(IndexError):
        read_plane([path], *place)


def test_a_file_that_is_gone_cannot_be_read(tmp_path: Path) -> None:
    path = fake(tmp_path, "x")
    read_fileset([path])
    path.unlink()
    close_all([path])
    with pytest.raises(UnreadableFile):
        read_plane([path], 0, 0, 0, 0)
