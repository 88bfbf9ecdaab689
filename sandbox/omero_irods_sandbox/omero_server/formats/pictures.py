"""PNG and JPEG, through Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from omero_irods_sandbox.omero_server.formats.description import (
    ChannelDescription,
    FilesetDescription,
    ImageDescription,
)
from omero_irods_sandbox.omero_server.formats.errors import UnreadableFile
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, bits_of, pixels_type_of

_AS_THEY_ARE: Final = frozenset({"L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I;16L"})


def open_picture(path: Path) -> PictureReader:
    """A reader for a picture, which is decoded at once.

    Raises:
        UnreadableFile: it is damaged.
    """
    try:
        with Image.open(path) as picture:
            kind = picture.format or "PNG"
            pixels = _pixels(picture)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UnreadableFile(f"{path}: {error}") from error
    return PictureReader(path, kind, pixels)


class PictureReader:
    """One image of one plane a channel."""

    def __init__(self, path: Path, kind: str, pixels: Plane) -> None:
        self._pixels = pixels
        self.description = FilesetDescription(kind, (_described(path.name, pixels),), used_files=(path,))

    def plane(self, image_index: int, z: int, c: int, t: int) -> Plane:  # there is one image
        plane: Plane = self._pixels[:, :, c]
        return plane

    def close(self) -> None:
        """The file was read and closed already."""


def _pixels(picture: Image.Image) -> Plane:
    """Rows, columns, channels."""
    if picture.mode in ("I", "F"):  # a PNG of 16 bits
        pixels = np.asarray(picture).astype(np.uint16)
    elif picture.mode in _AS_THEY_ARE:
        pixels = np.asarray(picture)
    else:
        pixels = np.asarray(picture.convert(_plain_mode(picture)))
    if picture.mode == "LA":
        pixels = pixels[:, :, 0]
    return pixels.reshape(*pixels.shape[:2], -1)


def _plain_mode(picture: Image.Image) -> str:
    if picture.mode == "1":
        return "L"
    return "RGBA" if picture.has_transparency_data else "RGB"


def _described(name: str, pixels: Plane) -> ImageDescription:
    size_y, size_x, size_c = pixels.shape
    pixels_type = pixels_type_of(pixels.dtype) or "uint8"
    return ImageDescription(
        name=name,
        index=0,
        size_x=size_x,
        size_y=size_y,
        size_z=1,
        size_c=size_c,
        size_t=1,
        pixels_type=pixels_type,
        dimension_order="XYCZT",
        significant_bits=bits_of(pixels_type),
        channels=(ChannelDescription(samples=size_c),) * size_c,
    )
