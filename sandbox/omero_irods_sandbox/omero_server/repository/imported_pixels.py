"""What an import does with pixels: where their files are, their statistics, settings and thumbnails.

Source: ManagedImportRequestI.pixelData and .parseData, MetadataStoreI.setPixelsFile,
OMEROMetadataStore.populateMinMax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.pixels.source import all_planes, pixel_source
from omero_irods_sandbox.omero_server.pixels.statistics import Range, channel_ranges, digest
from omero_irods_sandbox.omero_server.rendering.defaults import create_settings, known_ranges
from omero_irods_sandbox.omero_server.rendering.thumbnails import create_thumbnail
from omero_irods_sandbox.omero_server.repository.channel_display import PICTURE_FORMATS

if TYPE_CHECKING:
    import sqlite3

    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.formats.description import ImageDescription

LARGEST_PLANE: Final = 3192 * 3192
"""Pixels of a plane above which nothing is read at import (omero.pixeldata.max_plane_width and _height)."""


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """An image that was saved: its ids, and what the reader said of it."""

    id: int
    pixels_id: int
    channel_ids: tuple[int, ...]
    described: ImageDescription
    format: str

    @classmethod
    def of(cls, saved: IObject, described: ImageDescription, format_name: str) -> ImportedImage:
        """From the object after saving, which has its ids."""
        pixels = saved.getPrimaryPixels()
        channels = tuple(channel.id.val for channel in pixels.copyChannels())
        return cls(saved.id.val, pixels.id.val, channels, described, format_name)

    @property
    def is_measured(self) -> bool:
        """Large planes are not read."""
        return self.described.size_x * self.described.size_y <= LARGEST_PLANE


def record_file(call: Call, images: Sequence[ImportedImage], target: sqlite3.Row) -> None:
    """Note on all pixels which file a reader opens for them: columns that only SQL sees."""
    with call.store.work(call.caller) as work:
        for image in images:
            work.update(
                "Pixels",
                image.pixels_id,
                path=target["path"].rstrip("/"),
                name=target["name"],
                repo=target["repo"],
            )


def measure(call: Call, image: ImportedImage) -> None:
    """Read all planes; keep the smallest and largest value of each channel, and the checksum of them all."""
    if not image.is_measured:
        return
    ranges = _ranges(call, image)
    sha1 = digest(all_planes(pixel_source(call.server, image.pixels_id))).hex()
    with call.store.work(call.caller) as work:
        for channel_id, (low, high) in zip(image.channel_ids, ranges, strict=True):
            stats_id = work.insert("StatsInfo", globalMin=low, globalMax=high)
            work.update("Channel", channel_id, statsInfo_id=stats_id)
        work.update("Pixels", image.pixels_id, sha1=sha1)


def make_viewable(call: Call, image: ImportedImage) -> None:
    """Rendering settings of the caller, and a thumbnail."""
    ranges = known_ranges(call.store.database, image.pixels_id) or _ranges(call, image)
    with call.store.work(call.caller) as work:
        create_settings(work, image.pixels_id, ranges)
        create_thumbnail(call.server, work, image.pixels_id)


def _ranges(call: Call, image: ImportedImage) -> list[Range]:
    """Of each channel, from its planes; pictures are taken to use all that a byte holds."""
    if image.format in PICTURE_FORMATS and image.described.pixels_type == "uint8":
        return [(0.0, 255.0)] * image.described.size_c
    return channel_ranges(pixel_source(call.server, image.pixels_id))
