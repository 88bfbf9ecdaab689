"""Planes as colours. Source: Renderer, RGBStrategy, GreyScaleStrategy, QuantumFactory of omero-renderer."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.rendering.settings import GREYSCALE, ChannelSettings, Settings

Picture: TypeAlias = NDArray[np.uint8]
"""Rows, columns, and red, green, blue."""
ReadPlane: TypeAlias = Callable[[int], Plane]
"""A channel's plane."""

_BRIGHTEST: Final = 255
DEFAULT_QUALITY: Final = 0.85
"""Of JPEGs (CompressionSupport of omero-romio)."""


def render(settings: Settings, read: ReadPlane) -> Picture:
    """The picture of the active channels, black when none is.

    Only planes of active channels are read. A lookup table is not applied: the channel's colour is.
    """
    shown = [(index, channel) for index, channel in enumerate(settings.channels) if channel.is_active]
    if settings.model == GREYSCALE:
        return _grey(settings, read, shown[0] if shown else None)
    total: NDArray[Any] | None = None
    for index, channel in shown:
        part = _colored(_quantized(read(index), channel, settings.codomain), channel)
        total = part if total is None else total + part
    if total is None:
        return _black(read)
    picture: Picture = np.clip(np.rint(total), 0, _BRIGHTEST).astype(np.uint8)
    return picture


def _grey(settings: Settings, read: ReadPlane, shown: tuple[int, ChannelSettings] | None) -> Picture:
    """Only the first active channel is shown."""
    if shown is None:
        return _black(read)
    values = _quantized(read(shown[0]), shown[1], settings.codomain)
    return np.repeat(np.rint(values).astype(np.uint8)[:, :, None], 3, axis=2)


def _black(read: ReadPlane) -> Picture:
    return np.zeros((*read(0).shape, 3), np.uint8)


def _colored(values: NDArray[Any], channel: ChannelSettings) -> NDArray[Any]:
    *color, alpha = channel.color
    return values[:, :, None] * (np.array(color) / _BRIGHTEST) * (alpha / _BRIGHTEST)


def _quantized(plane: Plane, channel: ChannelSettings, codomain: tuple[int, int]) -> NDArray[Any]:
    """Values between the ends of the codomain: those below the window are lowest, those above highest."""
    values = (plane.real if plane.dtype.kind == "c" else plane).astype(np.float64)
    width = channel.end - channel.start
    if width > 0:
        part = np.clip((values - channel.start) / width, 0.0, 1.0)
    else:
        part = (values > channel.end).astype(np.float64)
    low, high = codomain
    quantized = low + (high - low) * _mapped(np.nan_to_num(part), channel)
    return low + high - quantized if channel.is_inverted else quantized


def _mapped(part: NDArray[Any], channel: ChannelSettings) -> NDArray[Any]:
    """The curve of a channel's family, from 0 to 1."""
    curve: NDArray[Any] = part
    if channel.family == "polynomial":
        curve = np.power(part, channel.coefficient)
    elif channel.family == "exponential":
        curve = np.expm1(np.power(part, channel.coefficient)) / np.expm1(1.0)
    elif channel.family == "logarithmic":
        curve = np.log1p(part * _BRIGHTEST) / np.log1p(_BRIGHTEST)
    return curve


def jpeg(picture: Picture, quality: float = DEFAULT_QUALITY) -> bytes:
    """A JPEG; ``quality`` is from 0 to 1."""
    return _jpeg(Image.fromarray(picture), quality)


def scaled_jpeg(picture: Picture, size: tuple[int, int], quality: float = DEFAULT_QUALITY) -> bytes:
    """A JPEG of columns by rows."""
    return _jpeg(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR), quality)


def _jpeg(image: Image.Image, quality: float) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=max(1, min(100, round(quality * 100))))
    return buffer.getvalue()


def packed(picture: Picture) -> list[int]:
    """Pixels row by row as signed 32-bit numbers: opaque, red, green, blue."""
    argb = np.empty((*picture.shape[:2], 4), np.uint8)
    argb[:, :, 0], argb[:, :, 1:] = _BRIGHTEST, picture
    return [int(value) for value in argb.view(">i4").ravel()]
