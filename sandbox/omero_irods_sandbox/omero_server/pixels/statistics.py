"""The smallest and largest values of channels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np

from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, type_range
from omero_irods_sandbox.omero_server.pixels.source import PixelSource, all_planes

Range: TypeAlias = tuple[float, float]

_BINS: Final = 256


def channel_ranges(source: PixelSource) -> list[Range]:
    """For each channel the smallest and largest value of all its planes; reads all of them.

    Values that are no numbers do not count; a channel of nothing else has the range of its type.
    """
    return [channel_range(source, channel) for channel in range(source.dimensions.size_c)]


def channel_range(source: PixelSource, channel: int) -> Range:
    """As :func:`channel_ranges`, of one channel."""
    found = [one for one in map(_plane_range, all_planes(source, channel)) if one is not None]
    if not found:
        return type_range(source.dimensions.pixels_type)
    return min(low for low, _ in found), max(high for _, high in found)


def _plane_range(plane: Plane) -> Range | None:
    values = plane.real if plane.dtype.kind == "c" else plane
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else None


def histogram(plane: Plane, bins: int, limits: Range) -> list[int]:
    """How many values of a plane are in each of ``bins`` parts between the limits."""
    counts, _edges = np.histogram(plane, bins=bins or _BINS, range=limits)
    return [int(count) for count in counts]


def digest(planes: Iterable[Plane]) -> bytes:
    """The SHA1 of planes, as OMERO keeps it in Pixels.sha1."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    for plane in planes:
        sha1.update(plane.tobytes())
    return sha1.digest()
