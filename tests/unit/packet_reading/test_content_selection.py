"""``--only``: what some objects of a packet need, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet.content_of_packet import PacketContent, load_content, select
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.reading import folder_packet
from tests.unit.packet.sources import Bytes
from tests.unit.packet_graph.rows import Row, annotation, file, fileset, graph_of, image, link, roi, well
from tests.unit.packet_reading.documents import document, file_annotation, ref, stored
from tests.unit.packet_reading.packets import ours


def keys(graph: Graph) -> set[str]:
    return {row["@"] for name in graph.classes() for row in graph.rows(name) if not name.endswith("Link")}


def pick(content: PacketContent, *only: str) -> PacketContent:
    return select(content, parse_objects(only))


def whole_image(number: int, in_fileset: int, **more: object) -> Iterator[Row]:
    """With a channel, rendering settings, and an owner; the instrument is that of others too."""
    rows = dict(enumerate(image(number, in_fileset, instrument="Instrument:1", series=0, **more)))
    details = {"owner": "Experimenter:7", "permissions": {"is": "rw----"}}
    yield {**rows[0], "details": details, "@sets": ["annotationLinks", "rois"]}
    yield {**rows[1], "image": f"Image:{number}", "channels": [f"Channel:{number}"]}
    yield {"@": f"Channel:{number}", "pixels": rows[1]["@"], "logicalChannel": f"LogicalChannel:{number}"}
    yield {"@": f"LogicalChannel:{number}", "name": "Image:1"}
    yield {"@": f"RenderingDef:{number}", "pixels": rows[1]["@"]}


def in_tag_set(tag_set: int, tag: int) -> Row:
    row = {"@": f"AnnotationAnnotationLink:{tag}", "parent": f"TagAnnotation:{tag_set}"}
    return {**row, "child": f"TagAnnotation:{tag}"}


@pytest.fixture
def project() -> PacketContent:
    graph = graph_of(
        {"@": "Project:1", "name": "p", "@sets": ["datasetLinks"]},
        [{"@": f"Dataset:{n}", "name": "Image:1"} for n in (1, 2)],
        [link("Project:1", f"Dataset:{n}") for n in (1, 2)],
        [link("Dataset:1", f"Image:{n}") for n in (1, 2)],
        [link("Dataset:2", f"Image:{n}") for n in (2, 3)],
        *(whole_image(n, n, name="Dataset:2" if n == 2 else "a") for n in (1, 2, 3)),
        *(fileset(n, f"u/{n}/a.tif") for n in (1, 2, 3)),
        {"@": "Instrument:1"},
        {"@": "Objective:1", "instrument": "Instrument:1"},
        {"@": "Experimenter:7", "omeName": "ann"},
        annotation("Tag", 1, textValue="Image:3"),
        annotation("Tag", 2, textValue="of another"),
        annotation("Tag", 3, textValue="the set"),
        [in_tag_set(3, n) for n in (1, 2)],
        [link(f"Image:{n}", "TagAnnotation:1") for n in (1, 2)],
        link("Dataset:2", "TagAnnotation:2"),
        annotation("File", 5, file="OriginalFile:5"),
        file(5, "a.csv"),
        link("Image:1", "FileAnnotation:5"),
        *(roi(n, n, {"@": f"Point:{n}", "x": 1.0, "y": 1.0, "roi": f"Roi:{n}"}) for n in (1, 2)),
    )
    return load_content(ours(graph, "Project:1"))


def test_an_image_comes_with_all_that_it_owns_and_no_other(project: PacketContent) -> None:
    part = pick(project, "Image:1")
    enumerations = {"ChecksumAlgorithm:1", "PixelsType:1", "DimensionOrder:1"}
    assert keys(part.graph) - enumerations == {
        "Image:1",
        "Pixels:1001",
        "Channel:1",
        "LogicalChannel:1",
        "RenderingDef:1",
        "Fileset:1",
        "FilesetEntry:100",
        "OriginalFile:100",
        "Instrument:1",
        "Objective:1",
        "Experimenter:7",
        "TagAnnotation:1",
        "TagAnnotation:3",
        "FileAnnotation:5",
        "OriginalFile:5",
        "Roi:1",
        "Point:1",
    }
    assert [one.source for one in part.filesets] == ["Fileset:1"]
    assert [one.annotation for one in part.attachments] == ["FileAnnotation:5"]
    assert list(map(str, part.roots)) == ["Image:1"]
    assert part.bytes == 10


def test_links_are_those_of_what_is_selected(project: PacketContent) -> None:
    graph = pick(project, "Dataset:2").graph
    assert [(row["parent"], row["child"]) for row in graph.rows("DatasetImageLink")] == [
        ("Dataset:2", "Image:2"),
        ("Dataset:2", "Image:3"),
    ]
    assert graph.count("ProjectDatasetLink") == 0
    assert "Project:1" not in graph
    assert "Image:1" not in graph
    assert {row["child"] for row in graph.rows("AnnotationAnnotationLink")} == {
        "TagAnnotation:1",
        "TagAnnotation:2",
    }


def test_the_whole_is_all_of_it(project: PacketContent) -> None:
    part = pick(project, "Project:1")
    assert keys(part.graph) == keys(project.graph)
    assert part.filesets == project.filesets
    assert part.attachments == project.attachments
    assert sum(1 for _ in part.graph.texts()) == sum(1 for _ in project.graph.texts())
    assert len(part.graph) == len(project.graph)


def test_several_objects_come_together(project: PacketContent) -> None:
    assert [one.source for one in pick(project, "Image:3", "Image:1").filesets] == ["Fileset:1", "Fileset:3"]


def test_what_is_not_there_is_named(project: PacketContent) -> None:
    with pytest.raises(NotFound, match="does not have Image:9, Dataset:8"):
        pick(project, "Image:1", "Image:9", "Dataset:8")


def test_a_well_comes_with_the_row_of_its_plate_and_without_other_wells() -> None:
    graph = graph_of(
        {"@": "Plate:1", "name": "p", "@sets": ["wells"]},
        *(image(n, n, series=0) for n in (1, 2)),
        *(fileset(n, f"u/{n}.tif") for n in (1, 2)),
        *(well(1, n, [n]) for n in (1, 2)),
        {"@": "PlateAcquisition:1", "plate": "Plate:1"},
    )
    part = pick(load_content(ours(graph, "Plate:1")), "Well:2")
    assert part.graph.one("Plate:1") == {"@": "Plate:1", "name": "p"}
    assert list(part.graph.ids("Well")) == [2]
    assert list(part.graph.ids("Image")) == [2]
    assert part.graph.count("PlateAcquisition") == 0
    assert (part.graph.one("Well:2") or {})["wellSamples"] == ["WellSample:2"]


def test_an_image_of_a_plate_comes_without_its_field() -> None:
    graph = graph_of(
        {"@": "Plate:1", "name": "p"}, image(1, 1, series=0), fileset(1, "u/1.tif"), well(1, 2, [1])
    )
    part = pick(load_content(ours(graph, "Plate:1")), "Image:1")
    assert part.graph.count("WellSample") == part.graph.count("Well") == part.graph.count("Plate") == 0
    assert part.graph.count("Image") == 1


def test_images_of_one_fileset_stay_together() -> None:
    graph = graph_of(*(image(n, 4, series=n) for n in (1, 2)), image(3), fileset(4, "u/a.lif"))
    part = pick(load_content(ours(graph, "Image:1-3")), "Image:2")
    assert set(part.graph.ids("Image")) == {1, 2}
    assert part.filesets[0].images == {1: 1, 2: 2}
    assert len(part.filesets) == 1


def test_a_stock_packet_is_selected_from_alike() -> None:
    images = [stored(1, "r/a.lif", ref("Annotation", 6)), stored(2, "r/a.lif"), stored(3, "r/b.lif")]
    xml = document(
        f'<Dataset ID="Dataset:1" Name="d">{ref("Image", 1)}{ref("Image", 3)}</Dataset>',
        *(one for one, _ in images),
        annotations="".join(path for _, path in images) + file_annotation(6, "c", 1, "file_annotations/6/c"),
    )
    members = {"transfer.xml": xml, "r/a.lif": b"abc", "r/b.lif": b"ab", "file_annotations/6/c": b"x"}
    content = load_content(folder_packet({path: Bytes(data) for path, data in members.items()}))
    part = pick(content, "Image:2")
    assert set(part.graph.ids("Image")) == {1, 2}
    assert part.bytes == 4
    assert pick(content, "Image:3").bytes == 2
    assert keys(pick(content, "Image:3").graph) == {"Image:3", "Pixels:3", "PixelsType:2", "DimensionOrder:1"}
    assert pick(content, "Dataset:1").bytes == 6


def test_enumerations_come_along_whatever_the_field_is_called_and_texts_lead_nowhere() -> None:
    graph = graph_of(
        *(
            {**row, "model": "RenderingModel:3"} if row["@"] == "RenderingDef:1" else row
            for row in whole_image(1, 1)
        ),
        image(2, 2, series=0),
        *(fileset(n, f"u/{n}.tif") for n in (1, 2)),
        {"@": "Instrument:1"},
        {"@": "Filter:1", "instrument": "Instrument:1", "type": "FilterType:8", "model": "Image:2"},
        {"@": "FilterType:8", "value": "Tuneable"},
        {"@": "RenderingModel:3", "value": "rgb"},
    )
    part = pick(load_content(ours(graph, "Image:1-2")), "Image:1")
    assert "FilterType:8" in part.graph
    assert list(part.graph.ids("Image")) == [1]
    assert "RenderingModel:3" in part.graph
