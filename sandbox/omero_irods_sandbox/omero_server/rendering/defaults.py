"""The settings that an image has until somebody changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.formats.channel_colors import default_color
from omero_irods_sandbox.omero_server.formats.description import Color
from omero_irods_sandbox.omero_server.pixels.source import Dimensions, pixel_source
from omero_irods_sandbox.omero_server.pixels.statistics import Range, channel_ranges
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.settings import Settings, default_settings

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.store.database import Database
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

_CHANNELS: Final = (
    'select c.red, c.green, c.blue, c.alpha, c."lookupTable", s."globalMin", s."globalMax"'
    ' from "Channel" c left join "StatsInfo" s on s.id = c."statsInfo_id"'
    ' where c.pixels_id = ? order by c."pixels_index", c.id'
)


def create_settings(work: UnitOfWork, pixels_id: int, ranges: Sequence[Range]) -> int:
    """Default settings of the caller for an image whose channels have these ranges; their id.

    Raises:
        ValidationException: there are no such pixels.
    """
    return stored.create(work, pixels_id, settings_from(work.database, pixels_id, ranges))


def settings_from(database: Database, pixels_id: int, ranges: Sequence[Range]) -> Settings:
    """Default settings, not saved."""
    dimensions = dimensions_of(database, pixels_id)
    rows = database.rows(_CHANNELS, pixels_id)
    colors: list[Color] = []
    for index in range(dimensions.size_c):
        row = rows[index] if index < len(rows) else None
        rgba = None if row is None else (row["red"], row["green"], row["blue"], row["alpha"])
        known = rgba is not None and None not in rgba
        colors.append(rgba if rgba is not None and known else default_color(index, dimensions.size_c))
    tables = [rows[index]["lookupTable"] if index < len(rows) else None for index in range(dimensions.size_c)]
    return default_settings(dimensions, colors, ranges, tables)


def computed_settings(server: OmeroServer, pixels_id: int) -> Settings:
    """Default settings, with the ranges that are known or else those of the planes, which are read for it.

    Not to be called within a transaction.

    Raises:
        ValidationException: there are no such pixels.
        ResourceError: the planes cannot be read.
    """
    ranges = known_ranges(server.store.database, pixels_id)
    source = pixel_source(server, pixels_id)
    if len(ranges) != source.dimensions.size_c:
        ranges = channel_ranges(source)
    return settings_from(server.store.database, pixels_id, ranges)


def known_ranges(database: Database, pixels_id: int) -> list[Range]:
    """Smallest and largest values of channels as recorded; empty when not all are."""
    rows = database.rows(_CHANNELS, pixels_id)
    if any(row["globalMin"] is None for row in rows):
        return []
    return [(row["globalMin"], row["globalMax"]) for row in rows]


def dimensions_of(database: Database, pixels_id: int) -> Dimensions:
    """Sizes and type of Pixels.

    Raises:
        ValidationException: there are none.
    """
    row = database.row(
        'select p.*, y.value as type from "Pixels" p join "PixelsType" y on y.id = p."pixelsType_id"'
        " where p.id = ?",
        pixels_id,
    )
    if row is None:
        raise validation(f"No such object: Pixels:{pixels_id}")
    return Dimensions(row["sizeX"], row["sizeY"], row["sizeZ"], row["sizeC"], row["sizeT"], row["type"])
