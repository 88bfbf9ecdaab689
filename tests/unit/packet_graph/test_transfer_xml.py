"""``transfer.xml``: what is written of which rows; that stock writes the same is tested in tests/interop."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_bookkeeping import Entry, Provenance, entry_id, origin_node
from tests.unit.packet_graph.rows import (
    NS,
    PROVENANCE,
    Row,
    annotation,
    file,
    fileset,
    graph_of,
    image,
    link,
    roi,
    well,
    write,
    written,
)

Element = etree._Element


def ids(root: Element, kind: str) -> list[str]:
    return [one.get("ID", "") for one in root.iter(f"{NS}{kind}")]


def only(root: Element, kind: str) -> Element:
    (found,) = root.iter(f"{NS}{kind}")
    return found


def annotations_of(root: Element, kind: str) -> list[Element]:
    """Those that the only object of a kind refers to."""
    by_id = {one.get("ID"): one for one in only(root, "StructuredAnnotations")}
    return [by_id[one.get("ID")] for one in only(root, kind).iterchildren(f"{NS}AnnotationRef")]


def path_of(root: Element, kind: str) -> str:
    (path,) = (one.text for told in annotations_of(root, kind) for one in told.iter(f"{NS}Path"))
    assert path is not None
    return path


# -- which objects


def test_what_is_below_the_roots_is_told_and_nothing_else() -> None:
    graph = graph_of(
        [{"@": f"{kind}:{n}", "name": "n"} for kind in ("Project", "Dataset") for n in (1, 2)],
        *(image(n) for n in (1, 2, 3)),
        link("Project:1", "Dataset:1"),
        link("Dataset:1", "Image:2"),
        link("Dataset:2", "Image:3"),
    )
    root = written(graph, "Project:1")
    assert [ids(root, kind) for kind in ("Project", "Dataset", "Image")] == [
        ["Project:1"],
        ["Dataset:1"],
        ["Image:2"],
    ]


def test_several_roots_of_several_kinds_make_one_file_with_each_object_once() -> None:
    graph = graph_of(
        {"@": "Dataset:1", "name": "d"},
        {"@": "Plate:1", "name": "p"},
        image(1),
        image(2),
        image(3),
        well(1, 5, [2]),
        link("Dataset:1", "Image:1"),
        link("Dataset:1", "Image:2"),
        link("Dataset:1", "Image:2"),
    )
    root = written(graph, "Image:1-2", "Dataset:1", "Plate:1", "Well:5", "Image:3")
    assert ids(root, "Dataset") == ["Dataset:1"]
    assert ids(only(root, "Dataset"), "ImageRef") == ["Image:1", "Image:2"]
    assert ids(root, "Image") == ["Image:1", "Image:2", "Image:3"]
    assert ids(root, "Well") == ["Well:5"]
    assert len(ids(root, "XMLAnnotation")) == len(set(ids(root, "XMLAnnotation"))) == 8


def test_images_that_share_a_fileset_with_a_selected_one_come_with_it() -> None:
    graph = graph_of(*(image(n, 3) for n in (1, 2)), image(4, 5), fileset(3, "u/a.lif"), fileset(5, "u/b"))
    assert ids(written(graph, "Image:2"), "Image") == ["Image:2", "Image:1"]


def test_what_a_user_may_not_see_is_not_referred_to() -> None:
    graph = graph_of(
        {"@": "Dataset:1", "name": "d"}, image(1), link("Dataset:1", "Image:1"), link("Dataset:1", "Image:9")
    )
    graph.add(link("Image:1", "TagAnnotation:9"))
    root = written(graph, "Dataset:1")
    assert ids(root, "ImageRef") == ["Image:1"]
    assert len(annotations_of(root, "Image")) == 2


def test_a_selected_well_is_its_plate_with_that_well_alone() -> None:
    graph = graph_of(
        {"@": "Plate:1", "name": "p"}, image(1), image(2), well(1, 5, [1], 0, 1), well(1, 6, [2], 1, 0)
    )
    root = written(graph, "Well:6")
    assert ids(root, "Plate") == ["Plate:1"]
    assert [(one.get("ID"), one.get("Row"), one.get("Column")) for one in root.iter(f"{NS}Well")] == [
        ("Well:6", "1", "0")
    ]
    assert ids(root, "Image") == ["Image:2"]


def test_a_well_and_its_plate_are_the_whole_plate() -> None:
    graph = graph_of({"@": "Plate:1", "name": "p"}, image(1), image(2), well(1, 5, [1]), well(1, 6, [2]))
    assert ids(written(graph, "Well:6", "Plate:1"), "Well") == ["Well:6", "Well:5"]


def test_a_field_is_counted_by_its_image_and_one_without_is_left_out() -> None:
    graph = graph_of({"@": "Plate:1", "name": "p"}, image(7), well(1, 5, [7, 8]))
    root = written(graph, "Plate:1")
    (sample,) = root.iter(f"{NS}WellSample")
    assert sample.get("Index") == "7"
    assert ids(sample, "ImageRef") == ["Image:7"]


def test_a_screen_refers_to_its_plates() -> None:
    graph = graph_of(
        {"@": "Screen:1", "name": "s"}, {"@": "Plate:1", "name": "p"}, link("Screen:1", "Plate:1")
    )
    root = written(graph, "Screen:1")
    assert ids(only(root, "Screen"), "PlateRef") == ["Plate:1"]
    assert path_of(root, "Plate") == "plate_without_images/1"


def test_an_image_without_pixels_is_left_out() -> None:
    graph = graph_of({"@": "Image:1", "name": "a"}, image(2))
    assert ids(written(graph, "Image:1-2"), "Image") == ["Image:2"]


def test_nothing_to_tell_is_a_file_all_the_same() -> None:
    assert len(written(graph_of(), "Image:1")) == 0


# -- paths and origins


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (["u/x/a.tif"], "u/x/a.tif"),
        (["u/x/sub/a.tif"], "u/x/sub/a.tif"),
        (["u/x/a.tif", "u/x/b.tif"], "u/x/mock_folder"),
        (["u/x/data/a.tif", "u/x/data/b.tif"], "u/x/data/mock_folder"),
        (["u/x/data/a.tif", "u/x/database/b.tif"], "u/x/mock_folder"),
        (["u/x/a", "u/x/ab"], "u/x/mock_folder"),
    ],
)
def test_the_path_of_an_image_is_its_file_or_the_folder_of_all(files: list[str], path: str) -> None:
    graph = graph_of(image(1, 3), fileset(3, *files))
    assert path_of(written(graph, "Image:1"), "Image") == path


def test_an_image_without_fileset_is_an_exported_file() -> None:
    assert path_of(written(graph_of(image(7)), "Image:7"), "Image") == "pixel_images/7.tiff"


def test_a_plate_has_the_path_of_its_own_last_image() -> None:
    """Stock takes the last image of all: of the plate before, where that has the same fileset."""
    plates = [{"@": f"Plate:{n}", "name": "p"} for n in (1, 2)]
    graph = graph_of(
        plates,
        {"@": "Screen:1", "name": "s"},
        *(link("Screen:1", f"Plate:{n}") for n in (2, 1)),
        image(1, 3),
        image(2, 4),
        image(5, 3),
        fileset(3, "u/a"),
        fileset(4, "u/b"),
        well(2, 1, [1]),
        well(1, 2, [2, 5]),
    )
    root = written(graph, "Screen:1")
    paths = {one.get("ID"): one.findtext(f".//{NS}Path") for one in root.iter(f"{NS}XMLAnnotation")}
    assert paths[f"Annotation:{entry_id(Entry.PLATE_PATH, 1)}"] == "u/a"
    assert paths[f"Annotation:{entry_id(Entry.PLATE_PATH, 2)}"] == "u/a"


def test_an_origin_names_the_owner_and_where_that_is_unknown_who_packs() -> None:
    details = {"owner": "Experimenter:3", "group": "ExperimenterGroup:4"}
    graph = graph_of({"@": "Experimenter:3", "omeName": "ada"}, image(1, details=details))
    (origin, _) = annotations_of(written(graph, "Image:1"), "Image")
    told = {etree.QName(one).localname: one.text for one in origin[0][0]}
    assert told == {
        "origin_image_id": "1",
        "packing_timestamp": PROVENANCE.packed_at.astimezone().strftime("%d/%m/%Y, %H:%M:%S"),
        "software": "our software",
        "version": "1.0",
        "origin_hostname": "omero.example.org",
        "md5": "TBC",
        "original_user": "ada",
        "original_group": "lab",
    }


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is five hours and a half ahead of UTC."""
    monkeypatch.setenv("TZ", "XXX-05:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_times_are_those_of_the_clock_on_the_wall_as_stock_reads_them() -> None:
    moment = datetime(2024, 5, 6, 22, 0, 0, tzinfo=UTC)
    provenance = Provenance("host", "ada", "lab", "software", "1.0", moment)
    told = etree.tostring(origin_node(Entry.IMAGE_ORIGIN, 1, provenance, "ada", "lab"))
    assert b"07/05/2024, 03:30:00" in told


@given(st.lists(st.tuples(st.sampled_from(Entry), st.integers(0, 2**63 - 1)), unique=True))
def test_no_bookkeeping_id_is_another_or_one_of_omero(entries: list[tuple[Entry, int]]) -> None:
    made = {entry_id(*one) for one in entries}
    assert len(made) == len(entries)
    assert all(one >= 2**63 for one in made)


# -- annotations


def annotated(*annotations: Row) -> Element:
    links = [link("Image:1", one["@"]) for one in annotations]
    return written(graph_of(image(1), annotations, links), "Image:1")


def test_pairs_of_a_map_keep_order_and_repetition() -> None:
    root = annotated(annotation("Map", 5, mapValue=[["b", "1"], ["a", "2"], ["b", "3"], None, ["c", None]]))
    assert [(one.get("K"), one.text) for one in root.iter(f"{NS}M")] == [
        ("b", "1"),
        ("a", "2"),
        ("b", "3"),
        ("c", None),
    ]


def test_namespace_and_description_are_told_of_every_kind() -> None:
    common = {"ns": "lab.example", "description": "said of it"}
    root = annotated(
        annotation("Tag", 1, textValue="t", **common),
        annotation("Comment", 2, textValue="c", **common),
        annotation("Long", 3, longValue=2**62, **common),
        annotation("Timestamp", 4, timeValue=1_700_000_000_000, **common),
        annotation("Map", 5, **common),
    )
    told = annotations_of(root, "Image")[:5]
    assert {etree.QName(one).localname for one in told} == {
        f"{kind}Annotation" for kind in ("Tag", "Comment", "Long", "Timestamp", "Map")
    }
    assert {(one.get("Namespace"), one.findtext(f"{NS}Description")) for one in told} == {
        ("lab.example", "said of it")
    }
    assert next(one.findtext(f"{NS}Value") for one in told if one.get("ID") == "Annotation:3") == str(2**62)


@pytest.mark.parametrize(
    "row",
    [
        annotation("Boolean", 1, boolValue=True),
        annotation("Double", 1, doubleValue=1.5),
        annotation("Term", 1, termValue="x"),
        annotation("Xml", 1, textValue="<a/>"),
        annotation("List", 1),
        annotation("Long", 1),
        annotation("Timestamp", 1),
        annotation("Timestamp", 1, timeValue=2**62),
        annotation("File", 1),
    ],
)
def test_what_stock_unpack_fails_on_is_not_told(row: Row) -> None:
    assert [etree.QName(one).localname for one in annotations_of(annotated(row), "Image")] == [
        "XMLAnnotation"
    ] * 2


def test_an_annotation_that_many_share_is_told_once() -> None:
    graph = graph_of(
        image(1),
        image(2),
        annotation("Tag", 5, textValue="t"),
        annotation("File", 6, file="OriginalFile:9"),
        file(9, "a.csv"),
        [link(f"Image:{n}", one) for n in (1, 2) for one in ("TagAnnotation:5", "FileAnnotation:6")],
        annotation("Tag", 7, textValue="of nobody"),
    )
    root = written(graph, "Image:1-2")
    assert ids(root, "TagAnnotation") == ["Annotation:5"]
    assert ids(root, "FileAnnotation") == ["Annotation:6"]
    assert len(ids(root, "XMLAnnotation")) == 5


def test_a_file_annotation_says_where_its_file_is_and_was() -> None:
    row = annotation("File", 6, file="OriginalFile:9", ns="lab.example")
    graph = graph_of(image(1), row, file(9, "a:b.csv", path="/home/me"), link("Image:1", "FileAnnotation:6"))
    root = written(graph, "Image:1")
    binary = only(root, "BinaryFile")
    assert (binary.get("FileName"), binary.get("Size")) == ("/home/me/a:b.csv", "5")
    assert b64decode(b64decode(only(root, "BinData").text or "")) == b"/home/me"
    assert [one.text for one in root.iter(f"{NS}Path")] == [
        "pixel_images/1.tiff",
        "file_annotations/6/a_b.csv",
    ]


def test_a_figure_is_told_with_its_own_path_and_no_object_refers_to_it() -> None:
    """``link_annotations`` of stock fails on a reference to a figure that it was not asked to unpack."""
    row = annotation("File", 6, file="OriginalFile:9", ns=FIGURE_NAMESPACE)
    graph = graph_of(
        {"@": "Dataset:1", "name": "d"}, row, file(9, "fig"), link("Dataset:1", "FileAnnotation:6")
    )
    root = written(graph, "Dataset:1")
    (path,) = root.iter(f"{NS}XMLAnnotation")
    assert path.get("Namespace") == "Annotation:6"
    assert path.findtext(f".//{NS}Path") == "figures/Figure_6.json"
    assert [one.getparent().tag for one in root.iter(f"{NS}AnnotationRef")] == [f"{NS}FileAnnotation"]  # type: ignore[union-attr]


# -- shapes


def shape(kind: str, **more: Any) -> Row:
    places = {
        "Point": "x y",
        "Rectangle": "x y width height",
        "Ellipse": "x y radiusX radiusY",
        "Line": "x1 y1 x2 y2",
        "Label": "x y",
    }
    return {"@": f"{kind}:1", **dict.fromkeys(places.get(kind, "").split(), 1.5), **more}


def told_shape(row: Row, *others: Row) -> Element:
    root = written(graph_of(image(1), roi(1, 2, row), others), "Image:1")
    assert ids(root, "ROIRef") == ids(root, "ROI") == ["lsid:2"]
    return only(root, "Union")[0]


@pytest.mark.parametrize("kind", ["Point", "Line", "Rectangle", "Ellipse", "Label", "Polygon", "Polyline"])
def test_a_shape_of_all_planes_names_none(kind: str) -> None:
    bare = told_shape(shape(kind, points="1,2 3,4", theC=-1, theZ=None, theT=0))
    assert [bare.get(name) for name in ("TheC", "TheZ", "TheT", "Text")] == [None, None, "0", None]


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ("1.0,2.0 3,4", "1.0,2.0 3,4"),
        ("1,2, 3,4,", "1,2 3,4"),
        (" 1, 2  3 ,4\n", "1,2 3,4"),
        ("points[1,2 3,4] points1[5,6 7,8] mask[0,0]", "1,2 3,4"),
        ("-1.5e3,+.5", "-1.5e3,+.5"),
    ],
)
def test_points_are_spelt_in_the_one_way_that_stock_unpack_reads(points: str, told: str) -> None:
    assert told_shape(shape("Polygon", points=points)).get("Points") == told


