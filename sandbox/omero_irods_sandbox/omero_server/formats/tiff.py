"""TIFF, with what ImageJ and tifffile write down about dimensions; an OME-TIFF goes to its own reader."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile

from omero_irods_sandbox.omero_server.formats.description import (
    ChannelDescription,
    FilesetDescription,
    ImageDescription,
    Quantity,
)
from omero_irods_sandbox.omero_server.formats.errors import UnreadableFile
from omero_irods_sandbox.omero_server.formats.ome_tiff import open_ome_tiff
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, bits_of, pixels_type_of
from omero_irods_sandbox.omero_server.formats.readers import Reader
from omero_irods_sandbox.omero_server.formats.tiff_pages import DAMAGE, open_file, page_plane, sample_plane
from omero_irods_sandbox.omero_server.formats.units import quantity

_DATE_FORMAT: Final = "%Y:%m:%d %H:%M:%S"
_PLANE_AXES: Final = frozenset("YXS")


def open_tiff(path: Path) -> Reader:
    """A reader for a TIFF file, which closes the file.

    Raises:
        UnreadableFile, MissingLibrary: see :func:`formats.read_fileset`.
    """
    file = open_file(path)
    try:
        if file.ome_metadata:
            return open_ome_tiff(path, file)
        return TiffReader(path, file)
    except DAMAGE as error:
        file.close()
        raise UnreadableFile(f"{path}: {error}") from error
    except BaseException:
        file.close()
        raise


class TiffReader:
    """The first series of a file. Axes that are not named are time, as in Bio-Formats' MinimalTiffReader."""

    def __init__(self, path: Path, file: tifffile.TiffFile) -> None:
        self._path, self._file = path, file
        self._series = file.series[0]
        self._axes = self._series.axes
        self._whole: Plane | None = None
        if not {"Y", "X"} <= set(self._axes):
            raise UnreadableFile(f"{path}: no planes in a series with the axes {self._axes}")
        self._leading = [axis for axis in self._axes if axis not in _PLANE_AXES]
        sizes = dict(zip(self._axes, self._series.shape, strict=True))
        self._samples = sizes.get("S", 1)
        self._shape = [
            size for axis, size in zip(self._axes, self._series.shape, strict=True) if axis not in _PLANE_AXES
        ]
        # Several axes may bear the same letter, so these are lists.
        self._times = [
            size for axis, size in zip(self._leading, self._shape, strict=True) if axis not in "ZC"
        ]
        self.description = FilesetDescription("Tiff", (self._described(sizes),), used_files=(path,))

    def plane(self, image_index: int, z: int, c: int, t: int) -> Plane:  # there is one image
        channel, sample = divmod(c, self._samples)
        at = self._position(z, channel, t)
        number = int(np.ravel_multi_index(at, tuple(self._shape))) if at else 0
        if len(self._series.pages) == math.prod(self._shape):
            page = self._series.pages[number]
            if page is not None:
                return page_plane(page, self._path, sample)
        # ImageJ writes large stacks as one page that is followed by all the others' pixels.
        plane = self._all_planes()[at] if at else self._all_planes()
        return sample_plane(plane, "".join(axis for axis in self._axes if axis in _PLANE_AXES), sample)

    def close(self) -> None:
        self._file.close()

    def _position(self, z: int, channel: int, t: int) -> tuple[int, ...]:
        """The index on each axis that is not of a plane."""
        rest = iter(np.unravel_index(t, tuple(self._times)) if self._times else ())
        known = {"Z": z, "C": channel}
        return tuple(known[axis] if axis in known else int(next(rest)) for axis in self._leading)

    def _all_planes(self) -> Plane:
        """The series with its plane axes last."""
        if self._whole is None:
            try:
                whole = self._series.asarray()
            except DAMAGE as error:
                raise UnreadableFile(f"{self._path}: {error}") from error
            order = [self._axes.index(axis) for axis in self._leading]
            order += [index for index, axis in enumerate(self._axes) if axis in _PLANE_AXES]
            self._whole = whole.transpose(order)
        return self._whole

    def _described(self, sizes: dict[str, int]) -> ImageDescription:
        pixels_type = pixels_type_of(self._series.dtype)
        if pixels_type is None:
            raise UnreadableFile(f"{self._path}: OMERO has no pixels of the type {self._series.dtype}")
        size_c = sizes.get("C", 1) * self._samples
        page = self._series.keyframe
        x, y, z = _physical_sizes(page, self._file.imagej_metadata)
        return ImageDescription(
            name=self._path.name,
            index=0,
            size_x=sizes["X"],
            size_y=sizes["Y"],
            size_z=sizes.get("Z", 1),
            size_c=size_c,
            size_t=math.prod(self._times),
            pixels_type=pixels_type,
            dimension_order="XYCZT",
            significant_bits=bits_of(pixels_type),
            channels=(ChannelDescription(samples=self._samples),) * size_c,
            physical_size_x=x,
            physical_size_y=y,
            physical_size_z=z,
            acquired_ms=_moment(page.tags.valueof("DateTime")),
            description=_description(self._file, page),
        )


_Sizes = tuple[Quantity | None, Quantity | None, Quantity | None]


def _physical_sizes(page: Any, imagej: dict[str, Any] | None) -> _Sizes:
    """From the resolution tags; ImageJ counts in a unit of its own and adds the distance of planes."""
    unit = _imagej_unit(imagej) if imagej is not None else _resolution_unit(page)
    if unit is None:
        return None, None, None
    x, y = (_pixel_size(page.tags.valueof(f"{axis}Resolution"), unit) for axis in "XY")
    spacing = 0.0 if imagej is None else float(imagej.get("spacing", 0.0))
    return x, y, quantity(spacing, unit)


def _imagej_unit(metadata: dict[str, Any]) -> str | None:
    unit = metadata.get("unit")
    return str(unit).replace("\\u00B5", "µ") if unit else None


def _resolution_unit(page: Any) -> str | None:
    units = {2: "inch", 3: "cm"}
    return units.get(int(page.tags.valueof("ResolutionUnit") or 1))


def _pixel_size(resolution: tuple[int, int] | None, unit: str) -> Quantity | None:
    """The tag counts pixels a unit, as a fraction."""
    if not resolution or not all(resolution):
        return None
    return quantity(resolution[1] / resolution[0], unit)


def _moment(text: object) -> int | None:
    """Milliseconds since 1970 of the tag DateTime, taken as UTC."""
    try:
        found = dt.datetime.strptime(str(text), _DATE_FORMAT).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(found.timestamp()) * 1000


def _description(file: tifffile.TiffFile, page: Any) -> str | None:
    """The tag ImageDescription, unless a program wrote its own notes into it."""
    if file.is_imagej or file.is_shaped:
        return None
    return page.description.strip() or None
