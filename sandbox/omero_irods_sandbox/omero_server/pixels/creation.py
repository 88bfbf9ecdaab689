"""New images without files, and copies of images' dimensions. Source: PixelsImpl of omero-server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from omero.rtypes import rbool, rdouble, rint, rstring

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.store.store import Store

PENDING_SHA1: Final = "Pending..."

_DESCRIBED: Final = (
    "select p from Pixels as p left outer join fetch p.pixelsType left outer join fetch p.dimensionOrder"
    " left outer join fetch p.channels as c left outer join fetch c.logicalChannel as lc"
    " left outer join fetch c.statsInfo left outer join fetch lc.photometricInterpretation"
    " left outer join fetch lc.illumination left outer join fetch lc.mode"
    " left outer join fetch lc.contrastMethod where p.id = :id"
)


@dataclass(frozen=True, slots=True)
class Resize:
    """What differs in a copy: None keeps it. ``channels`` are the numbers of those to copy."""

    size_x: int | None = None
    size_y: int | None = None
    size_z: int | None = None
    size_t: int | None = None
    channels: Sequence[int] | None = None


def described(store: Store, pixels_id: int, caller: Caller) -> IObject | None:
    """Pixels with type, order, channels and statistics, None when the caller sees none of this id."""
    found = store.objects(_DESCRIBED, caller, id=pixels_id)
    return found[0] if found else None


def new_image(name: str, description: str | None, pixels: IObject) -> IObject:
    """An image of one Pixels, not saved."""
    image = MODEL.entity("Image").make()
    image.name = rstring(name)
    image.description = None if description is None else rstring(description)
    image.archived, image.partial = rbool(False), rbool(False)
    image.addPixels(pixels)
    return image


def new_pixels(sizes: Sequence[int], channels: int, pixels_type: IObject) -> IObject:
    """Pixels of X, Y, Z and T, not saved.

    Raises:
        ValidationException: there are no channels.
    """
    if channels < 1:
        raise validation("Channel list must be filled.")
    pixels = MODEL.entity("Pixels").make()
    for axis, size in zip("XYZT", sizes, strict=True):
        setattr(pixels, f"size{axis}", rint(size))
    pixels.sizeC = rint(channels)
    pixels.pixelsType = pixels_type
    pixels.dimensionOrder = MODEL.entity("DimensionOrder").make()
    pixels.dimensionOrder.value = rstring("XYZCT")
    pixels.sha1 = rstring(PENDING_SHA1)
    for _ in range(channels):
        channel = MODEL.entity("Channel").make()
        channel.logicalChannel = MODEL.entity("LogicalChannel").make()
        pixels.addChannel(channel)
    return pixels


def copied_pixels(
    source: IObject, resize: Resize, methodology: str | None, *, with_statistics: bool
) -> IObject:
    """Pixels like ``source``, which :func:`described` has loaded; not saved, and without planes.

    Logical channels are shared with the source, as OMERO does.

    Raises:
        ValidationException: a size is below 0, or a channel is not there.
    """
    chosen = _channels(source, resize)
    copy = MODEL.entity("Pixels").make()
    copy.relatedTo = MODEL.entity("Pixels").make(source.id.val, loaded=False)
    copy.methodology = None if methodology is None else rstring(methodology)
    for name in ("dimensionOrder", "physicalSizeX", "physicalSizeY", "physicalSizeZ", "pixelsType"):
        setattr(copy, name, getattr(source, name))
    for axis in "XYZT":
        wanted = getattr(resize, f"size_{axis.lower()}")
        if wanted is not None and wanted < 0:
            raise validation(f"size{axis}: {wanted} <= 0")
        setattr(copy, f"size{axis}", getattr(source, f"size{axis}") if wanted is None else rint(wanted))
    copy.sizeC, copy.sha1 = rint(len(chosen)), rstring(PENDING_SHA1)
    for channel in chosen:
        copy.addChannel(_copied_channel(channel, with_statistics=with_statistics))
    return copy


def _channels(source: IObject, resize: Resize) -> list[IObject]:
    channels = list(source.copyChannels())
    if resize.channels is None:
        return channels
    if not resize.channels:
        raise validation("Channel List is not null but size == 0")
    outside = [number for number in resize.channels if not 0 <= number < len(channels)]
    if outside:
        raise validation(f"channel: {outside[0]} out of bounds")
    return [channels[number] for number in resize.channels]


def _copied_channel(source: IObject, *, with_statistics: bool) -> IObject:
    channel = MODEL.entity("Channel").make()
    channel.logicalChannel = MODEL.entity("LogicalChannel").make(source.logicalChannel.id.val, loaded=False)
    if with_statistics and source.statsInfo is not None:
        stats = MODEL.entity("StatsInfo").make()
        stats.globalMin = rdouble(source.statsInfo.globalMin.val)
        stats.globalMax = rdouble(source.statsInfo.globalMax.val)
        channel.statsInfo = stats
    return channel
