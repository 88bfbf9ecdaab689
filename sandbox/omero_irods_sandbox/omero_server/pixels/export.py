"""An image as an OME-TIFF that stands alone. Source: ExporterI of omero-blitz."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import omero
import tifffile

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.pixels.source import PixelSource, all_planes, pixel_source

if TYPE_CHECKING:
    import sqlite3

    from omero_irods_sandbox.omero_server.server import OmeroServer

_CHANNELS: Final = (
    'select l.name, l."emissionWave", l."emissionWave_unit", c.red, c.green, c.blue, c.alpha'
    ' from "Channel" c left join "LogicalChannel" l on l.id = c."logicalChannel_id"'
    ' where c.pixels_id = ? order by c."pixels_index", c.id'
)
_BIG_TIFF_BYTES: Final = 2**32 - 2**25


def first_pixels(server: OmeroServer, image_id: int) -> int:
    """The id of the Pixels of an image that are shown and exported.

    Raises:
        ValidationException: it has none.
    """
    found = server.store.database.value(
        'select id from "Pixels" where image_id = ? order by "image_index", id limit 1', image_id
    )
    if found is None:
        raise validation(f"Image:{image_id} has no pixels")
    return int(found)


def write_ome_tiff(server: OmeroServer, image_id: int, target: Path) -> None:
    """Write all planes and the metadata that OME-TIFF has a place for; not to be called in a transaction.

    Raises:
        ResourceError: the planes cannot be read.
    """
    pixels_id = first_pixels(server, image_id)
    source = pixel_source(server, pixels_id)
    sizes = source.dimensions
    size = sizes.plane_bytes * sizes.planes
    with tifffile.TiffWriter(target, bigtiff=size > _BIG_TIFF_BYTES, ome=True) as writer:
        writer.write(
            _native(source),
            shape=(sizes.size_t, sizes.size_c, sizes.size_z, sizes.size_y, sizes.size_x),
            dtype=source.dtype.newbyteorder("="),
            photometric="minisblack",
            metadata=_metadata(server, image_id, pixels_id),
        )


def ome_xml(server: OmeroServer, image_id: int) -> str:
    """The metadata alone."""
    pixels_id = first_pixels(server, image_id)
    source = pixel_source(server, pixels_id)
    sizes = source.dimensions
    xml = tifffile.OmeXml()
    shape = (sizes.size_t, sizes.size_c, sizes.size_z, sizes.size_y, sizes.size_x)
    stored = (sizes.planes, 1, 1, sizes.size_y, sizes.size_x, 1)
    xml.addimage(source.dtype.newbyteorder("="), shape, stored, **_metadata(server, image_id, pixels_id))
    return xml.tostring(declaration=True)


def _native(source: PixelSource) -> Iterator[Plane]:
    for plane in all_planes(source):
        yield plane.astype(source.dtype.newbyteorder("="))


def _metadata(server: OmeroServer, image_id: int, pixels_id: int) -> dict[str, Any]:
    image, pixels = server.store.row("Image", image_id), server.store.row("Pixels", pixels_id)
    assert image is not None
    assert pixels is not None
    metadata: dict[str, Any] = {"axes": "TCZYX", "Name": image["name"], **_physical_sizes(pixels)}
    if image["description"]:
        metadata["Description"] = image["description"]
    if image["acquisitionDate"] is not None:
        moment = dt.datetime.fromtimestamp(image["acquisitionDate"] / 1000, dt.UTC)
        metadata["AcquisitionDate"] = moment.replace(tzinfo=None).isoformat()
    channels = [_channel(row) for row in server.store.database.rows(_CHANNELS, pixels_id)]
    if channels and len(channels) == pixels["sizeC"]:
        metadata["Channel"] = channels
    return metadata


def _physical_sizes(pixels: sqlite3.Row) -> dict[str, object]:
    found: dict[str, object] = {}
    for axis in "XYZ":
        name = f"physicalSize{axis}"
        if pixels[name] is not None:
            found[f"PhysicalSize{axis}"] = pixels[name]
            found[f"PhysicalSize{axis}Unit"] = omero.model.LengthI.SYMBOLS[pixels[f"{name}_unit"]]
    return found


def _channel(row: sqlite3.Row) -> dict[str, object]:
    channel: dict[str, object] = {}
    if row["name"] is not None:
        channel["Name"] = row["name"]
    if row["emissionWave"] is not None:
        channel["EmissionWavelength"] = row["emissionWave"]
        channel["EmissionWavelengthUnit"] = omero.model.LengthI.SYMBOLS[row["emissionWave_unit"]]
    rgba = (row["red"], row["green"], row["blue"], row["alpha"])
    if None not in rgba:
        channel["Color"] = _colour(*rgba)
    return channel


def _colour(red: int, green: int, blue: int, alpha: int) -> int:
    """As ome.xml.model.primitives.Color has it: a Java int, with what is above 255 in the part before."""
    return ((red << 24 | green << 16 | blue << 8 | alpha) + 2**31) % 2**32 - 2**31
