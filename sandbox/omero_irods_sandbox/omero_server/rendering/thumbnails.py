"""Thumbnails: small JPEGs of images as their settings show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.pixels.source import Dimensions, PixelSource, pixel_source
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.defaults import computed_settings
from omero_irods_sandbox.omero_server.rendering.renderer import render, scaled_jpeg
from omero_irods_sandbox.omero_server.rendering.settings import Settings

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

LONGEST_SIDE: Final = 96
"""Of the thumbnails that are made at import (ThumbnailStore)."""
_MOST: Final = 4096
_FINER: Final = 4
"""Planes are thinned out before rendering to this many times the thumbnail's size."""

MIME_TYPE: Final = "image/jpeg"


def thumbnail_jpeg(
    server: OmeroServer, pixels_id: int, longest_side: int = LONGEST_SIDE, settings_id: int | None = None
) -> bytes:
    """A thumbnail with these settings, else with default ones; not to be called within a transaction.

    Raises:
        ResourceError: the planes cannot be read.
    """
    source = pixel_source(server, pixels_id)
    return draw(
        source, settings_or_default(server, pixels_id, settings_id), fitted(source.dimensions, longest_side)
    )


def settings_or_default(server: OmeroServer, pixels_id: int, settings_id: int | None) -> Settings:
    """Stored settings, or those that an image starts with."""
    if settings_id is None:
        return computed_settings(server, pixels_id)
    return stored.load(server.store.database, settings_id)


def fitted(dimensions: Dimensions, longest_side: int) -> tuple[int, int]:
    """Columns and rows of a thumbnail with the proportions of the image."""
    side = max(1, min(longest_side, _MOST))
    longest = max(dimensions.size_x, dimensions.size_y)
    return (
        max(1, round(dimensions.size_x * side / longest)),
        max(1, round(dimensions.size_y * side / longest)),
    )


def draw(source: PixelSource, settings: Settings, size: tuple[int, int]) -> bytes:
    """The JPEG of the settings' section and time, of columns by rows.

    Settings may name a section or time past the end, as those of another image do: the last one is shown.
    """
    sizes = source.dimensions
    settings = replace(settings, z=min(settings.z, sizes.size_z - 1), t=min(settings.t, sizes.size_t - 1))
    return scaled_jpeg(render(settings, _thinned(source, settings, size)), size)


def _thinned(source: PixelSource, settings: Settings, size: tuple[int, int]) -> Callable[[int], Plane]:
    step = max(1, source.dimensions.size_x // (size[0] * _FINER))

    def read(channel: int) -> Plane:
        return source.plane(settings.z, channel, settings.t)[::step, ::step]

    return read


def create_thumbnail(server: OmeroServer, work: UnitOfWork, pixels_id: int) -> int:
    """Record the caller's thumbnail of an image; its id. The picture itself is drawn when it is asked for."""
    sizes = pixel_source(server, pixels_id).dimensions
    size_x, size_y = fitted(sizes, LONGEST_SIDE)
    group_id = work.database.value('select d_group from "Pixels" where id = ?', pixels_id)
    known = work.database.value(
        'select id from "Thumbnail" where pixels_id = ? and d_owner = ? and "sizeX" = ? and "sizeY" = ?',
        pixels_id,
        work.caller.user_id,
        size_x,
        size_y,
    )
    if known is not None:
        work.update("Thumbnail", known, ref="")
        return int(known)
    return work.insert(
        "Thumbnail",
        group_id=group_id,
        pixels_id=pixels_id,
        mimeType=MIME_TYPE,
        sizeX=size_x,
        sizeY=size_y,
        ref="",
    )
