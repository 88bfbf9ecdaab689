"""OME-TIFF: one file, several files, and a companion file that describes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_irods_sandbox.omero_server.formats import UnreadableFile, read_fileset, read_plane
from omero_irods_sandbox.omero_server.formats.description import Quantity, WellPosition

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def stack(*shape: int, dtype: str = "u2") -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)


def ome_xml(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}" UUID="urn:uuid:own">{body}</OME>'


def pixels(tiff_data: str, sizes: str = 'SizeZ="2" SizeC="1" SizeT="1"', image: int = 0) -> str:
    return (
        f'<Image ID="Image:{image}" Name="image {image}"><Pixels ID="Pixels:{image}" DimensionOrder="XYZCT"'
        f' Type="uint16" SizeX="5" SizeY="7" {sizes}>{tiff_data}</Pixels></Image>'
    )


def in_file(name: str, z: int) -> str:
    uuid = f'<UUID FileName="{name}">urn:uuid:{name}</UUID>'
    return f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">{uuid}</TiffData>'


@pytest.fixture
def companion(tmp_path: Path) -> Path:
    """Two sections in two files, and the file that describes them."""
    for z in range(2):
        tifffile.imwrite(tmp_path / f"z{z}.ome.tif", stack(7, 5) + z, metadata=None)
    path = tmp_path / "set.companion.ome"
    path.write_text(ome_xml(pixels(in_file("z0.ome.tif", 0) + in_file("z1.ome.tif", 1))))
    return path


def test_planes_are_where_the_xml_says(tmp_path: Path) -> None:
    path, values = tmp_path / "x.ome.tif", stack(2, 3, 4, 7, 5)
    tifffile.imwrite(path, values, metadata={"axes": "TCZYX"})
    image = read_fileset([path]).images[0]
    assert (image.size_z, image.size_c, image.size_t) == (4, 3, 2)
    for t, c, z in np.ndindex(2, 3, 4):
        assert read_plane([path], 0, z, c, t).tolist() == values[t, c, z].tolist()


def test_metadata_of_image_and_channels_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    metadata = {
        "axes": "CYX",
        "Name": "cells",
        "PhysicalSizeX": 65.0,
        "PhysicalSizeXUnit": "nm",
        "AcquisitionDate": "2021-02-03T04:05:06",
        "Description": "of a cell",
        "Channel": {
            "Name": ["GFP", "DAPI"],
            "EmissionWavelength": [509, 461],
            "Color": [16711935, -16776961],
        },
    }
    tifffile.imwrite(path, stack(2, 7, 5), metadata=metadata)
    image = read_fileset([path]).images[0]
    assert (image.name, image.description, image.acquired_ms) == ("cells", "of a cell", 1612325106000)
    assert image.physical_size_x == Quantity(65.0, "NANOMETER")
    assert [(c.name, c.emission_nm, c.color_rgba) for c in image.channels] == [
        ("GFP", 509.0, (0, 255, 0, 255)),
        ("DAPI", 461.0, (255, 0, 0, 255)),
    ]


def test_every_image_of_a_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(stack(7, 5), metadata={"Name": "first"})
        writer.write(
            stack(2, 3, 4, dtype="u1"), photometric="minisblack", metadata={"Name": "second", "axes": "ZYX"}
        )
    fileset = read_fileset([path])
    assert [image.name for image in fileset.images] == ["first", "second"]
    assert read_plane([path], 1, 1, 0, 0).tolist() == stack(2, 3, 4, dtype="u1")[1].tolist()


def test_samples_of_a_pixel_are_channels(tmp_path: Path) -> None:
    path, values = tmp_path / "x.ome.tif", stack(7, 5, 3, dtype="u1")
    tifffile.imwrite(path, values, photometric="rgb", metadata={"axes": "YXS"})
    assert read_fileset([path]).images[0].size_c == 3
    assert read_plane([path], 0, 0, 2, 0).tolist() == values[:, :, 2].tolist()


def test_a_companion_file_gathers_others(companion: Path) -> None:
    fileset = read_fileset([companion])
    assert [path.name for path in fileset.used_files] == ["set.companion.ome", "z0.ome.tif", "z1.ome.tif"]
    assert read_plane([companion], 0, 1, 0, 0).tolist() == (stack(7, 5) + 1).tolist()


def test_a_file_leads_to_its_companion(companion: Path) -> None:
    first = companion.with_name("z0.ome.tif")
    xml = ome_xml(f'<BinaryOnly MetadataFile="{companion.name}" UUID="urn:uuid:own"/>')
    tifffile.imwrite(first, stack(7, 5), description=xml, metadata=None)
    assert read_fileset([first]).used_files[0] == companion
    assert read_plane([first], 0, 1, 0, 0).tolist() == (stack(7, 5) + 1).tolist()


def test_a_companion_that_is_missing_is_named(companion: Path) -> None:
    first = companion.with_name("z0.ome.tif")
    xml = ome_xml('<BinaryOnly MetadataFile="other.companion.ome" UUID="urn:uuid:own"/>')
    tifffile.imwrite(first, stack(7, 5), description=xml, metadata=None)
    with pytest.raises(UnreadableFile, match=r"other\.companion\.ome"):
        read_fileset([first])


def test_planes_of_a_missing_file_are_black(companion: Path) -> None:
    companion.with_name("z1.ome.tif").unlink()
    assert not read_plane([companion], 0, 1, 0, 0).any()
    assert read_plane([companion], 0, 0, 0, 0).any()


def test_a_companion_without_any_of_its_files_is_unreadable(companion: Path) -> None:
    for z in range(2):
        companion.with_name(f"z{z}.ome.tif").unlink()
    with pytest.raises(UnreadableFile, match="none of the files"):
        read_fileset([companion])


def test_files_elsewhere_are_never_opened(companion: Path) -> None:
    elsewhere = companion.parent / "other"
    elsewhere.mkdir()
    shutil.move(companion.with_name("z1.ome.tif"), elsewhere / "z1.ome.tif")
    companion.write_text(companion.read_text().replace('"z1.ome.tif"', '"other/z1.ome.tif"'))
    assert not read_plane([companion], 0, 1, 0, 0).any()


def test_a_single_file_may_have_been_renamed(tmp_path: Path) -> None:
    path = tmp_path / "new-name.ome.tif"
    xml = ome_xml(pixels(in_file("old-name.ome.tif", 0), 'SizeZ="1" SizeC="1" SizeT="1"'))
    tifffile.imwrite(path, stack(7, 5) + 1, description=xml, metadata=None)
    assert read_plane([path], 0, 0, 0, 0).tolist() == (stack(7, 5) + 1).tolist()


def test_wells_say_where_images_are(tmp_path: Path) -> None:
    path = tmp_path / "x.ome.tif"
    plate = (
        '<Plate ID="Plate:0" Name="P" Rows="2" Columns="3"><Well ID="Well:0" Row="1" Column="2">'
        '<WellSample ID="WellSample:0" Index="0"><ImageRef ID="Image:0"/></WellSample></Well>'
        '<PlateAcquisition ID="PlateAcquisition:0" Name="run"><WellSampleRef ID="WellSample:0"/>'
        "</PlateAcquisition></Plate>"
    )
    one = pixels('<TiffData IFD="0" PlaneCount="1"/>', 'SizeZ="1" SizeC="1" SizeT="1"')
    tifffile.imwrite(path, stack(7, 5), description=ome_xml(plate + one), metadata=None)
    fileset = read_fileset([path])
    assert fileset.images[0].well == WellPosition(0, 1, 2, 0, 0)
    assert [(p.name, p.rows, p.columns, p.acquisitions) for p in fileset.plates] == [("P", 2, 3, ("run",))]


@pytest.mark.parametrize(
    "body",
    [
        "",
        '<Image ID="Image:0"/>',
        pixels("", 'SizeZ="0" SizeC="1" SizeT="1"'),
        pixels("", 'SizeZ="two" SizeC="1" SizeT="1"'),
        pixels("").replace("uint16", "uint17"),
        pixels('<TiffData IFD="-1"/>'),
    ],
)
def test_xml_that_makes_no_sense_is_unreadable(tmp_path: Path, body: str) -> None:
    path = tmp_path / "x.ome.tif"
    tifffile.imwrite(path, stack(7, 5), description=ome_xml(body), metadata=None)
    with pytest.raises(UnreadableFile):
        read_fileset([path])


def test_entities_of_hostile_xml_are_not_resolved(companion: Path) -> None:
    secret = companion.with_name("secret")
    secret.write_text("secret")
    text = (
        companion.read_text()
        .replace('Name="image 0"', 'Name="x"')
        .replace("<Pixels", "<Description>&file;</Description><Pixels", 1)
    )
    doctype = f'<!DOCTYPE OME [<!ENTITY file SYSTEM "{secret.as_uri()}">]>'
    companion.write_text(text.replace("?>", f"?>{doctype}", 1))
    assert read_fileset([companion]).images[0].description is None
