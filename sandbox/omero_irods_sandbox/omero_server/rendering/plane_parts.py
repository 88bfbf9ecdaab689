"""Which values a client wants to see: an omero.romio.PlaneDef."""

from __future__ import annotations

from typing import Any

import numpy as np
import omero.romio

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.pixels.source import PixelSource
from omero_irods_sandbox.omero_server.pixels.tiles import tile


def part_of_plane(source: PixelSource, channel: int, wanted: Any) -> Plane:
    """A plane across the stack, or the region of it that is asked for.

    Raises:
        ApiUsageException: it is not within the image.
    """
    plane = _plane(source, channel, wanted)
    region = wanted.region
    if region is not None:
        # A region that reaches past the end ends there (RegionDef of omero-renderer).
        width = min(region.width, plane.shape[1] - region.x)
        height = min(region.height, plane.shape[0] - region.y)
        plane = tile(plane, region.x, region.y, width, height)
    step = (wanted.stride or 0) + 1
    return plane[::step, ::step]


def _plane(source: PixelSource, channel: int, wanted: Any) -> Plane:
    sections = range(source.dimensions.size_z)
    if wanted.slice == omero.romio.XY:
        return source.plane(wanted.z, channel, wanted.t)
    if wanted.slice == omero.romio.XZ:
        _check(wanted.y, source.dimensions.size_y)
        return np.stack([source.plane(z, channel, wanted.t)[wanted.y] for z in sections])
    if wanted.slice == omero.romio.ZY:
        _check(wanted.x, source.dimensions.size_x)
        return np.stack([source.plane(z, channel, wanted.t)[:, wanted.x] for z in sections], axis=1)
    raise api_usage(f"{wanted.slice} is no slice: XY, XZ or ZY")


def _check(at: int, size: int) -> None:
    if not 0 <= at < size:
        raise api_usage(f"{at} is not within {size}")
