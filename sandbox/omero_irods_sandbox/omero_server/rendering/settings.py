"""Rendering settings as values. Source: display.ome.xml of omero-model (RenderingDef, ChannelBinding)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from omero_irods_sandbox.omero_server.formats.description import Color
from omero_irods_sandbox.omero_server.formats.pixel_types import type_range
from omero_irods_sandbox.omero_server.pixels.source import Dimensions
from omero_irods_sandbox.omero_server.pixels.statistics import Range

GREYSCALE: Final = "greyscale"
RGB: Final = "rgb"
LINEAR: Final = "linear"

DEPTH_8_BIT: Final = 255
_ACTIVE_AT_FIRST: Final = 3
_MAX_COLOR_CHANNELS: Final = 60
"""From this many channels on, images are grey at first (Renderer.MAX_CHANNELS)."""
_EPSILON: Final = 0.00001


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How one channel is shown: values from ``start`` to ``end`` become ``color``, dark to bright."""

    start: float
    end: float
    color: Color
    is_active: bool
    family: str = LINEAR
    coefficient: float = 1.0
    noise_reduction: bool = False
    lookup_table: str | None = None
    is_inverted: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """How an image is shown. ``compression`` is the JPEG quality, from 0 to 1."""

    z: int
    t: int
    model: str
    channels: tuple[ChannelSettings, ...]
    codomain: tuple[int, int] = (0, DEPTH_8_BIT)
    bit_resolution: int = DEPTH_8_BIT

    def with_channel(self, index: int, **changes: object) -> Settings:
        """A copy with one channel changed.

        Raises:
            IndexError: there is no such channel.
        """
        if not 0 <= index < len(self.channels):
            raise IndexError(f"channel {index} of {len(self.channels)}")
        changed = replace(self.channels[index], **changes)  # type: ignore[arg-type]  # fields by name
        return replace(self, channels=(*self.channels[:index], changed, *self.channels[index + 1 :]))


def default_settings(
    dimensions: Dimensions,
    colors: Sequence[Color],
    ranges: Sequence[Range],
    lookup_tables: Sequence[str | None],
) -> Settings:
    """What an image gets at its import: the middle section, the first three channels, from min to max.

    Source: RenderingSettingsImpl.resetDefaults, .resetChannelBindings.
    """
    channels = tuple(
        ChannelSettings(
            *_window(found, dimensions.pixels_type), color, index < _ACTIVE_AT_FIRST, lookup_table=table
        )
        for index, (found, color, table) in enumerate(zip(ranges, colors, lookup_tables, strict=True))
    )
    model = RGB if 1 < dimensions.size_c < _MAX_COLOR_CHANNELS else GREYSCALE
    return Settings(dimensions.size_z // 2, 0, model, channels)


def _window(found: Range, pixels_type: str) -> Range:
    """A channel of one value only shows the whole range of its type."""
    return type_range(pixels_type) if abs(found[1] - found[0]) < _EPSILON else found


def applied(source: Settings, target: Settings, dimensions: Dimensions) -> Settings:
    """``target`` with what ``source`` says; a section or time that the image has not stays as it was.

    Source: RenderingSettingsImpl.applySettings.
    """
    return replace(
        source,
        z=source.z if source.z < dimensions.size_z else target.z,
        t=source.t if source.t < dimensions.size_t else target.t,
        codomain=(min(source.codomain), max(source.codomain)),
    )
