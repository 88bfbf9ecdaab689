"""Pages of TIFF files as planes."""

from __future__ import annotations

import lzma
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile

from omero_irods_sandbox.omero_server.formats.errors import MissingLibrary, UnreadableFile
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane

DAMAGE: Final = (
    tifffile.TiffFileError, OSError, ValueError, TypeError, IndexError, KeyError, RuntimeError, struct.error,
    ZeroDivisionError, OverflowError, MemoryError, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What tifffile raises over a file that is damaged."""


def open_file(path: Path) -> tifffile.TiffFile:
    """An open file whose first page can be decoded.

    Raises:
        UnreadableFile: there is no page in it.
        MissingLibrary: its compression needs a library that is not installed.
    """
    try:
        file = tifffile.TiffFile(path)
    except DAMAGE as error:
        raise UnreadableFile(f"{path}: {error}") from error
    try:
        _check_pages(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _check_pages(file: tifffile.TiffFile, path: Path) -> None:
    try:
        page = file.pages.first
        compression, shape = page.compression, page.shape
    except DAMAGE as error:
        raise UnreadableFile(f"{path}: {error}") from error
    if len(shape) < 2 or 0 in shape:
        raise UnreadableFile(f"{path}: the first page has the shape {shape}")
    try:
        tifffile.TIFF.DECOMPRESSORS[compression]
    except KeyError as error:
        raise MissingLibrary(f"{path}: compression {compression!r} needs the package imagecodecs") from error


def page_plane(page: Any, path: Path, sample: int) -> Plane:
    """One sample of a page (tifffile's TiffPage or TiffFrame) as rows by columns.

    Raises:
        UnreadableFile: it cannot be decoded.
    """
    try:
        pixels = page.asarray()
    except DAMAGE as error:
        raise UnreadableFile(f"{path}: {error}") from error
    return sample_plane(pixels, page.axes, sample)


def sample_plane(pixels: Plane, axes: str, sample: int) -> Plane:
    """Rows by columns of an array whose axes are ``YX``, ``YXS`` or ``SYX``."""
    if "S" not in axes:
        return pixels
    plane: Plane = np.take(pixels, sample, axis=axes.index("S"))
    return plane
