"""Planes and parts of them, as clients read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import tifffile

from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.images import Array, fake_image, import_image, made_image, ramp

VALUES = ramp(2, 3, 4, 7, 5)
"""Times, channels, sections, rows, columns."""


@pytest.fixture
def store(gateway: Gateway, tmp_path: Path) -> Iterator[Any]:
    """A pixels store with an OME-TIFF of VALUES."""
    path = tmp_path / "x.ome.tif"
    tifffile.imwrite(path, VALUES, metadata={"axes": "TCZYX"})
    image = import_image(gateway, path)
    opened = gateway.c.sf.createRawPixelsStore()
    opened.setPixelsId(image.getPixelsId(), True)
    yield opened
    opened.close()


def values(data: bytes, *shape: int) -> list[Any]:
    return list(np.frombuffer(data, ">u2").reshape(shape).tolist())


def test_planes_come_row_by_row(store: Any) -> None:
    for t, c, z in np.ndindex(2, 3, 4):
        assert values(store.getPlane(z, c, t), 7, 5) == VALUES[t, c, z].tolist()


def test_parts_of_planes(store: Any) -> None:
    plane = VALUES[1, 2, 3]
    assert values(store.getTile(3, 2, 1, 1, 2, 3, 4), 4, 3) == plane[2:6, 1:4].tolist()
    assert values(store.getRow(6, 3, 2, 1), 5) == plane[6].tolist()
    assert values(store.getCol(4, 3, 2, 1), 7) == plane[:, 4].tolist()
    assert values(store.getPlaneRegion(3, 2, 1, 6, 2), 6) == plane.ravel()[2:8].tolist()


def test_many_planes_at_once(store: Any) -> None:
    assert values(store.getStack(2, 1), 4, 7, 5) == VALUES[1, 2].tolist()
    assert values(store.getTimepoint(1), 3, 4, 7, 5) == VALUES[1].tolist()


def test_a_hypercube_takes_steps_in_every_direction(store: Any) -> None:
    found = store.getHypercube([1, 0, 0, 1, 0], [4, 7, 4, 2, 2], [2, 3, 2, 1, 1])
    assert values(found, 2, 2, 2, 3, 2) == VALUES[:, 1:3, ::2, ::3, 1::2].tolist()


def test_sizes_are_in_bytes(store: Any) -> None:
    assert [
        store.getByteWidth(),
        store.getRowSize(),
        store.getPlaneSize(),
        store.getStackSize(),
        store.getTimepointSize(),
        store.getTotalSize(),
    ] == [2, 10, 70, 280, 840, 1680]
    assert store.getPlaneOffset(3, 2, 1) == 70 * (3 + 4 * (2 + 3 * 1))
    assert (store.isSigned(), store.isFloat()) == (False, False)


def test_the_digest_is_that_of_the_import(store: Any, gateway: Gateway) -> None:
    pixels = gateway.getQueryService().get("Pixels", store.getPixelsId())
    assert store.calculateMessageDigest().hex() == pixels.sha1.val


def test_smallest_and_largest_values(store: Any) -> None:
    found = store.findMinMax([0, 2])
    assert found == {c: [float(VALUES[:, c].min()), float(VALUES[:, c].max())] for c in (0, 2)}


def test_a_histogram_counts_every_value_of_a_plane(store: Any) -> None:
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 3, 1, None, 0)
    assert sum(store.getHistogram([1], 8, False, plane)[1]) == 35


@pytest.mark.parametrize("place", [(4, 0, 0), (0, 3, 0), (0, 0, 2), (-1, 0, 0)])
def test_a_plane_that_is_not_there_is_refused(store: Any, place: tuple[int, int, int]) -> None:
    with pytest.raises(omero.ApiUsageException):
        store.getPlane(*place)


@pytest.mark.parametrize("tile", [(0, 0, 6, 1), (0, 7, 1, 1), (-1, 0, 1, 1), (0, 0, 0, 1)])
def test_a_tile_past_the_edge_is_refused(store: Any, tile: tuple[int, int, int, int]) -> None:
    with pytest.raises(omero.ApiUsageException):
        store.getTile(0, 0, 0, *tile)


def test_imported_files_cannot_be_written(store: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="repository"):
        store.setPlane(bytes(70), 0, 0, 0)


def test_a_store_without_pixels_says_what_to_do(gateway: Gateway) -> None:
    with pytest.raises(omero.ApiUsageException, match="set the pixels id"):
        gateway.c.sf.createRawPixelsStore().getPlane(0, 0, 0)


def test_foreign_pixels_of_a_private_group_are_not_there(
    gateway: Gateway, connect: Connect, make_user: MakeUser, tmp_path: Path
) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=5&sizeY=7")
    stranger = connect(make_user()).c.sf.createRawPixelsStore()
    with pytest.raises(omero.ValidationException):
        stranger.setPixelsId(image.getPixelsId(), True)


# -- what an import records


def test_channels_have_ranges_colors_and_names(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    channels = {"Name": ["GFP", "DAPI", "trans"], "Color": [16711935, 65535, -1]}
    tifffile.imwrite(path, VALUES[0], metadata={"axes": "CZYX", "Channel": channels})
    found = import_image(gateway, path).getChannels()
    assert [channel.getLabel() for channel in found] == ["GFP", "DAPI", "trans"]
    assert [channel.getColor().getRGB() for channel in found] == [(0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert [(channel.getWindowMin(), channel.getWindowMax()) for channel in found] == [
        (float(VALUES[0, c].min()), float(VALUES[0, c].max())) for c in range(3)
    ]


def test_physical_sizes_and_date_are_kept(gateway: Gateway, tmp_path: Path) -> None:
    tokens = "&sizeX=8&sizeY=8&physicalSizeX=500nm&physicalSizeZ=2&acquisitionDate=2012-04-23_18-25-43"
    image = fake_image(gateway, tmp_path, tokens)
    size_x = image.getPixelSizeX(units=True)
    assert (size_x.getValue(), str(size_x.getUnit())) == (500.0, "NANOMETER")
    assert image.getPixelSizeZ() == 2.0
    assert image.getPixelSizeY() is None
    assert image.getAcquisitionDate().isoformat() == "2012-04-23T18:25:43"


# -- images without files


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_an_image_made_of_an_array_gives_it_back(gateway: Gateway, dtype: str) -> None:
    planes = ramp(2, 3, 4, 7, 5, dtype=dtype)
    image = made_image(gateway, planes)
    places = [(z, c, t) for t in range(2) for c in range(3) for z in range(4)]
    found = np.stack(list(image.getPrimaryPixels().getPlanes(places))).reshape(planes.shape)
    assert found.tolist() == planes.tolist()


def test_planes_that_nobody_wrote_are_black(gateway: Gateway) -> None:
    pixels_type = gateway.getQueryService().findByString("PixelsType", "value", "uint16")
    service = gateway.getPixelsService()
    image_id = service.createImage(5, 7, 1, 1, [0, 1], pixels_type, "empty", "").val
    assert not gateway.getObject("Image", image_id).getPrimaryPixels().getPlane(0, 1, 0).any()


def test_rows_and_tiles_can_be_written(gateway: Gateway) -> None:
    image = made_image(gateway, np.zeros((1, 1, 1, 7, 5), "u2"))
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(image.getPixelsId(), True)
    store.setRow(np.full(5, 3, ">u2").tobytes(), 6, 0, 0, 0)
    store.setTile(np.full((2, 3), 9, ">u2").tobytes(), 0, 0, 0, 1, 2, 3, 2)
    saved = store.save()
    store.close()
    expected: Array = np.zeros((7, 5), int)
    expected[6], expected[2:4, 1:4] = 3, 9
    assert image.getPrimaryPixels().getPlane(0, 0, 0).tolist() == expected.tolist()
    assert len(saved.sha1.val) == 40


def test_bytes_that_are_no_plane_are_refused(gateway: Gateway) -> None:
    image = made_image(gateway, np.zeros((1, 1, 1, 7, 5), "u2"))
    store = gateway.c.sf.createRawPixelsStore()
    store.setPixelsId(image.getPixelsId(), True)
    with pytest.raises(omero.ApiUsageException, match="69 bytes"):
        store.setPlane(bytes(69), 0, 0, 0)
    store.close()


def test_members_of_a_read_only_group_cannot_write_foreign_planes(
    connect: Connect, make_user: MakeUser, make_group: Any
) -> None:
    group: Group = make_group("rwr---")
    owner, member = connect(make_user(group)), connect(make_user(group))
    image = made_image(owner, np.zeros((1, 1, 1, 7, 5), "u2"))
    store = member.c.sf.createRawPixelsStore()
    store.setPixelsId(image.getPixelsId(), True)
    with pytest.raises(omero.SecurityViolation):
        store.setPlane(bytes(70), 0, 0, 0)
    store.close()


# -- copies and projections


def test_a_copy_has_other_sizes_and_the_channels_chosen(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8&sizeC=3&sizeZ=4&physicalSizeX=2")
    service = gateway.getPixelsService()
    copy_id = service.copyAndResizeImage(
        image.id, None, omero.rtypes.rint(4), omero.rtypes.rint(1), None, [0, 2], "copy", False
    ).val
    copy = gateway.getObject("Image", copy_id)
    assert (copy.name, copy.getSizeX(), copy.getSizeY(), copy.getSizeZ(), copy.getSizeC()) == (
        "copy",
        8,
        4,
        1,
        2,
    )
    assert copy.getPixelSizeX() == 2.0


def test_further_pixels_belong_to_the_same_image(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8")
    service = gateway.getPixelsService()
    pixels_id = service.copyAndResizePixels(image.getPixelsId(), None, None, None, None, None, "m", False).val
    pixels = gateway.getQueryService().get("Pixels", pixels_id)
    assert (pixels.image.id.val, pixels_id != image.getPixelsId()) == (image.id, True)
    assert gateway.getObject("Image", image.id).getPixelsId() == image.getPixelsId()


@pytest.mark.parametrize(("method", "combine"), [("MAXIMUMINTENSITY", np.max), ("MEANINTENSITY", np.mean)])
def test_sections_are_projected(gateway: Gateway, store: Any, method: str, combine: Any) -> None:
    kind = getattr(omero.constants.projection.ProjectionType, method)
    found = gateway.c.sf.getProjectionService().projectStack(store.getPixelsId(), None, kind, 1, 2, 1, 1, 3)
    assert values(found, 7, 5) == combine(VALUES[1, 2, 1:4], axis=0).astype("u2").tolist()


def test_a_projection_is_an_image_of_one_section(gateway: Gateway, store: Any) -> None:
    kind = omero.constants.projection.ProjectionType.MAXIMUMINTENSITY
    service = gateway.c.sf.getProjectionService()
    image_id = service.projectPixels(store.getPixelsId(), None, kind, 0, 1, [1, 2], 1, 0, 3, "projected")
    image = gateway.getObject("Image", image_id)
    assert (image.name, image.getSizeZ(), image.getSizeC(), image.getSizeT()) == ("projected", 1, 2, 2)
    assert image.getPrimaryPixels().getPlane(0, 1, 1).tolist() == VALUES[1, 2].max(axis=0).tolist()


def test_minimum_and_maximum_can_be_recorded(gateway: Gateway, tmp_path: Path) -> None:
    image = fake_image(gateway, tmp_path, "&sizeX=8&sizeY=8&sizeC=2", statistics=False)
    gateway.getPixelsService().setChannelGlobalMinMax(image.getPixelsId(), 1, 3.0, 17.0)
    described = gateway.getPixelsService().retrievePixDescription(image.getPixelsId())
    stats = described.getChannel(1).statsInfo
    assert (stats.globalMin.val, stats.globalMax.val) == (3.0, 17.0)
    assert described.getChannel(0).statsInfo is None
