"""Which file of a fileset comes first."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile

from omero_irods_bridge.packet.content_order import in_order
from omero_irods_bridge.packet.reading import folder_packet
from omero_irods_bridge.packet.tiff_description import DESCRIPTION_BYTES, tiff_description
from tests.unit.packet.sources import Bytes


@pytest.mark.parametrize(
    ("members", "first"),
    [
        (["b.tif", "a.tif"], "a.tif"),
        (["a.ome.tif", "Z.Companion.OME"], "Z.Companion.OME"),
        (["r/x.zarr/0/.zattrs", "r/x.zarr/.zattrs", "r/x.zarr/.zgroup", "r/x.zarr/0/0"], "r/x.zarr/.zattrs"),
        (["a/1.tif", "plate.xdce"], "plate.xdce"),
        (["a.companion.omex", "b.txt"], "a.companion.omex"),
        ([".zattrs", "0/0"], ".zattrs"),
        (["a/b/x.xdce", "c.xdce"], "c.xdce"),
    ],
)
def test_the_file_that_has_the_others_as_parts_comes_first(members: list[str], first: str) -> None:
    packet = folder_packet({one: Bytes(b"") for one in members})
    ordered = in_order(packet, members)
    assert ordered[0] == first
    assert ordered[1:] == sorted(set(members) - {first})


def tiff(description: str, **how: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, np.zeros((2, 2), np.uint8), description=description, metadata=None, **how)  # type: ignore[arg-type]
    return out.getvalue()


FULL = '<OME xmlns="x"><Image ID="Image:0"/></OME>'


def binary_only(name: str) -> str:
    return f'<OME xmlns="x"><BinaryOnly MetadataFile="{name}" UUID="urn:uuid:1"/></OME>'


@pytest.mark.parametrize(
    ("descriptions", "first"),
    [
        ({"a.ome.tif": FULL, "b.ome.tif": FULL}, "a.ome.tif"),
        ({"a.ome.tif": binary_only("c.ome.tif"), "b.ome.tif": FULL, "c.ome.tif": FULL}, "c.ome.tif"),
        ({"d/a.ome.tif": binary_only("c.ome.tiff"), "d/c.ome.tiff": FULL}, "d/c.ome.tiff"),
        ({"a.ome.tif": binary_only("gone.ome"), "b.ome.tif": FULL}, "b.ome.tif"),
        ({"a.ome.tif": binary_only("../../etc/passwd"), "b.ome.tif": binary_only("x")}, "a.ome.tif"),
        ({"a.txt": "", "b.ome.tif": FULL}, "b.ome.tif"),
    ],
)
def test_an_ome_tiff_that_leaves_the_metadata_to_another_is_not_first(
    descriptions: dict[str, str], first: str
) -> None:
    packet = folder_packet({name: Bytes(tiff(text)) for name, text in descriptions.items()})
    assert in_order(packet, list(descriptions))[0] == first


@pytest.mark.parametrize(
    "how", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"bigtiff": True, "byteorder": ">"}]
)
@pytest.mark.parametrize("text", ["abc", "x" * 1000])
def test_a_description_is_read_in_few_bytes(how: dict[str, object], text: str) -> None:
    source = Bytes(tiff(text, **how))
    assert (tiff_description(source) or b"").rstrip(b"\0") == text.encode()
    assert source.bytes_read < len(text) + 1000


def test_of_a_long_description_the_start_is_read() -> None:
    assert len(tiff_description(Bytes(tiff("x" * 100_000))) or b"") == DESCRIPTION_BYTES


def test_what_is_beyond_is_not_read(tmp_path: Path) -> None:
    assert tiff_description(Bytes(tiff("x" * 1000)), furthest=10) is None


@pytest.mark.parametrize("cut", range(0, 140, 7))
def test_what_is_no_tiff_or_ends_too_soon_has_no_description(cut: int) -> None:
    data = tiff("x" * 1000)[:cut]
    assert len(tiff_description(Bytes(data)) or b"") < 1000
    assert tiff_description(Bytes(b"\x89PNG" + data)) is None
