"""Sections as one. Source: ProjectionBean of omero-server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, type_range
from omero_irods_sandbox.omero_server.pixels.source import PixelSource

MAXIMUM: Final = "MAXIMUMINTENSITY"
MEAN: Final = "MEANINTENSITY"
SUM: Final = "SUMINTENSITY"


def project(
    source: PixelSource, method: str, place: tuple[int, int], sections: Sequence[int], stepping: int = 1
) -> Plane:
    """The largest value, the mean or the sum of sections of a channel and time (``place``), as floats.

    ``sections`` are the first and the last one; each ``stepping``-th counts.

    Raises:
        ValidationException: there are no such sections, or no such method.
    """
    start, end = sections
    if not 0 <= start <= end < source.dimensions.size_z or stepping < 1:
        raise validation(f"no sections {start} to {end} in steps of {stepping}")
    c, t = place
    planes = (source.plane(z, c, t).astype(np.float64) for z in range(start, end + 1, stepping))
    return _combined(method, planes, len(range(start, end + 1, stepping)))


def _combined(method: str, planes: Any, count: int) -> NDArray[Any]:
    total: NDArray[Any] = next(planes).copy()
    combine = np.maximum if method == MAXIMUM else np.add
    if method not in (MAXIMUM, MEAN, SUM):
        raise validation(f"Unknown projection algorithm: {method}")
    for plane in planes:
        combine(total, plane, out=total)
    return total / count if method == MEAN else total


def in_type(plane: Plane, pixels_type: str, dtype: np.dtype[Any]) -> Plane:
    """Values in a type; those that do not fit are its largest or smallest."""
    if dtype.kind in "fc":
        return plane.astype(dtype)
    return np.clip(plane, *type_range(pixels_type)).astype(dtype)
