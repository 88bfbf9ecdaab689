"""Images as OME-TIFF that stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import tifffile

from tests.wire.omero_server.conftest import Connect, Gateway, MakeUser
from tests.wire.omero_server.images import Image, fake_image, import_image, made_image, ramp


def exported(gateway: Gateway, image: Image, path: Path, operation: str = "generateTiff") -> Path:
    """Read what the exporter makes, in small pieces."""
    exporter = gateway.c.sf.createExporter()
    exporter.addImage(image.id)
    size = getattr(exporter, operation)()
    path.write_bytes(b"".join(exporter.read(at, 1000) for at in range(0, size, 1000)))
    exporter.close()
    assert path.stat().st_size == size
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "f4", "f8"])
def test_every_plane_is_in_the_export(gateway: Gateway, tmp_path: Path, dtype: str) -> None:
    planes = ramp(2, 3, 4, 7, 5, dtype=dtype)
    path = exported(gateway, made_image(gateway, planes), tmp_path / "x.ome.tif")
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "TCZYX"
        assert np.array_equal(file.asarray(), planes)


def test_an_export_imports_as_the_same_image(gateway: Gateway, tmp_path: Path) -> None:
    tokens = "&sizeX=60&sizeY=20&sizeZ=2&sizeC=3&pixelType=int16&physicalSizeX=500nm&color_1=0xff00ffff"
    image = fake_image(gateway, tmp_path, f"{tokens}&acquisitionDate=2012-04-23_18-25-43")
    again = import_image(gateway, exported(gateway, image, tmp_path / "again.ome.tif"))
    places = [(z, c, 0) for c in range(3) for z in range(2)]
    for one, other in zip(
        image.getPrimaryPixels().getPlanes(places), again.getPrimaryPixels().getPlanes(places), strict=True
    ):
        assert np.array_equal(one, other)
    for field in ("getPixelSizeX", "getPixelSizeY", "getAcquisitionDate", "getPixelsType"):
        assert getattr(again, field)() == getattr(image, field)()
    colors = [[channel.getColor().getRGB() for channel in one.getChannels()] for one in (image, again)]
    assert colors[0] == colors[1]


def test_an_image_of_one_value_a_plane_is_exported(gateway: Gateway, tmp_path: Path) -> None:
    path = exported(gateway, made_image(gateway, ramp(1, 1, 1, 1, 1)), tmp_path / "x.ome.tif")
    assert tifffile.imread(path).size == 1


def test_xml_alone_describes_the_image(gateway: Gateway, tmp_path: Path) -> None:
    image = made_image(gateway, ramp(2, 3, 4, 7, 5), name="søren")
    text = exported(gateway, image, tmp_path / "x.ome", "generateXml").read_text(encoding="utf-8")
    assert 'SizeC="3"' in text
    assert 'Name="søren"' in text


def test_one_image_a_time(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8")
    exporter = gateway.c.sf.createExporter()
    with pytest.raises(omero.ApiUsageException):
        exporter.generateTiff()
    exporter.addImage(image.id)
    with pytest.raises(omero.ApiUsageException):
        exporter.addImage(image.id)
    exporter.close()


def test_foreign_images_of_a_private_group_are_not_exported(
    gateway: Gateway, connect: Connect, make_user: MakeUser, tmp_path: Path
) -> None:
    image: Any = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8")
    exporter = connect(make_user()).c.sf.createExporter()
    exporter.addImage(image.id)
    with pytest.raises(omero.ApiUsageException, match=f"Cannot load image: {image.id}"):
        exporter.generateTiff()
