"""Colors and names of channels whose files say nothing of them.

Source: ChannelProcessor and ColorsFactory of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.omero_server.formats.channel_colors import BLUE, GREEN, GREY, RED
from omero_irods_sandbox.omero_server.formats.description import ChannelDescription, Color

WHITE: Final[Color] = (255, 255, 255, 255)
TRANSPARENT: Final[Color] = (0, 0, 0, 0)

_BY_PLACE: Final = (RED, GREEN, BLUE)
_OF_PICTURES: Final = ((RED, "Red"), (GREEN, "Green"), (BLUE, "Blue"), (TRANSPARENT, "Alpha"))
_GREEN_FROM_NM: Final = 500
_RED_FROM_NM: Final = 560

PICTURE_FORMATS: Final = frozenset({"AVI", "BMP", "GIF", "JPEG", "PNG", "TIFF", "Tiff"})
"""Formats whose readers call them graphics (FormatTools.GRAPHICS_DOMAIN; OMEROMetadataStore.DOMAINS)."""


@dataclass(frozen=True, slots=True)
class ChannelDisplay:
    """How a channel is shown and what it is called."""

    color: Color
    name: str | None


def displays(channels: Sequence[ChannelDescription], format_name: str) -> list[ChannelDisplay]:
    """For each channel what its file says, else what follows from its wavelength or its place."""
    if len(channels) == 1:
        return [ChannelDisplay(channels[0].color_rgba or GREY, channels[0].name)]
    if format_name in PICTURE_FORMATS:
        return [_of_picture(channel, index) for index, channel in enumerate(channels)]
    found = [_of_light(channel, index) for index, channel in enumerate(channels)]
    return _with_white_transmission(channels, found)


def _of_picture(channel: ChannelDescription, index: int) -> ChannelDisplay:
    if index < len(_OF_PICTURES):
        color, name = _OF_PICTURES[index]
        return ChannelDisplay(color, channel.name or name)
    return ChannelDisplay(_BY_PLACE[index % 3], channel.name)


def _of_light(channel: ChannelDescription, index: int) -> ChannelDisplay:
    wavelength = channel.emission_nm if channel.emission_nm is not None else channel.excitation_nm
    name = channel.name or (None if wavelength is None else str(float(wavelength)))
    if channel.color_rgba is not None:
        return ChannelDisplay(channel.color_rgba, name)
    color = _BY_PLACE[index % 3] if wavelength is None else _of_wavelength(wavelength)
    return ChannelDisplay(color, name)


def _of_wavelength(nanometers: float) -> Color:
    if nanometers < _GREEN_FROM_NM:
        return BLUE
    return GREEN if nanometers < _RED_FROM_NM else RED


def _with_white_transmission(
    channels: Sequence[ChannelDescription], found: Sequence[ChannelDisplay]
) -> list[ChannelDisplay]:
    """Among channels that emit, one that does not is transmitted light: white."""
    dark = [channel.emission_nm is None and channel.color_rgba is None for channel in channels]
    if all(dark):
        return list(found)
    return [
        ChannelDisplay(WHITE, one.name) if is_dark else one for one, is_dark in zip(found, dark, strict=True)
    ]
