"""TIFF files, as ImageJ, tifffile and others write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from omero_irods_sandbox.omero_server.formats import UnreadableFile, read_fileset, read_plane
from omero_irods_sandbox.omero_server.formats.description import ImageDescription, Quantity

TYPES = {
    "u1": "uint8",
    "i1": "int8",
    "u2": "uint16",
    "i2": "int16",
    "u4": "uint32",
    "f4": "float",
    "f8": "double",
}


def stack(*shape: int, dtype: str = "u2") -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)


def only_image(path: Path) -> ImageDescription:
    (image,) = read_fileset([path]).images
    return image


def sizes(path: Path) -> tuple[int, ...]:
    image = only_image(path)
    return image.size_x, image.size_y, image.size_z, image.size_c, image.size_t


@pytest.mark.parametrize(("code", "pixels_type"), TYPES.items())
def test_every_type_comes_back_big_endian(tmp_path: Path, code: str, pixels_type: str) -> None:
    path, values = tmp_path / "x.tif", stack(7, 5, dtype=code)
    tifffile.imwrite(path, values)
    plane = read_plane([path], 0, 0, 0, 0)
    assert only_image(path).pixels_type == pixels_type
    assert plane.dtype == np.dtype(f">{code}")
    assert plane.tolist() == values.tolist()


def test_pages_are_times(tmp_path: Path) -> None:
    path, values = tmp_path / "x.tif", stack(4, 7, 5)
    tifffile.imwrite(path, values, photometric="minisblack")
    assert sizes(path) == (5, 7, 1, 1, 4)
    assert read_plane([path], 0, 0, 0, 3).tolist() == values[3].tolist()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_samples_of_a_pixel_are_channels(tmp_path: Path, planar: str) -> None:
    path = tmp_path / "x.tif"
    values = stack(7, 5, 3, dtype="u1")
    stored = values if planar == "contig" else values.transpose(2, 0, 1)
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar)
    assert sizes(path) == (5, 7, 1, 3, 1)
    assert [channel.samples for channel in only_image(path).channels] == [3, 3, 3]
    for channel in range(3):
        assert read_plane([path], 0, 0, channel, 0).tolist() == values[:, :, channel].tolist()


@pytest.mark.parametrize("truncated", [False, True], ids=["pages", "one page for all"])
def test_a_hyperstack_of_imagej_keeps_its_dimensions(tmp_path: Path, truncated: bool) -> None:
    path, values = tmp_path / "x.tif", stack(2, 3, 4, 7, 5)
    tifffile.imwrite(
        path,
        values,
        imagej=True,
        truncate=truncated,
        metadata={"axes": "TZCYX", "unit": "um", "spacing": 2.0},
        resolution=(4, 8),
    )
    assert sizes(path) == (5, 7, 3, 4, 2)
    assert read_plane([path], 0, 2, 3, 1).tolist() == values[1, 2, 3].tolist()
    image = only_image(path)
    assert image.physical_size_x == Quantity(0.25, "MICROMETER")
    assert image.physical_size_y == Quantity(0.125, "MICROMETER")
    assert image.physical_size_z == Quantity(2.0, "MICROMETER")


def test_date_resolution_and_description_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(
        path,
        stack(7, 5),
        datetime="2020:01:02 03:04:05",
        resolution=(100, 100),
        resolutionunit="CENTIMETER",
        description="of a cell",
        metadata=None,
    )
    image = only_image(path)
    assert image.acquired_ms == 1577934245000
    assert image.physical_size_x == Quantity(0.01, "CENTIMETER")
    assert image.description == "of a cell"


@settings(max_examples=30)
@given(values=arrays(np.uint16, array_shapes(min_dims=2, max_dims=5, max_side=4)))
def test_every_value_of_any_stack_is_in_some_plane(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray[Any, Any]
) -> None:
    assume(values.size > 1 or values.ndim < 5)  # tifffile 2026.3.3 cannot read its own (1, 1, 1, 1, 1)
    path = tmp_path_factory.mktemp("tiff") / "x.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    image = only_image(path)
    found = [
        read_plane([path], 0, z, c, t)
        for t in range(image.size_t)
        for c in range(image.size_c)
        for z in range(image.size_z)
    ]
    assert sorted(np.concatenate(found).ravel().tolist()) == sorted(values.ravel().tolist())


def test_the_largest_type_of_numpy_has_no_place_in_omero(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stack(7, 5, dtype="u8"))
    with pytest.raises(UnreadableFile, match="uint64"):
        read_fileset([path])


@given(content=st.binary(max_size=200))
def test_garbage_behind_the_magic_is_unreadable(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("tiff") / "x.tif"
    path.write_bytes(b"II*\0" + content)
    with pytest.raises(UnreadableFile):
        read_fileset([path])


def test_a_file_that_was_cut_off_is_unreadable_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stack(64, 64))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UnreadableFile, match=r"x\.tif"):
        read_plane([path], 0, 0, 0, 0)


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stack(7, 5))
    read_plane([path], 0, 0, 0, 0)
    tifffile.imwrite(path, stack(3, 2))
    assert sizes(path) == (2, 3, 1, 1, 1)
