"""Rows I11 and I12: facts of images on opt-in, and packets that came by other means."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Form, from_avus
from omero_irods_bridge.model.stored import Collection
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.operations import pack, verify
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.operations.incoming import held, incoming_of
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.ingest.conftest import Drop, tiff
from tests.ingest.test_faults import ATOMIC, ome_xml

DATA_OBJ_CHKSUM = 629
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


def test_a_packet_that_cannot_be_looked_at_keeps_no_image_from_being_imported(drop: Drop, zone: Zone) -> None:
    """Such as one of which iRODS takes longer over the checksum than an answer may take."""
    content = packed(drop, "large")
    drop.opt_in()
    packet, image = drop.put("packet.zip", content), drop.put("a.tif", tiff())
    drop.store.compute_checksum(image)
    zone.faults.fail_call(DATA_OBJ_CHKSUM, "SYS_SOCK_READ_TIMEDOUT", times=99)
    result = drop.scan()
    assert [one.path for one in result.done] == [image]
    assert (result.packets, result.failed) == ((), ())
    assert result.stopped is not None
    zone.faults.clear()
    assert [one.path for one in drop.scan().packets] == [packet]


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


def packed(drop: Drop, name: str) -> bytes:
    """A zip of ours, of a dataset with one image."""
    drop.opt_in(target="Dataset:name:packed")
    drop.put(f"{name}.png")
    drop.scan()
    ((dataset,),) = drop.rows("select d.id from Dataset d where d.name = 'packed'")
    request = PackRequest((ObjectRef(Kind.DATASET, dataset),), f"{drop.store.home}/{name}.zip", Form.ZIP)
    with drop.sides() as side:
        server = side.receiver.server
        plan = pack.plan(request, server, drop.store, clock=SystemClock())
        snapshot = pack.apply(plan, server, drop.store)
    with drop.store.open_source(snapshot.path) as source:
        content = source.read_at(0, source.size)
    drop.store.change_avus(drop.collection, remove=drop.store.avus(drop.collection))
    return content


def test_a_packet_of_ours_is_described_and_listed_instead_of_imported(drop: Drop) -> None:
    described(drop, packed(drop, "described"))


# -- expanded


def test_on_opt_in_a_packet_is_expanded_beside_its_zip_which_stays(drop: Drop) -> None:
    content = packed(drop, "expanded")
    drop.opt_in(packets="expand")
    path, before = drop.put("packet.zip", content), drop.images()
    (told,) = drop.scan().packets
    assert (told.path, told.expanded) == (path, f"{drop.collection}/packet")
    assert drop.avus(path)["expanded"] == [told.expanded]
    assert "ingest_state" not in drop.avus(path)
    checked = verify.plan(drop.store, told.expanded, scope=Scope.DATA)
    found = verify.apply(checked, drop.store, clock=SystemClock())
    assert (found.findings, found.complete) == ((), True)
    assert [one.path for one in find(drop.store, Criteria(below=drop.collection))] == [told.expanded, path]
    with open_snapshot(drop.store, path) as zipped, open_snapshot(drop.store, told.expanded) as expanded:
        assert {name: b"".join(zipped.chunks(name)) for name in zipped.members} == {
            name: b"".join(expanded.chunks(name)) for name in expanded.members
        }
    again = drop.scan()
    assert (again.packets, again.done, again.failed) == ((), (), ())
    assert drop.images() == before


def test_nothing_in_an_expanded_packet_is_an_image_or_a_card(drop: Drop) -> None:
    content = packed(drop, "inside")
    drop.opt_in(packets="expand")
    drop.put("packet.zip", content)
    (told,) = drop.scan().packets
    drop.put("packet/card.toml", b'dataset = "from a packet"')
    drop.put("packet/more.png")
    for place in (drop.collection, told.expanded, f"{told.expanded}/bridge"):
        plan = dataclasses.replace(drop, collection=place).plan()
        assert (plan.items, plan.cards, plan.packets, plan.failed) == ((), (), (), ())


def test_a_packet_with_a_damaged_member_is_not_expanded(drop: Drop) -> None:
    content = packed(drop, "damaged")
    drop.opt_in(packets="expand")
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = {one.filename: source.read(one) for one in source.infolist()}
    original = next(name for name in members if name.endswith(".png"))
    members[original] = members[original][:-1] + bytes([members[original][-1] ^ 1])  # and its CRC is right
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as target:
        for name, data in members.items():
            target.writestr(name, data)
    path = drop.put("packet.zip", forged.getvalue())
    (failure,) = drop.scan().failed
    assert f"{original} in {path} is not what was packed" in failure.error.message
    assert drop.store.find(f"{drop.collection}/packet") is None
    assert drop.avus(path)["ingest_state"] == ["failed"]
    assert drop.plan().packets == ()


def test_another_packet_under_the_same_name_is_described_and_expanded_anew(drop: Drop) -> None:
    first, second = packed(drop, "first"), packed(drop, "second")
    drop.opt_in(packets="expand")
    path = drop.put("packet.zip", first)
    drop.scan()
    before = drop.avus(path)
    drop.put("packet.zip", second)
    (told,) = drop.scan().packets
    assert told.expanded == f"{drop.collection}/packet-2"
    description = from_avus(drop.store.avus(path))
    assert description is not None
    assert (description.size, description.sha256) == (len(second), hashlib.sha256(second).hexdigest())
    assert {
        name: len(values) for name, values in drop.avus(path).items() if name in before and name != "image"
    } == {name: len(values) for name, values in before.items() if name != "image"}
    assert drop.plan().packets == ()


def test_a_packet_that_another_scan_is_expanding_waits_and_stops_no_other(drop: Drop) -> None:
    content = packed(drop, "busy")
    drop.opt_in(packets="expand")
    path, good = drop.put("packet.zip", content), drop.put("good.png")
    origin = f"{drop.stored(path).id}-{hashlib.sha256(content).hexdigest()}"
    place = incoming_of(f"{drop.collection}/packet", hashlib.sha256(origin.encode()).hexdigest()[:32])
    with held(drop.store, place):
        result = drop.scan()
    assert [one.path for one in result.waiting] == [path]
    assert [one.path for one in result.done] == [good]
    assert [one.path for one in drop.scan().packets] == [path]


def test_a_packet_without_a_manifest_is_described_only(drop: Drop) -> None:
    content = packed(drop, "stock")
    drop.opt_in(packets="expand")
    stock = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stock, "w") as target:
        for one in source.infolist():
            if not one.filename.startswith("bridge/"):
                target.writestr(one.filename, source.read(one))
    path = drop.put("packet.zip", stock.getvalue())
    assert [(one.path, one.expanded) for one in drop.scan().packets] == [(path, "")]
    assert drop.store.find(f"{drop.collection}/packet") is None


def test_broken_off_while_or_after_expanding_there_is_one_snapshot_in_the_end(drop: Drop, zone: Zone) -> None:
    content = packed(drop, "broken")
    drop.opt_in(packets="expand")
    drop.put("packet.zip", content)
    drop.put("packet/taken.txt", b"a name that is taken")
    for nth in (2, 3):  # AVUs: queued, of the collection, of the zip
        zone.faults.fail_call(ATOMIC, "SYS_INTERNAL_ERR", nth=nth)
        assert len(drop.scan().failed) == 1
        zone.faults.clear()
    (told,) = drop.scan().packets
    assert told.expanded == f"{drop.collection}/packet-2"
    collections = [one.path for one in drop.store.children(drop.collection) if isinstance(one, Collection)]
    assert sorted(collections) == [f"{drop.collection}/packet", told.expanded]


@pytest.mark.skipif(not PACKETS.is_dir(), reason="packets of the stock tool are not at hand")
def test_a_packet_of_the_stock_tool_is_described_too(drop: Drop) -> None:
    described(drop, (PACKETS / "valid_single_image.zip").read_bytes())
