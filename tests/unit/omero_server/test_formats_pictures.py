"""PNG, JPEG, files that nobody reads, and files as they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from omero_irods_sandbox.omero_server.formats import UnknownFormat, UnreadableFile, read_fileset, read_plane

PICTURES = Path(skimage.data.__file__).parent
"""What scikit-image brings along."""
SHARED = Path("/work/shared/data/images")


def picture(name: str) -> np.ndarray[Any, Any]:
    with Image.open(PICTURES / f"{name}.png") as opened:
        return np.asarray(opened)


def test_a_png_comes_back_channel_by_channel(tmp_path: Path) -> None:
    path, values = tmp_path / "x.png", picture("astronaut")
    Image.fromarray(values).save(path)
    fileset = read_fileset([path])
    assert (fileset.format, fileset.images[0].size_c) == ("PNG", 3)
    for channel in range(3):
        assert np.array_equal(read_plane([path], 0, 0, channel, 0), values[:, :, channel])


def test_a_png_of_16_bits_keeps_them(tmp_path: Path) -> None:
    path, values = tmp_path / "x.png", np.arange(35, dtype="u2").reshape(7, 5) * 1000
    Image.fromarray(values).save(path)
    assert read_fileset([path]).images[0].pixels_type == "uint16"
    assert np.array_equal(read_plane([path], 0, 0, 0, 0), values)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("P", 3), ("RGB", 3), ("RGBA", 4)]
)
def test_pictures_of_every_mode_have_the_channels_one_sees(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(picture("astronaut")[:20, :30]).convert(mode).save(path)
    image = read_fileset([path]).images[0]
    assert (image.size_x, image.size_y, image.size_c) == (30, 20, channels)


def test_a_jpeg_is_near_to_what_was_written(tmp_path: Path) -> None:
    path, values = tmp_path / "x.jpg", picture("camera")
    Image.fromarray(values).save(path, quality=95)
    assert read_fileset([path]).format == "JPEG"
    assert np.abs(read_plane([path], 0, 0, 0, 0).astype(int) - values).mean() < 3


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.4", b"\x89PNG"])
@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.txt", "x"])
def test_what_nobody_reads_is_an_unknown_format(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnknownFormat, match=name):
        read_fileset([path])


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_that_was_cut_off_is_unreadable(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(picture("astronaut")).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UnreadableFile, match="x"):
        read_fileset([path])


def test_images_of_scikit_image_are_read() -> None:
    found = [path for path in sorted(PICTURES.iterdir()) if path.suffix in {".png", ".jpg", ".tif", ".tiff"}]
    assert found, f"scikit-image brings no images in {PICTURES}"
    for path in found:
        image = read_fileset([path]).images[0]
        assert read_plane([path], 0, 0, image.size_c - 1, 0).shape == (image.size_y, image.size_x)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here: real files are not read")
@pytest.mark.parametrize(
    ("name", "sizes", "pixels_type"),
    [
        ("combined_result.tiff", (1024, 1024, 1), "uint16"),
        ("cycle3.ome_result_colored.png", (1024, 1024, 3), "uint8"),
        ("cycle4.ome_cells.png", (1024, 1024, 3), "uint8"),
        ("test_pyramid.ome.tif", (16, 16, 1), "uint8"),
        ("tiny.ome.tiff", (6, 6, 2), "uint8"),
    ],
)
def test_real_files_are_read(name: str, sizes: tuple[int, int, int], pixels_type: str) -> None:
    image = read_fileset([SHARED / name]).images[0]
    assert (image.size_x, image.size_y, image.size_c) == sizes
    assert image.pixels_type == pixels_type
    for channel in range(image.size_c):
        read_plane([SHARED / name], 0, 0, channel, 0)