@pytest.mark.parametrize(
    "row",
    [
        shape("Mask", x=1.0, y=1.0, width=2.0, height=2.0, bytes={"b64": "AA=="}),
        shape("Polygon"),
        shape("Polyline", points=""),
        shape("Polygon", points="1,2 3"),
        shape("Polygon", points="a,b"),
        shape("Point", x=None),
        shape("Line", y2=None),
    ],
)
def test_a_region_without_a_shape_that_can_be_told_is_left_out(row: Row) -> None:
    root = written(graph_of(image(1), roi(1, 2, row)), "Image:1")
    assert not ids(root, "ROI")
    assert not ids(root, "ROIRef")


def test_shapes_that_cannot_be_told_do_not_take_the_others_with_them() -> None:
    mask = shape("Mask", x=1.0, y=1.0, width=2.0, height=2.0)
    root = written(
        graph_of(image(1), roi(1, 2, mask, shape("Polygon") | {"@": "Polygon:3"}, shape("Point"))), "Image:1"
    )
    assert [etree.QName(one).localname for one in only(root, "Union")] == ["Point"]


def test_the_look_of_a_shape_is_told() -> None:
    row = shape(
        "Rectangle",
        fillColor=-1,
        strokeColor=255,
        strokeWidth={"Length": 2.0, "unit": "MICROMETER"},
        locked=False,
        textValue="x",
    )
    told = told_shape(row)
    assert {
        name: told.get(name)
        for name in ("FillColor", "StrokeColor", "StrokeWidth", "StrokeWidthUnit", "Locked", "Text")
    } == {
        "FillColor": "-1",
        "StrokeColor": "255",
        "StrokeWidth": "2.0",
        "StrokeWidthUnit": "µm",
        "Locked": "false",
        "Text": "x",
    }


