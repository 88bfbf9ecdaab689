"""Rows of any form are refused in words, or lead to a load: never to an error that nobody has foreseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.adapters.omero.object_model import OmeroModel
from omero_irods_bridge.model.errors import BadPacket, BridgeError
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations.matching import batches, difference, pair
from omero_irods_bridge.operations.matching.forms import check_rows
from omero_irods_bridge.operations.unpacking.importing import _readers
from omero_irods_bridge.operations.unpacking.merging import _by_project
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.preparing import left_out, prepared
from omero_irods_bridge.operations.unpacking.seeds import rendering_settings, tag_text
from omero_irods_bridge.packet.content_of_packet import PacketContent, load_content
from omero_irods_bridge.packet.graph import Graph, GraphHeader, lines_of, read_jsonl, write_jsonl
from omero_irods_bridge.ports import ServerIdentity
from tests.unit.packet_graph.rows import Row, image, link
from tests.unit.packet_reading.packets import ours

MODEL: Final = OmeroModel()
DETAILS: Final = {"owner": "Experimenter:1", "group": "ExperimenterGroup:1"}
WRONG: Final[list[Any]] = [
    *(5, -1, True, 1.5, "x", "", "Image:3", "Image:99999", None),
    *([], ["x"], [5], [None], [["a"]], [["a", "b", "c"]], [["a", "b"]]),
    *({}, {"a": 1}, {"unit": "PIXEL"}, {"unit": 5, "Length": 1}, {"owner": 5}, {"owner": "x"}),
]


def rows() -> Iterator[Row]:
    """One of each form of field."""
    yield {"@": "Experimenter:1", "omeName": "ann"}
    yield {"@": "ExperimenterGroup:1", "name": "lab"}
    yield {"@": "Dataset:2", "name": "d"}
    yield from image(3, details=DETAILS)
    yield link("Dataset:2", "Image:3")
    yield {"@": "TagAnnotation:31", "textValue": "t", "details": DETAILS}
    yield link("Image:3", "TagAnnotation:31")
    yield {"@": "MapAnnotation:32", "ns": "x", "mapValue": [["a", "b"], None, ["a", None]]}
    yield link("Image:3", "MapAnnotation:32")
    yield {"@": "Roi:5", "image": "Image:3", "shapes": ["Rectangle:6"]}
    yield {"@": "Rectangle:6", "roi": "Roi:5", "x": 1.0, "strokeWidth": {"Length": 1.0, "unit": "PIXEL"}}
    parts = {
        "waveRendering": ["ChannelBinding:9"],
        "spatialDomainEnhancement": [],
        "quantization": "QuantumDef:1",
    }
    yield {"@": "RenderingDef:8", "pixels": "Pixels:1003", **parts, "details": DETAILS}
    yield {"@": "ChannelBinding:9", "spatialDomainEnhancement": ["PlaneSlicingContext:1"]}
    yield {"@": "FilesetJobLink:1", "parent": "Fileset:4", "child": "MetadataImportJob:1"}
    yield {"@": "MetadataImportJob:1", "versionInfo": [None, ["bioformats.reader", "x"]]}
    yield {"@": "Project:1", "name": "p"}
    yield link("Project:1", "Dataset:2")
    yield {"@": "Well:1", "plate": "Plate:1", "row": 0, "column": 1, "wellSamples": ["WellSample:1"]}
    yield {"@": "Plate:1", "name": "pl"}
    yield {"@": "WellSample:1", "well": "Well:1", "image": "Image:3"}


ROWS: Final = list(rows())
FIELDS: Final = [
    (place, field) for place, row in enumerate(ROWS) for field in {*row, "details", "ns"} - {"@"}
]


def graph(changed: int = 0, **fields: Any) -> Graph:
    """As it is read, with other fields of one row."""
    made = Graph()
    for place, row in enumerate(ROWS):
        made.add({**row, **fields} if place == changed else row)
    header = GraphHeader("a", "b", "c", parse_objects(["Dataset:2"]))
    return read_jsonl(lines_of(write_jsonl(made, header)))[1]


def content(of: Graph) -> PacketContent:
    return replace(load_content(ours(graph(), "Dataset:2")), graph=of)


def loaded(of: Graph) -> int:
    """How many objects a load would make beside the image, when the rows are such that it begins."""
    check_rows(of, MODEL)
    request, identity = UnpackRequest("x", merge=True), cast("ServerIdentity", None)
    plan = UnpackPlan(request, identity, content(of), "l", "s", None, (), ())
    _readers(of), _by_project(of), left_out(plan, {}), [tag_text(row) for row in of.rows("TagAnnotation")]
    wanted, seeds, there = prepared(plan, {}, {}), {"Image:3": "Image:300"}, Graph()
    there.add({"@": "Image:300", "pixels": ["Pixels:301"]})
    there.add({"@": "Pixels:301", "image": "Image:300"})
    seeds |= rendering_settings(wanted, there, seeds)
    found = difference(pair(wanted, there, seeds, MODEL))
    count = 0
    for batch in batches(found, lambda _: {"@": "MapAnnotation:_0", "ns": "n", "mapValue": []}):
        keys = {
            key: f"{key.partition(':')[0]}:{1000 + count + number}"
            for number, key in enumerate(batch.sources)
        }
        batch.saved(keys)
        count += len(keys)
    return count


def test_rows_of_the_right_form_are_loaded() -> None:
    assert loaded(graph()) > 10


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FIELDS), st.sampled_from(WRONG))
def test_a_row_of_any_form_is_loaded_or_refused(where: tuple[int, str], value: Any) -> None:
    place, field = where
    with suppress(BridgeError):
        loaded(graph(place, **{field: value}))


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("Dataset:2", "name", 5),
        ("Dataset:2", "details", 5),
        ("Dataset:2", "details", {"owner": 5}),
        ("MapAnnotation:32", "mapValue", "x"),
        ("Roi:5", "shapes", [5]),
        ("Rectangle:6", "strokeWidth", {"unit": "PIXEL"}),
        ("Rectangle:6", "roi", ["Roi:5"]),
    ],
)
def test_what_cannot_be_there_is_refused(row: str, field: str, value: Any) -> None:
    place = next(place for place, one in enumerate(ROWS) if one["@"] == row)
    with pytest.raises(BadPacket):
        check_rows(graph(place, **{field: value}), MODEL)
