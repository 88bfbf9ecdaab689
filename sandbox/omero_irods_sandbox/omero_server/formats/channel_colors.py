"""Colours of channels. Source: ChannelProcessor of omero-blitz, Color of the OME schema."""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.omero_server.formats.description import Color

RED: Final[Color] = (255, 0, 0, 255)
GREEN: Final[Color] = (0, 255, 0, 255)
BLUE: Final[Color] = (0, 0, 255, 255)
GREY: Final[Color] = (128, 128, 128, 255)

_FIRST: Final = (RED, GREEN, BLUE)


def default_color(index: int, size_c: int) -> Color:
    """The colour of a channel that has none: grey alone; else red, green, and blue for all others."""
    return GREY if size_c == 1 else _FIRST[min(index, 2)]


def color_of_number(number: int) -> Color:
    """The colour that OME writes as one signed number: red in the highest byte, alpha in the lowest."""
    red, green, blue, alpha = (number & 0xFFFFFFFF).to_bytes(4, "big")
    return red, green, blue, alpha
