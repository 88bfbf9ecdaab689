"""Images that exist by name only: ``.fake`` files. Source: FakeReader and XMLMockObjects of Bio-Formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from omero_irods_sandbox.omero_server.formats.description import (
    ChannelDescription,
    FilesetDescription,
    ImageDescription,
    PlateDescription,
    ScreenDescription,
    WellPosition,
)
from omero_irods_sandbox.omero_server.formats.errors import UnreadableFile
from omero_irods_sandbox.omero_server.formats.fake_names import (
    BadFakeName,
    FakeName,
    PlateGrid,
    parse_fake_name,
)
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, dtype_of
from omero_irods_sandbox.omero_server.formats.plane_order import plane_index

_BOX: Final = 10
"""Side of the boxes at the upper left, of which each says a number."""
_MOST_IMAGES: Final = 1_000_000


def open_fake(path: Path) -> FakeReader:
    """A reader for a ``.fake`` file, or for the ``.fake.ini`` file beside it.

    Raises:
        UnreadableFile: its name says something impossible.
    """
    fake = path.with_name(path.name.removesuffix(".ini"))
    ini = fake.with_name(fake.name + ".ini")
    try:
        lines = ini.read_text(encoding="utf-8").splitlines() if ini.exists() else []
        name = parse_fake_name(fake.name, lines)
    except (BadFakeName, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path}: {error}") from error
    if _image_count(name) > _MOST_IMAGES:
        raise UnreadableFile(f"{path}: {_image_count(name)} images are more than {_MOST_IMAGES}")
    return FakeReader(name, tuple(file for file in (fake, ini) if file.exists()))


class FakeReader:
    """Planes with a gradient from left to right, and boxes that say which plane it is."""

    def __init__(self, name: FakeName, used_files: tuple[Path, ...]) -> None:
        self._name = name
        self.description = FilesetDescription(
            "Fake", tuple(_images(name)), _plates(name.grid), used_files, _screens(name.grid)
        )

    def plane(self, image_index: int, z: int, c: int, t: int) -> Plane:
        name = self._name
        dtype = dtype_of(name.pixels_type)
        lowest = int(np.iinfo(dtype).min) if dtype.kind == "i" else 0
        columns = np.arange(name.size_x, dtype=np.int64) + lowest
        row = _wrapped(columns * name.scale_factor, dtype)
        plane = np.tile(row, (name.size_y, 1))
        for box, value in enumerate((image_index, self._plane_number(z, c, t), z, c, t)):
            plane[:_BOX, box * _BOX : (box + 1) * _BOX] = _wrapped(np.array(value), dtype)
        return plane

    def _plane_number(self, z: int, c: int, t: int) -> int:
        name = self._name
        sizes = {"Z": name.size_z, "C": name.size_c // name.samples, "T": name.size_t}
        return plane_index(name.dimension_order, sizes, {"Z": z, "C": c // name.samples, "T": t})

    def close(self) -> None:
        """There is nothing open."""


def _wrapped(values: Plane, dtype: np.dtype[np.generic]) -> Plane:
    """Values in a type: whole numbers lose the bits that do not fit, as Java's casts do."""
    if dtype.kind in "fc":
        return values.astype(dtype)
    return values.astype(np.int64).astype(dtype)


def _image_count(name: FakeName) -> int:
    return name.series if name.grid is None else name.grid.images


def _images(name: FakeName) -> Iterator[ImageDescription]:
    wells = list(_wells(name.grid)) if name.grid is not None else [None] * name.series
    channels = tuple(_channel(name, index) for index in range(name.size_c))
    x, y, z = name.physical_sizes
    for index, well in enumerate(wells):
        yield ImageDescription(
            name=name.stem if index == 0 else f"{name.stem} {index + 1}",
            index=index,
            size_x=name.size_x,
            size_y=name.size_y,
            size_z=name.size_z,
            size_c=name.size_c,
            size_t=name.size_t,
            pixels_type=name.pixels_type,
            dimension_order=name.dimension_order,
            significant_bits=name.significant_bits,
            channels=channels,
            physical_size_x=x,
            physical_size_y=y,
            physical_size_z=z,
            acquired_ms=name.acquired_ms,
            well=well,
            ome_id=f"Image:{index}",
        )


def _channel(name: FakeName, index: int) -> ChannelDescription:
    color = name.colors.get(index // name.samples, name.color)
    return ChannelDescription(color_rgba=color, samples=name.samples)


def _wells(grid: PlateGrid) -> Iterator[WellPosition]:
    """In the order of the images: fields vary fastest, then runs, columns, rows, plates."""
    shape = (grid.all_plates, grid.rows, grid.columns, grid.acquisitions, grid.fields)
    for plate, row, column, acquisition, field in np.ndindex(shape):
        yield WellPosition(plate, row, column, acquisition, field)


def _plates(grid: PlateGrid | None) -> tuple[PlateDescription, ...]:
    if grid is None:
        return ()
    return tuple(
        PlateDescription(
            name=f"Plate Name {index}",
            rows=grid.rows,
            columns=grid.columns,
            acquisitions=tuple(f"PlateAcquisition Name {run}" for run in range(grid.acquisitions)),
            description=f"Plate Description {index}",
            external_identifier="External Identifier",
            screen=index // grid.plates if grid.screens else None,
        )
        for index in range(grid.all_plates)
    )


def _screens(grid: PlateGrid | None) -> tuple[ScreenDescription, ...]:
    count = 0 if grid is None else grid.screens
    return tuple(
        ScreenDescription(f"Screen Name {index}", f"Screen Description {index}") for index in range(count)
    )