def test_a_transform_is_told() -> None:
    matrix = {
        "@": "AffineTransform:4",
        "a00": 1.0,
        "a10": 2.0,
        "a01": 3.0,
        "a11": 4.0,
        "a02": 5.0,
        "a12": 6.0,
    }
    told = told_shape(shape("Point", transform="AffineTransform:4"), matrix)
    assert dict(told[0].attrib.items()) == {
        "A00": "1.0",
        "A10": "2.0",
        "A01": "3.0",
        "A11": "4.0",
        "A02": "5.0",
        "A12": "6.0",
    }


@pytest.mark.parametrize(
    ("size", "told"),
    [({"Length": 12.6, "unit": "POINT"}, "13"), (None, "10"), ({"Length": -1.0, "unit": "POINT"}, "10")],
)
def test_a_label_has_a_whole_font_size(size: Row | None, told: str) -> None:
    assert told_shape(shape("Label", fontSize=size)).get("FontSize") == told


@pytest.mark.parametrize("kind", ["Line", "Polyline"])
def test_markers_other_than_arrows_are_left_out(kind: str) -> None:
    told = told_shape(shape(kind, points="1,2 3,4", markerStart="Arrow", markerEnd="None"))
    assert (told.get("MarkerStart"), told.get("MarkerEnd")) == ("Arrow", None)


