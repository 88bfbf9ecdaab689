"""Parts of planes, as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.pixels.source import PixelSource

_LARGEST_ANSWER = 240 * 1024 * 1024
"""Bytes; clients take messages of 250,000 KiB (omero-wire.md, pitfall 1)."""


def tile(plane: Plane, x: int, y: int, width: int, height: int) -> Plane:
    """A rectangle of a plane.

    Raises:
        ApiUsageException: it is not within the plane.
    """
    rows, columns = plane.shape
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > columns or y + height > rows:
        raise api_usage(f"tile {width}x{height} at {x},{y} is not within {columns}x{rows}")
    return plane[y : y + height, x : x + width]


def hypercube(
    source: PixelSource, offset: Sequence[int], size: Sequence[int], step: Sequence[int]
) -> Iterator[Plane]:
    """Parts of planes: of ``size`` values from ``offset`` on each ``step``-th, in X, Y, Z, C and T.

    Raises:
        ApiUsageException: it is not within the image, or too big for one message.
    """
    _check_hypercube(source, offset, size, step)
    (x, y, *_), (width, height, *_) = offset, size
    z, c, t = (range(offset[axis], offset[axis] + size[axis], step[axis]) for axis in (2, 3, 4))
    for time in t:
        for channel in c:
            for section in z:
                part = tile(source.plane(section, channel, time), x, y, width, height)
                yield part[:: step[1], :: step[0]]


def _check_hypercube(
    source: PixelSource, offset: Sequence[int], size: Sequence[int], step: Sequence[int]
) -> None:
    if not len(offset) == len(size) == len(step) == 5:
        raise api_usage("offset, size and step have five numbers each: X, Y, Z, C, T")
    if min(step) < 1 or min(size) < 1 or min(offset) < 0:
        raise api_usage(f"no hypercube from {list(offset)} of {list(size)} in steps of {list(step)}")
    counts = [-(-length // by) for length, by in zip(size, step, strict=True)]
    check_answer(int(np.prod(counts)) * source.dtype.itemsize)


def check_answer(size: int) -> None:
    """Refuse what does not fit into one message.

    Raises:
        ApiUsageException: it is too big.
    """
    if size > _LARGEST_ANSWER:
        raise api_usage(f"{size} bytes are too many for one message; ask for less at once")


def planes_of_bytes(data: bytes, dtype: np.dtype[Any], size_x: int, size_y: int) -> Plane:
    """Bytes as planes, one behind another.

    Raises:
        ApiUsageException: they are no whole number of planes.
    """
    plane_bytes = size_x * size_y * dtype.itemsize
    if not data or len(data) % plane_bytes:
        raise api_usage(f"{len(data)} bytes are no planes of {plane_bytes} bytes")
    return np.frombuffer(data, dtype).reshape(-1, size_y, size_x)
