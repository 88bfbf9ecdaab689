"""Planes by the id of their Pixels: from imported files, or from the server's own buffer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from omero_irods_sandbox.omero_server.errors import api_usage, resource_error, validation
from omero_irods_sandbox.omero_server.formats import FormatError, read_plane
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, dtype_of

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

_ROW: Final = (
    'select p.id, p."sizeX", p."sizeY", p."sizeZ", p."sizeC", p."sizeT", y.value as type,'
    ' i.fileset_id, i.series, (select min(f.id) from "Pixels" f where f.image_id = p.image_id) as first_id'
    ' from "Pixels" p join "PixelsType" y on y.id = p."pixelsType_id"'
    ' left join "Image" i on i.id = p.image_id where p.id = ?'
)


@dataclass(frozen=True, slots=True)
class Dimensions:
    """How many columns, rows, sections, channels and time points there are, and of what type."""

    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixels_type: str

    @property
    def plane_bytes(self) -> int:
        return self.size_x * self.size_y * dtype_of(self.pixels_type).itemsize

    @property
    def planes(self) -> int:
        return self.size_z * self.size_c * self.size_t

    def plane_number(self, z: int, c: int, t: int) -> int:
        """Where a plane stands in the order XYZCT.

        Raises:
            ApiUsageException: there is no such plane.
        """
        for name, at, size in (("Z", z, self.size_z), ("C", c, self.size_c), ("T", t, self.size_t)):
            if not 0 <= at < size:
                raise api_usage(f"{name} '{at}' greater than size{name} '{size}' or below 0")
        return z + self.size_z * (c + self.size_c * t)


class PixelSource(Protocol):
    """The planes of one Pixels. Safe for several threads, as long as they write different planes."""

    dimensions: Dimensions

    @property
    def is_writable(self) -> bool:
        """Whether :meth:`write_plane` may be called: not for imported files."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Big-endian."""

    @property
    def path(self) -> Path:
        """The first file that the planes are in."""

    def plane(self, z: int, c: int, t: int) -> Plane:
        """Rows by columns.

        Raises:
            ApiUsageException: there is no such plane.
            ResourceError: its file cannot be read.
        """

    def write_plane(self, z: int, c: int, t: int, plane: Plane) -> None:
        """Keep a plane.

        Raises:
            ApiUsageException: there is no such plane, or it cannot be written.
        """


def pixel_source(server: OmeroServer, pixels_id: int) -> PixelSource:
    """The planes of Pixels, whoever may read them.

    The first Pixels of an image with a fileset are in its files; all others in a buffer.

    Raises:
        ValidationException: there are no such Pixels.
    """
    row = server.store.database.row(_ROW, pixels_id)
    if row is None:
        raise validation(f"No such object: Pixels:{pixels_id}")
    sizes = (row["sizeX"], row["sizeY"], row["sizeZ"], row["sizeC"], row["sizeT"])
    dimensions = Dimensions(*sizes, pixels_type=row["type"])
    if row["fileset_id"] is None or row["first_id"] != pixels_id:
        return BufferedPixels(dimensions, server.storage.pixels_path(pixels_id))
    return ImportedPixels(dimensions, server.storage.fileset_paths(row["fileset_id"]), row["series"] or 0)


def all_planes(source: PixelSource, channel: int | None = None) -> Iterator[Plane]:
    """The planes of one channel or of all, in the order XYZCT."""
    sizes = source.dimensions
    channels = range(sizes.size_c) if channel is None else (channel,)
    for t in range(sizes.size_t):
        for c in channels:
            for z in range(sizes.size_z):
                yield source.plane(z, c, t)


class ImportedPixels:
    """Planes in the files of a fileset."""

    is_writable = False

    def __init__(self, dimensions: Dimensions, paths: Sequence[Path], series: int) -> None:
        self.dimensions = dimensions
        self.dtype = dtype_of(dimensions.pixels_type)
        self._paths, self._series = tuple(paths), series

    @property
    def path(self) -> Path:
        return self._paths[0]

    def plane(self, z: int, c: int, t: int) -> Plane:
        self.dimensions.plane_number(z, c, t)
        try:
            return read_plane(self._paths, self._series, z, c, t).astype(self.dtype, copy=False)
        except (FormatError, IndexError) as error:
            raise resource_error(f"Error instantiating pixel buffer: {error}") from error

    def write_plane(self, z: int, c: int, t: int, plane: Plane) -> None:  # never
        raise api_usage("Cannot write to repository")


class BufferedPixels:
    """Planes in one file of the server, in the order XYZCT; those that nobody has written are black."""

    is_writable = True

    def __init__(self, dimensions: Dimensions, path: Path) -> None:
        self.dimensions = dimensions
        self.dtype = dtype_of(dimensions.pixels_type)
        self.path = path

    def plane(self, z: int, c: int, t: int) -> Plane:
        sizes = self.dimensions
        data = self._read(sizes.plane_number(z, c, t) * sizes.plane_bytes)
        return np.frombuffer(data, self.dtype).reshape(sizes.size_y, sizes.size_x)

    def _read(self, position: int) -> bytes:
        size = self.dimensions.plane_bytes
        try:
            with self.path.open("rb") as file:
                return os.pread(file.fileno(), size, position).ljust(size, b"\0")
        except FileNotFoundError:
            return bytes(size)
        except OSError as error:
            raise resource_error(f"cannot read {self.path}: {error.strerror}") from error

    def write_plane(self, z: int, c: int, t: int, plane: Plane) -> None:
        sizes = self.dimensions
        position = sizes.plane_number(z, c, t) * sizes.plane_bytes
        if plane.shape != (sizes.size_y, sizes.size_x):
            raise api_usage(f"a plane of {plane.shape} instead of {(sizes.size_y, sizes.size_x)}")
        data = np.ascontiguousarray(plane, dtype=self.dtype).tobytes()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _write_all(descriptor, data, position)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes, position: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written
