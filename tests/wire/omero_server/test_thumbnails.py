"""Thumbnails are small JPEGs of the images."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import skimage.data
from omero.rtypes import rint
from PIL import Image as Picture

from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.images import Array, fake_image, import_image


def opened(jpeg: bytes) -> Array:
    picture = Picture.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG"
    return np.asarray(picture.convert("RGB")).astype(int)


def test_a_thumbnail_looks_like_the_image(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "astronaut.png"
    shutil.copy(Path(skimage.data.__file__).with_name(path.name), path)
    values = np.asarray(Picture.open(path))
    found = opened(import_image(gateway, path).getThumbnail((64,)))
    expected = np.asarray(Picture.fromarray(values).resize((64, 64), Picture.Resampling.BILINEAR)).astype(int)
    assert np.abs(found - expected).mean() < 12


@pytest.mark.parametrize(("size", "shape"), [((96,), (48, 96)), ((50, 30), (30, 50)), ((16,), (8, 16))])
def test_thumbnails_have_the_size_asked_for(
    gateway: Gateway, tmp_path: Path, size: tuple[int, ...], shape: tuple[int, int]
) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=200&sizeY=100")
    assert opened(image.getThumbnail(size)).shape[:2] == shape


def test_thumbnails_follow_the_settings(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=60&sizeC=2")
    image.setActiveChannels([1], [[0.0, 59.0]], ["FF0000"])
    image.saveDefaults()
    red, green, blue = opened(gateway.getObject("Image", image.id).getThumbnail((60,))).mean(axis=(0, 1))
    assert red > 80
    assert max(green, blue) < 15


def test_thumbnails_of_many_images_at_once(gateway: Gateway, tmp_path: Path) -> None:
    images = [fake_image(gateway, tmp_path, f"&sizeX={size}&sizeY=40") for size in (40, 80)]
    found = gateway.getThumbnailSet([image.id for image in images], 40)
    assert {id_: opened(jpeg).shape[:2] for id_, jpeg in found.items()} == {
        images[0].id: (40, 40),
        images[1].id: (20, 40),
    }


def test_an_image_without_settings_has_a_thumbnail_too(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=60", thumbnails=False)
    store = gateway.c.sf.createThumbnailStore()
    assert store.setPixelsId(image.getPixelsId()) is False
    assert store.getThumbnailWithoutDefault(rint(60), rint(60)) == b""
    assert opened(
        store.getThumbnailByLongestSideSet(rint(60), [image.getPixelsId()])[image.getPixelsId()]
    ).any()
    store.resetDefaults()
    assert store.setPixelsId(image.getPixelsId()) is True
    assert store.getRenderingDefId() > 0
    store.close()


def test_another_section_can_be_shown(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=10&sizeZ=200&pixelType=uint8")
    first, last = (opened(image.getThumbnail((60,), z=z, t=0)) for z in (0, 199))
    assert last[5, 25].mean() - first[5, 25].mean() > 100


def test_settings_of_other_pixels_are_refused(gateway: Gateway, tmp_path: Path) -> None:
    image, other = (fake_image(gateway, tmp_path, "&sizeX=60&sizeY=60") for _ in range(2))
    store = gateway.c.sf.createThumbnailStore()
    store.setPixelsId(image.getPixelsId())
    foreign = gateway.getPixelsService().retrieveRndSettings(other.getPixelsId())
    with pytest.raises(omero.ValidationException):
        store.setRenderingDefId(foreign.id.val)
    store.close()


def test_an_import_records_a_thumbnail_unless_told_not_to(gateway: Gateway, tmp_path: Path) -> None:
    store = gateway.c.sf.createThumbnailStore()
    for wanted in (True, False):
        image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=60", thumbnails=wanted)
        store.setPixelsId(image.getPixelsId())
        assert store.thumbnailExists(rint(96), rint(96)) is wanted
    store.close()


def test_what_a_user_does_not_see_is_left_out(
    gateway: Gateway, make_group: Callable[..., Group], make_user: MakeUser, connect: Connect, tmp_path: Path
) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=60")
    stranger: Any = connect(make_user(make_group("rwr---"))).c.sf.createThumbnailStore()
    assert stranger.getThumbnailByLongestSideSet(rint(60), [image.getPixelsId()]) == {}
    with pytest.raises(omero.ValidationException):
        stranger.setPixelsId(image.getPixelsId())
