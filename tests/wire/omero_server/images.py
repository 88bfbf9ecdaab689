"""Images on the server to look at: imported ones, and ones made of arrays."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tests.wire.omero_server.conftest import Gateway
from tests.wire.omero_server.import_client import Options, image_ids, import_files

_numbers = count(1)

Array = np.ndarray[Any, Any]
Image = Any
"""A gateway's ImageWrapper."""


def import_image(gateway: Gateway, path: Path, **options: Any) -> Image:
    """Import a file; the first of its images."""
    response = import_files(gateway.c, [path], Options(**options))
    return gateway.getObject("Image", image_ids(response)[0])


def fake_image(gateway: Gateway, folder: Path, tokens: str = "", **options: Any) -> Image:
    """Import a ``.fake`` file whose name says ``tokens``."""
    path = folder / f"image-{next(_numbers)}{tokens}.fake"
    path.touch()
    return import_image(gateway, path, **options)


def made_image(gateway: Gateway, planes: Array, name: str = "made") -> Image:
    """An image without files; ``planes`` has the axes T, C, Z, Y, X."""
    size_t, size_c, size_z = planes.shape[:3]
    order = [planes[t, c, z] for z in range(size_z) for c in range(size_c) for t in range(size_t)]
    return gateway.createImageFromNumpySeq(iter(order), name, sizeZ=size_z, sizeC=size_c, sizeT=size_t)


def ramp(*shape: int, dtype: str = "u2") -> Array:
    """Values that count up."""
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)
