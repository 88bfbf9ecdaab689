"""What a reader says about the files it was given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from omero_irods_sandbox.omero_server.formats.pixel_types import PIXEL_TYPES

Color: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue, alpha, each 0 to 255."""

DIMENSION_ORDERS = frozenset({"XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit, as the enumeration spells it (``MICROMETER``)."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class ChannelDescription:
    """One of an image's ``size_c`` channels.

    ``samples`` counts those that are stored together with it, itself included.
    """

    name: str | None = None
    color_rgba: Color | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True)
class WellPosition:
    """Where on a plate an image was taken; all count from 0. ``plate`` indexes the fileset's plates."""

    plate: int
    row: int
    column: int
    acquisition: int | None
    field: int


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """One image (Bio-Formats: series). There is one channel description for each of ``size_c``."""

    name: str
    index: int
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixels_type: str
    dimension_order: str
    significant_bits: int
    channels: tuple[ChannelDescription, ...]
    physical_size_x: Quantity | None = None
    physical_size_y: Quantity | None = None
    physical_size_z: Quantity | None = None
    acquired_ms: int | None = None
    description: str | None = None
    well: WellPosition | None = None
    ome_id: str | None = None

    def __post_init__(self) -> None:
        sizes = (self.size_x, self.size_y, self.size_z, self.size_c, self.size_t)
        if min(sizes) < 1:
            raise ValueError(f"image {self.index} has a size below 1: {sizes}")
        if self.pixels_type not in PIXEL_TYPES:
            raise ValueError(f"image {self.index}: {self.pixels_type!r} is no pixel type")
        if self.dimension_order not in DIMENSION_ORDERS:
            raise ValueError(f"image {self.index}: {self.dimension_order!r} is no dimension order")
        if len(self.channels) != self.size_c:
            raise ValueError(f"image {self.index} has {self.size_c} channels, {len(self.channels)} described")


@dataclass(frozen=True, slots=True)
class PlateDescription:
    """A plate; ``acquisitions`` are the names of its runs. ``screen`` indexes the fileset's screens."""

    name: str
    rows: int
    columns: int
    acquisitions: tuple[str, ...] = ()
    row_naming: str = "letter"
    column_naming: str = "number"
    description: str | None = None
    external_identifier: str | None = None
    screen: int | None = None


@dataclass(frozen=True, slots=True)
class ScreenDescription:
    """A screen that the files themselves name."""

    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class FilesetDescription:
    """All that the files hold. ``format`` is a value of the enumeration Format."""

    format: str
    images: tuple[ImageDescription, ...]
    plates: tuple[PlateDescription, ...] = ()
    used_files: tuple[Path, ...] = ()
    screens: tuple[ScreenDescription, ...] = ()
