"""What the name of a ``.fake`` file says.

``stem&key=value&key=value.fake``; lines of a ``.fake.ini`` file beside it override
the name. Source: FakeReader of Bio-Formats, "Generating test images" of its
documentation. Keys that are not known, and text without ``=``, are ignored, as there.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from omero_irods_sandbox.omero_server.formats.channel_colors import color_of_number
from omero_irods_sandbox.omero_server.formats.description import DIMENSION_ORDERS, Color, Quantity
from omero_irods_sandbox.omero_server.formats.pixel_types import PIXEL_TYPES, bits_of
from omero_irods_sandbox.omero_server.formats.units import length_of

SUFFIX: Final = ".fake"
_SEPARATOR: Final = "&"
_DATE_FORMAT: Final = "%Y-%m-%d_%H-%M-%S"
_LARGEST: Final = 2**31 - 1
_ALIASES: Final = {"complex double": "double-complex", "complex float": "complex"}


class BadFakeName(ValueError):
    """The name says something impossible, such as a size of 0."""


@dataclass(frozen=True, slots=True)
class PlateGrid:
    """How many of each level there are, all at least 1; ``screens`` may be 0, then plates have none."""

    screens: int
    plates: int
    rows: int
    columns: int
    acquisitions: int
    fields: int

    @property
    def all_plates(self) -> int:
        return max(self.screens, 1) * self.plates

    @property
    def images(self) -> int:
        return self.all_plates * self.rows * self.columns * self.acquisitions * self.fields


@dataclass(frozen=True, slots=True)
class FakeName:
    """Values that a reader can use; see the class for the defaults."""

    stem: str
    size_x: int = 512
    size_y: int = 512
    size_z: int = 1
    size_c: int = 1
    size_t: int = 1
    pixels_type: str = "uint8"
    significant_bits: int = 8
    samples: int = 1
    dimension_order: str = "XYZCT"
    series: int = 1
    scale_factor: float = 1.0
    color: Color | None = None
    colors: Mapping[int, Color] = field(default_factory=dict)
    physical_sizes: tuple[Quantity | None, Quantity | None, Quantity | None] = (None, None, None)
    acquired_ms: int | None = None
    grid: PlateGrid | None = None


def parse_fake_name(name: str, lines: Sequence[str] = ()) -> FakeName:
    """What ``name``, which ends in ``.fake``, and the lines of its ``.ini`` file say.

    Raises:
        BadFakeName: a size is no whole number above 0, or a type or an order is unknown.
    """
    stem, *tokens = name.removesuffix(SUFFIX).split(_SEPARATOR)
    values = dict(token.split("=", 1) for token in [*tokens, *_head(lines)] if "=" in token)
    pixels_type = _pixels_type(values.get("pixelType", "uint8"))
    size_c, samples = _size(values, "sizeC"), _size(values, "rgb")
    if size_c % samples:
        raise BadFakeName(f"Invalid sizeC/rgb combination: {size_c}/{samples}")
    return FakeName(
        stem,
        size_x=_size(values, "sizeX", 512),
        size_y=_size(values, "sizeY", 512),
        size_z=_size(values, "sizeZ"),
        size_c=size_c,
        size_t=_size(values, "sizeT"),
        pixels_type=pixels_type,
        significant_bits=_bits(values, pixels_type),
        samples=samples,
        dimension_order=_dimension_order(values),
        series=_size(values, "series"),
        scale_factor=_number(values.get("scaleFactor", "1")),
        color=_color(values.get("color", "")),
        colors=_colors(values),
        physical_sizes=_physical_sizes(values),
        acquired_ms=_moment(values.get("acquisitionDate", "")),
        grid=_grid(values),
    )


def _head(lines: Sequence[str]) -> list[str]:
    """``key=value`` of the lines before the first section."""
    found = []
    for line in lines:
        if line.lstrip().startswith("["):
            break
        key, equals, value = line.partition("=")
        found.append(f"{key.strip()}{equals}{value.strip()}")
    return found


def _number(text: str) -> float:
    """A number, NaN when it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole(text: str) -> int:
    """Cut off as Java's cast does; -1 when it is no number that fits."""
    number = _number(text)
    return int(number) if abs(number) <= _LARGEST else -1


def _size(values: Mapping[str, str], key: str, default: int = 1) -> int:
    size = _whole(values[key]) if key in values else default
    if size < 1:
        raise BadFakeName(f"Invalid {key}: {values[key]}")
    return size


def _pixels_type(text: str) -> str:
    wanted = _ALIASES.get(text, text)
    if wanted not in PIXEL_TYPES:
        raise BadFakeName(f"Unknown type: '{text}'")
    return wanted


def _bits(values: Mapping[str, str], pixels_type: str) -> int:
    bits = _whole(values.get("bitsPerPixel", "0"))
    most = bits_of(pixels_type)
    return bits if 0 < bits <= most else most


def _dimension_order(values: Mapping[str, str]) -> str:
    order = values.get("dimOrder", "XYZCT").upper()
    if order not in DIMENSION_ORDERS:
        raise BadFakeName(f"Invalid dimension order: {order}")
    return order


def _color(text: str) -> Color | None:
    """A number in decimal, hexadecimal or octal; anything else is no colour."""
    try:
        return color_of_number(int(text, 0))
    except ValueError:
        return None


def _colors(values: Mapping[str, str]) -> dict[int, Color]:
    found: dict[int, Color] = {}
    for key, value in values.items():
        index, color = key.removeprefix("color_"), _color(value)
        if key != index and index.isascii() and index.isdigit() and color is not None:
            found[int(index)] = color
    return found


def _physical_sizes(
    values: Mapping[str, str],
) -> tuple[Quantity | None, Quantity | None, Quantity | None]:
    x, y, z = (length_of(values.get(f"physicalSize{axis}", "")) for axis in "XYZ")
    return x, y, z


def _moment(text: str) -> int | None:
    """Milliseconds since 1970 of ``2012-04-23_18-25-43``, taken as UTC."""
    try:
        found = dt.datetime.strptime(text, _DATE_FORMAT).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(found.timestamp()) * 1000


def _grid(values: Mapping[str, str]) -> PlateGrid | None:
    """A grid as soon as one key asks for it; what is not said, or is below 1, counts 1, screens 0."""
    keys = ("plates", "plateRows", "plateCols", "plateAcqs", "fields")
    screens = max(_whole(values.get("screens", "0")), 0)
    counts = [_whole(values.get(key, "0")) for key in keys]
    if not screens and all(count < 1 for count in counts):
        return None
    plates, rows, columns, acquisitions, fields = (max(count, 1) for count in counts)
    return PlateGrid(screens, plates, rows, columns, acquisitions, fields)