@pytest.mark.parametrize(("x", "told"), [("NaN", "NaN"), ("-Infinity", "-INF"), (1e-7, "1E-07"), (3, "3.0")])
def test_numbers_are_spelt_as_xml_schema_does(x: Any, told: str) -> None:
    assert told_shape(shape("Point", x=x)).get("X") == told


def test_a_region_has_its_annotations_after_its_shapes() -> None:
    rows = [
        *roi(1, 2, shape("Point"), name="n", description="d"),
        annotation("Tag", 5, textValue="t"),
        link("Roi:2", "TagAnnotation:5"),
    ]
    root = written(graph_of(image(1), rows), "Image:1")
    assert [etree.QName(one).localname for one in only(root, "ROI")] == [
        "Union",
        "AnnotationRef",
        "Description",
    ]
    assert ids(root, "TagAnnotation") == ["Annotation:5"]


# -- odd text, and much of it


odd_characters = st.sampled_from("\x00\x0b\x1f\r\n\t\x85\ufffe\uffff\ud800\udfff")
texts = st.lists(st.text(max_size=5) | odd_characters, max_size=8).map("".join)


def as_xml_has_it(text: str) -> str:
    """XML 1.0, production 2 (Char): what it cannot have is left out; ``omero.jsonl`` keeps it.

    Two surrogates that make a pair are the character that they stand for, as in JSON.
    """
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return "".join(filter(_is_in_xml, paired))


