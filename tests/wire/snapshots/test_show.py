"""What is in a packet is read from its end, however large it is (row L2)."""

from __future__ import annotations

import io
import zipfile

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BadPacket, NotFound
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.show import Branch, Contents, show, tree
from omero_irods_bridge.packet.graph import Graph, GraphHeader, write_jsonl
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, Container
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.snapshots_verify.builders import ONE_IMAGE, SERVER, build, put, seal


def shown(store: IrodsStore, path: str) -> Contents:
    with open_snapshot(store, path) as packet:
        return show(packet)


@pytest.mark.parametrize("form", Form)
def test_members_have_sizes_checksums_and_roles(store: IrodsStore, place: str, form: Form) -> None:
    built = build()
    contents = shown(store, seal(store, f"{place}/one", built, form))
    assert contents.container is (Container.ZIP if form is Form.ZIP else Container.FOLDER)
    assert {one.path: one.size for one in contents.members} == {
        name: len(content) for name, content in built.members.items()
    }
    assert {one.path for one in contents.members if one.packed is None} == {MANIFEST}
    assert contents.roles[FileRole.ORIGINAL] == 3
    assert contents.size == sum(map(len, built.members.values()))
    assert contents.notes == ()


def test_of_a_large_zip_little_more_than_its_end_is_read(zone: Zone, store: IrodsStore, place: str) -> None:
    built = build(2_000)
    path = seal(store, f"{place}/large.zip", built)
    before = zone.counters.bytes_sent
    assert len(shown(store, path).members) == 8
    assert zone.counters.bytes_sent - before < 100_000 < len(built.zip) / 100


def test_a_member_that_was_added_later_is_told(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/one", build(), Form.EXPANDED)
    put(store, f"{path}/more.txt", b"later")
    assert shown(store, path).notes == ("more.txt is not in the manifest: it was added later.",)


def test_a_manifest_of_another_packet_is_refused(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/one.zip", build(2, manifest_of=build(1)))
    with pytest.raises(BadPacket, match="when it was packed"):
        shown(store, path)


def test_a_packet_of_the_stock_tool_is_shown_without_checksums(store: IrodsStore, place: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packet:
        packet.writestr("transfer.xml", b"<OME/>")
        packet.writestr(ONE_IMAGE, b"pixels")
    path = put(store, f"{place}/stock.zip", data.getvalue())
    contents = shown(store, path)
    assert contents.manifest is None
    assert [(one.path, one.size, one.packed) for one in contents.members] == [
        (ONE_IMAGE, 6, None),
        ("transfer.xml", 6, None),
    ]
    with open_snapshot(store, path) as opened, pytest.raises(NotFound, match="did not pack it"):
        tree(opened)


def test_the_tree_has_each_object_below_what_holds_it(store: IrodsStore, place: str) -> None:
    graph = Graph()
    for row in (
        {"@": "Project:1", "name": "project"},
        {"@": "Dataset:2", "name": "dataset"},
        {"@": "Image:3", "name": "b"},
        {"@": "Image:4", "name": "a"},
        {"@": "Image:5", "name": "of a well"},
        {"@": "Screen:6", "name": "screen"},
        {"@": "Plate:7", "name": "plate"},
        {"@": "Well:8", "plate": "Plate:7", "row": 27, "column": 0},
        {"@": "WellSample:9", "well": "Well:8", "image": "Image:5"},
        {"@": "ProjectDatasetLink:1", "parent": "Project:1", "child": "Dataset:2"},
        {"@": "DatasetImageLink:2", "parent": "Dataset:2", "child": "Image:3"},
        {"@": "DatasetImageLink:3", "parent": "Dataset:2", "child": "Image:99"},
        {"@": "ScreenPlateLink:4", "parent": "Screen:6", "child": "Plate:7"},
        {"@": "ProjectDatasetLink:5", "parent": "Dataset:2", "child": "Dataset:2"},  # only hostile packets
        {"@": "ProjectDatasetLink:6", "parent": "Dataset:2", "child": "Project:1"},
    ):
        graph.add(row)
    path = f"{place}/tree"
    put(store, f"{path}/transfer.xml", b"<OME/>")
    put(
        store,
        f"{path}/{GRAPH}",
        b"".join(write_jsonl(graph, GraphHeader(SERVER, "5.6", "5.23", parse_objects(["Project:1"])))),
    )
    with open_snapshot(store, path) as packet:
        found = tree(packet)
    assert found == (
        Branch(0, "Project:1", "project"),
        Branch(1, "Dataset:2", "dataset"),
        Branch(2, "Image:3", "b"),
        Branch(0, "Screen:6", "screen"),
        Branch(1, "Plate:7", "plate"),
        Branch(2, "Well:8", "AB1"),
        Branch(3, "Image:5", "of a well"),
        Branch(0, "Image:4", "a"),
    )
