"""Datasets of image files that cannot be compressed, in an embedded OMERO server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import omero.model
import tifffile
from omero.rtypes import rstring

from tests.wire.omero_server.import_client import Options, image_ids, import_files

Client = Any

KIB: Final = 1 << 10
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ImageSet:
    """``count`` files of about ``size`` bytes each."""

    count: int
    size: int

    @property
    def name(self) -> str:
        size = f"{self.size // MIB:,} MiB" if self.size >= MIB else f"{self.size // KIB:,} KiB"
        return f"{self.count:,} x {size}"


def import_set(client: Client, images: ImageSet, folder: Path) -> int:
    """Import the set into a new dataset, whose id is returned; no file stays in ``folder``."""
    dataset = omero.model.DatasetI()
    dataset.name = rstring(images.name)
    number = client.getSession().getUpdateService().saveAndReturnObject(dataset).id.val
    options = Options(target=omero.model.DatasetI(number, False), statistics=False)
    for index in range(images.count):
        path = folder / f"image-{index:04d}.tif"
        _write(path, images.size)
        (_,) = image_ids(import_files(client, [path], options))
        path.unlink()
    return int(number)


def _write(path: Path, size: int) -> None:
    """A TIFF of random bytes, of planes of at most 8 MiB."""
    plane = min(size, 8 * MIB)
    with tifffile.TiffWriter(path, bigtiff=size >= 2048 * MIB) as tiff:
        for _ in range(max(1, size // plane)):
            tiff.write(np.frombuffer(os.urandom(plane), np.uint8).reshape(-1, 4096), contiguous=True)
