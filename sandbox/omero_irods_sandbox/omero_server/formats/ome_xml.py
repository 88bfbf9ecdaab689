"""OME-XML: the images it describes and where their planes are.

Source: the OME schema 2016-06 (older namespaces read alike), OMETiffReader of
Bio-Formats for what a file leaves out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from omero_irods_sandbox.omero_server.formats.channel_colors import color_of_number
from omero_irods_sandbox.omero_server.formats.description import (
    ChannelDescription,
    ImageDescription,
    PlateDescription,
    Quantity,
    ScreenDescription,
)
from omero_irods_sandbox.omero_server.formats.ome_plates import (
    Element,
    WellsById,
    plates_of,
    screens_of,
    wells_of,
)
from omero_irods_sandbox.omero_server.formats.pixel_types import bits_of
from omero_irods_sandbox.omero_server.formats.plane_order import plane_index
from omero_irods_sandbox.omero_server.formats.units import quantity

_NANOMETERS: Final = {"nm": 1.0, "µm": 1000.0, "mm": 1e6, "Å": 0.1, "pm": 0.001}


@dataclass(frozen=True, slots=True)
class PlaneLocation:
    """A page of a file; ``file_name`` is None for the file that holds the XML."""

    file_name: str | None
    page: int


@dataclass(frozen=True, slots=True)
class OmeImage:
    """An image and its planes in its dimension order; None where the XML knows none."""

    described: ImageDescription
    planes: tuple[PlaneLocation | None, ...]
    samples: int

    def location(self, z: int, c: int, t: int) -> PlaneLocation | None:
        """Where the plane of a channel is; channels stored together share one."""
        image = self.described
        sizes = {"Z": image.size_z, "C": image.size_c // self.samples, "T": image.size_t}
        return self.planes[
            plane_index(image.dimension_order, sizes, {"Z": z, "C": c // self.samples, "T": t})
        ]


@dataclass(frozen=True, slots=True)
class OmeDocument:
    """``companion`` is the file that holds the metadata instead, if the XML says so."""

    images: tuple[OmeImage, ...]
    plates: tuple[PlateDescription, ...]
    screens: tuple[ScreenDescription, ...]
    companion: str | None


def parse_ome_xml(text: str | bytes, samples: int = 1) -> OmeDocument:
    """What the XML describes; ``samples`` is for channels that do not say how many samples a pixel has.

    Raises:
        ValueError: it is no OME-XML, or it contradicts itself.
    """
    root = _root(text)
    binary_only = root.find("{*}BinaryOnly")
    if binary_only is not None:
        return OmeDocument((), (), (), _file_name(binary_only.get("MetadataFile", "")))
    wells = wells_of(root)
    uuid = root.get("UUID", "")
    images = tuple(
        _image(element, index, wells, uuid, samples) for index, element in enumerate(root.findall("{*}Image"))
    )
    if not images:
        raise ValueError("the OME-XML describes no image")
    return OmeDocument(images, plates_of(root), screens_of(root), None)


def _root(text: str | bytes) -> Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    data = text.encode() if isinstance(text, str) else text
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no OME-XML: {error}") from error


def _image(element: Element, index: int, wells: WellsById, uuid: str, samples: int) -> OmeImage:
    pixels = element.find("{*}Pixels")
    if pixels is None:
        raise ValueError(f"image {index} of the OME-XML has no Pixels")
    image_id = element.get("ID", f"Image:{index}")
    channels = _channels(pixels, samples)
    pixels_type = pixels.get("Type", pixels.get("PixelType", ""))
    described = ImageDescription(
        name=element.get("Name", ""),
        index=index,
        size_x=int(pixels.get("SizeX", "0")),
        size_y=int(pixels.get("SizeY", "0")),
        size_z=int(pixels.get("SizeZ", "1")),
        size_c=int(pixels.get("SizeC", "1")),
        size_t=int(pixels.get("SizeT", "1")),
        pixels_type=pixels_type,
        dimension_order=pixels.get("DimensionOrder", "XYZCT"),
        significant_bits=int(pixels.get("SignificantBits", "0")) or _bits(pixels_type),
        channels=channels,
        physical_size_x=_physical_size(pixels, "X"),
        physical_size_y=_physical_size(pixels, "Y"),
        physical_size_z=_physical_size(pixels, "Z"),
        acquired_ms=_moment(element.findtext("{*}AcquisitionDate", "")),
        description=(element.findtext("{*}Description") or "").strip() or None,
        well=wells.get(image_id),
        ome_id=image_id,
    )
    return OmeImage(described, _planes(pixels, described, uuid), channels[0].samples)


def _bits(pixels_type: str) -> int:
    try:
        return bits_of(pixels_type)
    except KeyError:
        return 0  # ImageDescription refuses the type


def _channels(pixels: Element, samples: int) -> tuple[ChannelDescription, ...]:
    """One for each of SizeC: a Channel of three samples is three."""
    size_c = int(pixels.get("SizeC", "1"))
    elements = pixels.findall("{*}Channel")
    together = int(elements[0].get("SamplesPerPixel", str(samples))) if elements else samples
    if together < 1 or size_c % together:
        together = 1
    found = [_channel(element, together) for element in elements for _ in range(together)][:size_c]
    missing = [ChannelDescription(samples=together)] * (size_c - len(found))
    return (*found, *missing)


def _channel(element: Element, samples: int) -> ChannelDescription:
    color = element.get("Color")
    # One colour cannot be that of red, green and blue.
    has_color = color is not None and samples == 1
    return ChannelDescription(
        name=element.get("Name"),
        color_rgba=color_of_number(int(color or 0)) if has_color else None,
        emission_nm=_wavelength(element, "Emission"),
        excitation_nm=_wavelength(element, "Excitation"),
        samples=samples,
    )


def _wavelength(element: Element, kind: str) -> float | None:
    value = element.get(f"{kind}Wavelength")
    factor = _NANOMETERS.get(element.get(f"{kind}WavelengthUnit", "nm"))
    return None if value is None or factor is None or float(value) <= 0 else float(value) * factor


def _physical_size(pixels: Element, axis: str) -> Quantity | None:
    value = pixels.get(f"PhysicalSize{axis}")
    return None if value is None else quantity(float(value), pixels.get(f"PhysicalSize{axis}Unit", "µm"))


def _moment(text: str) -> int | None:
    """Milliseconds since 1970; a time without a zone is taken as UTC."""
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=dt.UTC)
    return round(found.timestamp() * 1000)


# -- planes


def _planes(pixels: Element, image: ImageDescription, uuid: str) -> tuple[PlaneLocation | None, ...]:
    sizes = {"Z": image.size_z, "C": image.size_c // image.channels[0].samples, "T": image.size_t}
    count = sizes["Z"] * sizes["C"] * sizes["T"]
    found: list[PlaneLocation | None] = [None] * count
    blocks = pixels.findall("{*}TiffData")
    if not blocks:
        return tuple(PlaneLocation(None, page) for page in range(count))
    for block in blocks:
        first = plane_index(
            image.dimension_order, sizes, {axis: int(block.get(f"First{axis}", "0")) for axis in "ZCT"}
        )
        for offset, location in enumerate(_pages(block, count, uuid)):
            if 0 <= first + offset < count:
                found[first + offset] = location
    return tuple(found)


def _pages(block: Element, count: int, uuid: str) -> Iterator[PlaneLocation]:
    """One page when only IFD is given, all pages when nothing is."""
    page = int(block.get("IFD", "0"))
    planes = int(block.get("PlaneCount", str(1 if block.get("IFD") is not None else count)))
    if page < 0 or planes < 0:
        raise ValueError(f"TiffData with IFD {page} and PlaneCount {planes}")
    file_name = _block_file(block, uuid)
    return (PlaneLocation(file_name, page + offset) for offset in range(min(planes, count)))


def _block_file(block: Element, uuid: str) -> str | None:
    """The file's name; None for the XML's own file by its UUID, as it may have been renamed."""
    element = block.find("{*}UUID")
    if element is None or (uuid and (element.text or "").strip() == uuid):
        return None
    return _file_name(element.get("FileName", "")) or None


def _file_name(text: str) -> str:
    """Files stand beside each other: a path in the XML is not followed."""
    return text.replace("\\", "/").rpartition("/")[2]


def file_names(images: Sequence[OmeImage]) -> list[str]:
    """The other files that planes are in, in the order of their first plane."""
    locations = (location for image in images for location in image.planes)
    return list(
        dict.fromkeys(at.file_name for at in locations if at is not None and at.file_name is not None)
    )
