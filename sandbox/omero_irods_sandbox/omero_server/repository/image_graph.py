"""Images as omero.model objects, from what a reader found in files.

Source: OMEROMetadataStoreClient, PixelsProcessor and ChannelProcessor of omero-blitz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from omero.rtypes import rbool, rint, rstring, rtime

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.model.values import length
from omero_irods_sandbox.omero_server.repository.channel_display import ChannelDisplay, displays

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.formats.description import (
        ChannelDescription,
        FilesetDescription,
        ImageDescription,
    )
    from omero_irods_sandbox.omero_server.repository.import_settings import Wishes

PENDING_SHA1: Final = "Pending..."
"""Pixels.sha1 until the planes have been read."""

_DIMENSION_ORDER: Final = "XYZCT"
"""Whatever the order in the file: so it is in packets of real servers (shared/data/packets)."""

NAME_LENGTH: Final = 255
_ELLIPSIS: Final = "…"
_NANOMETER: Final = "NANOMETER"


def image_name(base: str, image: ImageDescription, count: int) -> str:
    """``base`` for the only image, else with the image's name or index in brackets; of a long one the end."""
    name = base if count == 1 else f"{base} [{image.name.strip() or image.index}]"
    return name if len(name) <= NAME_LENGTH else _ELLIPSIS + name[-(NAME_LENGTH - 1) :]


def image_object(
    image: ImageDescription, fileset: FilesetDescription, fileset_id: int, base: str, wishes: Wishes
) -> IObject:
    """An image with its pixels and channels, in no container yet."""
    made = MODEL.entity("Image").make()
    made.name = rstring(image_name(base, image, len(fileset.images)))
    description = wishes.description if wishes.description is not None else image.description
    made.description = None if description is None else rstring(description)
    made.series = rint(image.index)
    made.archived = rbool(False)
    made.partial = rbool(False)
    made.format = _enumeration("Format", fileset.format)
    made.fileset = MODEL.entity("Fileset").make(fileset_id, loaded=False)
    made.acquisitionDate = None if image.acquired_ms is None else rtime(image.acquired_ms)
    made.addPixels(_pixels(image, fileset.format, wishes))
    return made


def _pixels(image: ImageDescription, format_name: str, wishes: Wishes) -> IObject:
    pixels = MODEL.entity("Pixels").make()
    for axis in "XYZCT":
        setattr(pixels, f"size{axis}", rint(getattr(image, f"size_{axis.lower()}")))
    pixels.pixelsType = _enumeration("PixelsType", image.pixels_type)
    pixels.dimensionOrder = _enumeration("DimensionOrder", _DIMENSION_ORDER)
    pixels.significantBits = rint(image.significant_bits)
    pixels.sha1 = rstring(PENDING_SHA1)
    _set_physical_sizes(pixels, image, wishes)
    for channel, display in zip(image.channels, displays(image.channels, format_name), strict=True):
        pixels.addChannel(_channel(channel, display))
    return pixels


def _set_physical_sizes(pixels: IObject, image: ImageDescription, wishes: Wishes) -> None:
    """What the user says counts only where the file says nothing."""
    wished = wishes.pixel_sizes or (None, None, None)
    for axis, default in zip("XYZ", wished, strict=True):
        found = getattr(image, f"physical_size_{axis.lower()}")
        if found is not None:
            setattr(pixels, f"physicalSize{axis}", length(found.value, found.unit))
        elif default is not None:
            setattr(pixels, f"physicalSize{axis}", length(default))


def _channel(channel: ChannelDescription, display: ChannelDisplay) -> IObject:
    logical = MODEL.entity("LogicalChannel").make()
    logical.name = None if display.name is None else rstring(display.name)
    logical.samplesPerPixel = rint(channel.samples)
    for kind in ("emission", "excitation"):
        nanometers = getattr(channel, f"{kind}_nm")
        if nanometers is not None:
            setattr(logical, f"{kind}Wave", length(nanometers, _NANOMETER))
    made = MODEL.entity("Channel").make()
    made.red, made.green, made.blue, made.alpha = map(rint, display.color)
    made.logicalChannel = logical
    return made


def _enumeration(name: str, value: str) -> IObject:
    made = MODEL.entity(name).make()
    made.value = rstring(value)
    return made