def _is_in_xml(one: str) -> bool:
    return one in "\t\n\r" or "\x20" <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one > "\uffff"


@given(texts, texts, texts, texts)
def test_any_text_is_told_without_what_xml_cannot_have(
    name: str, description: str, key: str, value: str
) -> None:
    rows = [
        annotation("Map", 1, mapValue=[[key, value]]),
        annotation("Tag", 2, textValue=value),
        *roi(1, 2, shape("Point", textValue=value), name=name, description=description),
    ]
    links = [link("Image:1", one["@"]) for one in rows[:2]]
    root = written(graph_of(image(1, name=name, description=description), rows, links), "Image:1")
    found = only(root, "Image")
    assert found.get("Name") == as_xml_has_it(name)
    assert found.findtext(f"{NS}Description") == as_xml_has_it(description)
    assert (only(root, "M").get("K"), only(root, "M").text or "") == (
        as_xml_has_it(key),
        as_xml_has_it(value),
    )
    assert only(root, "TagAnnotation").findtext(f"{NS}Value") == as_xml_has_it(value)
    assert only(root, "ROI").get("Name") == as_xml_has_it(name)
    assert only(root, "Point").get("Text") == as_xml_has_it(value)


def test_a_huge_text_is_told_whole() -> None:
    text = "huge " * (4 << 20)
    root = etree.fromstring(
        write(graph_of(image(1, description=text)), "Image:1"), etree.XMLParser(huge_tree=True)
    )
    assert only(root, "Image").findtext(f"{NS}Description") == text


