"""Pictures of planes as settings show them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.romio
import pytest
from PIL import Image as Picture

from tests.wire.omero_server.conftest import Gateway
from tests.wire.omero_server.images import Array, Image, fake_image, made_image, ramp


def engine_of(gateway: Gateway, image: Image) -> Any:
    engine = gateway.c.sf.createRenderingEngine()
    engine.lookupPixels(image.getPixelsId())
    if not engine.lookupRenderingDef(image.getPixelsId()):
        engine.resetDefaultSettings(True)
    engine.load()
    return engine


def plane(z: int = 0, t: int = 0, region: Any = None) -> Any:
    return omero.romio.PlaneDef(omero.romio.XY, 0, 0, z, t, region, 0)


def rendered(engine: Any, wanted: Any = None) -> Array:
    buffer = engine.render(wanted or plane())
    bands = [np.frombuffer(bytes(band), "u1").reshape(buffer.sizeX2, buffer.sizeX1) for band in buffer.bands]
    return np.stack(bands, axis=2)


def test_grey_runs_from_black_to_white_within_the_window(gateway: Gateway) -> None:
    engine = engine_of(gateway, made_image(gateway, ramp(1, 1, 1, 1, 256)))
    assert rendered(engine)[0].tolist() == [[value] * 3 for value in range(256)]
    engine.setChannelWindow(0, 100.0, 200.0)
    picture = rendered(engine)[0, :, 0]
    assert (picture[:101].max(), picture[200:].min(), picture[150]) == (0, 255, 128)


def test_an_inverted_channel_runs_from_white_to_black(gateway: Gateway) -> None:
    engine = engine_of(gateway, made_image(gateway, ramp(1, 1, 1, 1, 256)))
    engine.addCodomainMapToChannel(omero.romio.ReverseIntensityMapContext(), 0)
    assert rendered(engine)[0, :, 0].tolist() == list(range(255, -1, -1))


def test_colors_of_active_channels_add_up(gateway: Gateway) -> None:
    planes = np.zeros((1, 3, 1, 1, 2), "u1")
    planes[:, :, :, :, 1] = 200
    engine = engine_of(gateway, made_image(gateway, planes))
    for channel in range(3):
        engine.setChannelWindow(channel, 0.0, 200.0)
    engine.setRGBA(0, 255, 0, 0, 255)
    engine.setRGBA(1, 100, 50, 0, 255)
    engine.setActive(2, False)
    assert rendered(engine)[0].tolist() == [[0, 0, 0], [255, 50, 0]]


def test_nothing_active_is_black(gateway: Gateway, tmp_path: Path) -> None:
    engine = engine_of(gateway, fake_image(gateway, tmp_path, "&sizeX=60&sizeY=20&sizeC=2"))
    engine.setActive(0, False)
    engine.setActive(1, False)
    assert not rendered(engine).any()


@pytest.mark.parametrize("family", ["linear", "polynomial", "exponential", "logarithmic"])
def test_every_curve_keeps_the_ends_and_the_order(gateway: Gateway, family: str) -> None:
    engine = engine_of(gateway, made_image(gateway, ramp(1, 1, 1, 1, 256)))
    chosen = next(one for one in engine.getAvailableFamilies() if one.value.val == family)
    engine.setQuantizationMap(0, chosen, 2.0 if family == "polynomial" else 1.0, False)
    row = rendered(engine)[0, :, 0].astype(int)
    assert (row[0], row[-1]) == (0, 255)
    assert (np.diff(row) >= 0).all()


def test_packed_pixels_are_opaque_red_green_blue(gateway: Gateway) -> None:
    engine = engine_of(gateway, made_image(gateway, ramp(1, 1, 1, 1, 2, dtype="u1")))
    assert [value & 0xFFFFFFFF for value in engine.renderAsPackedInt(plane())] == [0xFF000000, 0xFFFFFFFF]


def test_other_directions_show_a_row_or_a_column_of_every_section(gateway: Gateway) -> None:
    planes = ramp(1, 1, 4, 7, 5, dtype="u1")
    engine = engine_of(gateway, made_image(gateway, planes))
    engine.setChannelWindow(0, 0.0, 255.0)
    xz = rendered(engine, omero.romio.PlaneDef(omero.romio.XZ, 0, 6, 0, 0, None, 0))
    zy = rendered(engine, omero.romio.PlaneDef(omero.romio.ZY, 4, 0, 0, 0, None, 0))
    assert xz[:, :, 0].tolist() == planes[0, 0, :, 6, :].tolist()
    assert zy[:, :, 0].tolist() == planes[0, 0, :, :, 4].T.tolist()


def test_a_region_ends_at_the_edge(gateway: Gateway) -> None:
    planes = ramp(1, 1, 1, 7, 5, dtype="u1")
    engine = engine_of(gateway, made_image(gateway, planes))
    engine.setChannelWindow(0, 0.0, 255.0)
    found = rendered(engine, plane(region=omero.romio.RegionDef(2, 3, 100, 100)))
    assert found[:, :, 0].tolist() == planes[0, 0, 0, 3:, 2:].tolist()


def test_the_gateway_shows_a_picture_and_a_projection(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=20&sizeZ=3&sizeC=2")
    assert image.renderImage(0, 0).size == (60, 20)
    image.setProjection("intmax")
    assert image.renderImage(0, 0).size == (60, 20)


def test_lower_quality_makes_smaller_files(gateway: Gateway, tmp_path: Path) -> None:
    engine = engine_of(gateway, fake_image(gateway, tmp_path, "&sizeX=200&sizeY=200"))
    engine.setCompressionLevel(0.9)
    fine = engine.renderCompressed(plane())
    engine.setCompressionLevel(0.1)
    coarse = engine.renderCompressed(plane())
    assert len(coarse) < len(fine)
    assert Picture.open(io.BytesIO(coarse)).size == (200, 200)


def test_an_engine_that_is_not_ready_says_so(gateway: Gateway) -> None:
    engine = gateway.c.sf.createRenderingEngine()
    with pytest.raises(omero.ApiUsageException, match="not ready"):
        engine.load()
    with pytest.raises(omero.ApiUsageException, match="not ready"):
        engine.render(plane())


def test_changes_are_gone_unless_saved(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=60&sizeY=20")
    engine = engine_of(gateway, image)
    engine.setChannelWindow(0, 1.0, 2.0)
    assert engine_of(gateway, image).getChannelWindowEnd(0) == 59.0
    engine.saveCurrentSettings()
    assert engine_of(gateway, image).getChannelWindowEnd(0) == 2.0


def test_bounds_of_the_type_and_ranges_of_channels(gateway: Gateway, tmp_path: Path) -> None:
    engine = engine_of(gateway, fake_image(gateway, tmp_path, "&sizeX=60&sizeY=20&pixelType=int16"))
    assert (engine.getPixelsTypeLowerBound(0), engine.getPixelsTypeUpperBound(0)) == (-32768.0, 32767.0)
    assert engine.isPixelsTypeSigned()
    assert engine.getChannelStats(0)[0] == -32768.0
    assert engine.getPixels().getChannel(0).logicalChannel.isLoaded()
