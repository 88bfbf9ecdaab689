"""Rows I11 and I12: facts of images on opt-in, and packets that came by other means."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Form, from_avus
from omero_irods_bridge.operations import pack
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.wiring import SystemClock
from tests.ingest.conftest import Drop, tiff
from tests.ingest.test_faults import ome_xml

PACKETS = Path("/work/shared/data/packets")
"""What the stock tool made, where it is at hand."""


def test_facts_of_an_image_become_avus_where_they_are_asked_for(drop: Drop) -> None:
    drop.opt_in(metadata="yes")
    xml = ome_xml(["a.ome.tif"]).replace(' SizeT="1"', ' SizeT="1" PhysicalSizeX="0.25"')
    path = drop.put("a.ome.tif", tiff(xml.replace('SamplesPerPixel="1"', 'SamplesPerPixel="1" Name="GFP"')))
    assert not drop.scan().failed
    told = {name: value for name, value in drop.avus(path).items() if name.startswith("ome_")}
    assert told == {
        "ome_name": drop.images(),
        "ome_size_x": ["8"],
        "ome_size_y": ["6"],
        "ome_size_z": ["1"],
        "ome_size_c": ["1"],
        "ome_size_t": ["1"],
        "ome_pixel_type": ["uint8"],
        "ome_physical_size_x": ["0.25"],
        "ome_channel": ["GFP"],
    }
    assert {one.unit for one in drop.store.avus(path) if one.attribute == "omero::ome_physical_size_x"} == {
        "µm"
    }


def test_without_asking_there_are_none(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    drop.scan()
    assert not [name for name in drop.avus(path) if name.startswith("ome_")]


@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_an_archive_that_is_no_packet_says_so(drop: Drop, name: str) -> None:
    drop.opt_in()
    path = drop.put(name, b"PK\x05\x06" + bytes(18))
    result = drop.scan()
    assert [one.path for one in result.failed] == [path]
    assert drop.avus(path)["ingest_state"] == ["failed"]
    assert drop.scan().failed == ()


def described(drop: Drop, content: bytes) -> None:
    drop.opt_in()
    path = drop.put("packet.zip", content)
    before = drop.images()
    result = drop.scan()
    assert [one.path for one in result.packets] == [path]
    description = from_avus(drop.store.avus(path))
    assert description is not None
    assert (description.size, description.images) == (len(content), result.packets[0].images)
    assert [one.path for one in find(drop.store, Criteria(below=drop.collection))] == [path]
    assert drop.images() == before
    again = drop.plan()
    assert (again.packets, again.items) == ((), ())


def test_a_packet_of_ours_is_described_and_listed_instead_of_imported(drop: Drop, tmp_path: Path) -> None:
    drop.opt_in(target="Dataset:name:packed")
    drop.put("a.png")
    drop.scan()
    (dataset,) = drop.rows("select d.id from Dataset d where d.name = 'packed'")
    request = PackRequest(
        (ObjectRef(Kind.DATASET, dataset[0]),), f"{drop.store.home}/{tmp_path.name}.zip", Form.ZIP
    )
    with drop.sides() as side:
        server = side.receiver.server
        plan = pack.plan(request, server, drop.store, clock=SystemClock())
        snapshot = pack.apply(plan, server, drop.store)
    with drop.store.open_source(snapshot.path) as source:
        content = source.read_at(0, source.size)
    drop.store.change_avus(drop.collection, remove=drop.store.avus(drop.collection))
    described(drop, content)


@pytest.mark.skipif(not PACKETS.is_dir(), reason="packets of the stock tool are not at hand")
def test_a_packet_of_the_stock_tool_is_described_too(drop: Drop) -> None:
    described(drop, (PACKETS / "valid_single_image.zip").read_bytes())