def fileset_of(images: int) -> Iterator[Row]:
    yield {"@": "Dataset:1", "name": "d"}
    yield annotation("Tag", 1, textValue="shared")
    yield from fileset(3, "u/a.lif")
    for number in range(1, images + 1):
        yield from image(number, 3)
        yield link("Dataset:1", f"Image:{number}")
        yield link(f"Image:{number}", "TagAnnotation:1")


def test_ten_thousand_images_of_one_fileset_are_written_in_small_pieces_and_unchanged_order() -> None:
    """Stock ends in a RecursionError at 1,000, and takes 44 s for 900 (reference/transfer-packet.md, D5)."""
    graph = graph_of(fileset_of(10_000))
    data = write(graph, "Dataset:1")
    assert data == write(graph, "Dataset:1")
    root = etree.fromstring(data)
    assert ids(root, "Image") == [f"Image:{number}" for number in range(1, 10_001)]


def rows_read(images: int) -> int:
    """How many rows are asked for one by one."""
    graph = graph_of(fileset_of(images))
    asked = 0

    class Counting(Graph):
        def one(self, reference: str | None) -> Any:
            nonlocal asked
            asked += 1
            return super().one(reference)

    counting = Counting()
    counting._tables = graph._tables
    write(counting, "Dataset:1")
    return asked


def test_work_grows_with_the_images_and_not_faster() -> None:
    assert rows_read(600) - rows_read(400) == rows_read(400) - rows_read(200) > 0
