"""What our writer says of rows is read back as these rows, as far as the stock form carries them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_reading import TransferXml, read_transfer_xml
from tests.unit.packet_graph.rows import (
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
)

PLACES: Final = {
    "Point": ("x", "y"),
    "Line": ("x1", "y1", "x2", "y2"),
    "Rectangle": ("x", "y", "width", "height"),
    "Ellipse": ("x", "y", "radiusX", "radiusY"),
    "Label": ("x", "y"),
    "Polygon": (),
    "Polyline": (),
}
NOT_TOLD: Final = {"Fileset", "FilesetEntry", "ChecksumAlgorithm", "PixelsType", "DimensionOrder"}

texts: st.SearchStrategy[str] = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r")
)
finite = st.floats(allow_nan=False, allow_infinity=False)
doubles = finite | st.sampled_from(["NaN", "Infinity", "-Infinity"])
colors = st.integers(-(2**31), 2**31 - 1)
planes = st.integers(0, 2**31 - 1)
lengths = st.builds(
    lambda value, unit: {"Length": value, "unit": unit},
    finite,
    st.sampled_from(["PIXEL", "MICROMETER", "ANGSTROM"]),
)
points = st.lists(st.tuples(finite, finite), min_size=1, max_size=4).map(
    lambda pairs: " ".join(f"{x},{y}" for x, y in pairs)
)


def told(graph: Graph) -> dict[str, Row]:
    """All rows that ``transfer.xml`` carries, by their key; links by what they link."""
    return dict(_told(graph))


def _told(graph: Graph) -> Iterator[tuple[str, Row]]:
    for kind in set(graph.classes()) - NOT_TOLD:
        for row in graph.rows(kind):
            if kind.endswith("Link"):
                yield f"{row['parent']} > {row['child']}", {}
            elif kind == "Pixels":
                yield f"pixels of {row['image']}", _pixels(graph, row)
            else:
                yield row["@"], _plain(row)


def _pixels(graph: Graph, row: Any) -> Row:
    values = {name: (graph.one(row[name]) or {})["value"] for name in ("pixelsType", "dimensionOrder")}
    return {name: value for name, value in row.items() if name.startswith("size")} | values


def _plain(row: Any) -> Row:
    skipped = {"@", "@sets", "fileset", "pixels", "hash", "hasher"}
    return {name: value for name, value in row.items() if name not in skipped and value is not None}


def back(graph: Graph, *roots: str, figures: bool = True) -> TransferXml:
    return read_transfer_xml([write(graph, *roots, figures=figures)])


def full_image(number: int, in_fileset: int | None = None, **more: Any) -> Iterator[Row]:
    """As the server gives it: pixels point back."""
    for row in image(number, in_fileset, **more):
        yield {**row, "image": f"Image:{number}"} if row["@"].startswith("Pixels") else row


def full_roi(number: int, roi_id: int, *shapes: Row, **more: Any) -> Iterator[Row]:
    yield from roi(number, roi_id, *({**one, "roi": f"Roi:{roi_id}"} for one in shapes), **more)


def test_a_project_with_all_that_stock_carries_comes_back() -> None:
    graph = graph_of(
        {"@": "Project:1", "name": "p", "description": "d"},
        {"@": "Dataset:2", "name": "e"},
        full_image(3, 4, description="x"),
        full_image(5, 4),
        full_image(6),
        fileset(4, "u/a.lif", "u/b.lif"),
        link("Project:1", "Dataset:2"),
        *(link("Dataset:2", f"Image:{n}") for n in (3, 5, 6)),
        annotation("Tag", 7, textValue="t", ns="n", description="said"),
        annotation("Map", 8, mapValue=[["b", "1"], ["a", "2"], ["b", ""]]),
        annotation("Long", 9, longValue=-5),
        annotation("Timestamp", 10, timeValue=1_700_000_000_123),
        annotation("Comment", 11, textValue=""),
        annotation("File", 12, file="OriginalFile:12", ns="lab"),
        {"@": "OriginalFile:12", "name": "a:b.csv", "path": "/home/me", "size": 5},
        [link("Image:3", one) for one in ("TagAnnotation:7", "MapAnnotation:8", "FileAnnotation:12")],
        [link("Dataset:2", one) for one in ("TagAnnotation:7", "LongAnnotation:9")],
        link("Project:1", "TimestampAnnotation:10"),
        full_roi(3, 13, {"@": "Point:1", "x": 1.5, "y": 2.0}, name="r", description="q"),
        link("Roi:13", "CommentAnnotation:11"),
    )
    found = back(graph, "Project:1")
    assert told(found.graph) == {
        key: row for key, row in told(graph).items() if not key.startswith("OriginalFile:4")
    }
    assert found.paths == {
        "Image:3": "u/mock_folder",
        "Image:5": "u/mock_folder",
        "Image:6": "pixel_images/6.tiff",
        "FileAnnotation:12": "file_annotations/12/a_b.csv",
    }
    assert found.origins["Image:3"].id == 3
    assert not found.unread


def test_a_screen_comes_back() -> None:
    graph = graph_of(
        {"@": "Screen:1", "name": "s"},
        {"@": "Plate:2", "name": "p", "description": "q"},
        link("Screen:1", "Plate:2"),
        full_image(3, 9),
        full_image(4, 9),
        fileset(9, "u/x.fake"),
        well(2, 5, [3], 1, 2),
        well(2, 6, [4], 0, 0),
        annotation("Tag", 7, textValue="t"),
        link("Well:5", "TagAnnotation:7"),
        link("Plate:2", "TagAnnotation:7"),
    )
    found = back(graph, "Screen:1")
    expected = {key: row for key, row in told(graph).items() if not key.startswith("OriginalFile")}
    assert told(found.graph) == expected
    assert found.paths["Plate:2"] == found.paths["Image:3"] == "u/x.fake"


def test_a_figure_comes_back() -> None:
    row = annotation("File", 6, file="OriginalFile:6", ns=FIGURE_NAMESPACE)
    graph = graph_of(full_image(1), row, file(6, "fig", path=""))
    found = back(graph, "Image:1")
    assert told(found.graph) == told(graph)
    assert found.paths["FileAnnotation:6"] == "figures/Figure_6.json"


some_annotations: st.SearchStrategy[Row] = st.one_of(
    st.builds(lambda value: annotation("Tag", 1, textValue=value), texts),
    st.builds(lambda value: annotation("Comment", 1, textValue=value), texts),
    st.builds(lambda value: annotation("Long", 1, longValue=value), st.integers(-(2**63), 2**63 - 1)),
    st.builds(
        lambda value: annotation("Map", 1, mapValue=value), st.lists(st.lists(texts, min_size=2, max_size=2))
    ),
)


@settings(deadline=None)
@given(some_annotations, texts.filter(bool), texts.filter(bool), texts)
def test_any_text_of_annotations_and_names_comes_back(row: Row, ns: str, description: str, name: str) -> None:
    row = {**row, "ns": ns, "description": description}
    graph = graph_of(full_image(1, name=name), row, link("Image:1", row["@"]))
    assert told(back(graph, "Image:1").graph) == told(graph)


@st.composite
def shapes(draw: st.DrawFn) -> Row:
    kind = draw(st.sampled_from(sorted(PLACES)))
    row: Row = {
        "@": f"{kind}:{draw(st.integers(0, 10**17))}",
        **{name: draw(doubles) for name in PLACES[kind]},
    }
    if not PLACES[kind]:
        row["points"] = draw(points)
    optional = {"fillColor": colors, "strokeColor": colors, "strokeWidth": lengths, "textValue": texts}
    optional |= {"theZ": planes, "theC": planes, "theT": planes, "locked": st.booleans()}
    row |= draw(st.fixed_dictionaries({}, optional=optional))
    if kind == "Label":
        row["fontSize"] = {"Length": float(draw(st.integers(0, 100))), "unit": "POINT"}
    return row


@settings(deadline=None)
@given(st.lists(shapes(), min_size=1, max_size=4, unique_by=lambda row: row["@"].partition(":")[2]), texts)
def test_any_shape_comes_back(drawn: list[Row], name: str) -> None:
    graph = graph_of(full_image(1), full_roi(1, 2, *drawn, name=name))
    assert told(back(graph, "Image:1").graph) == told(graph)


# -- whatever is done to the file


def valid() -> bytes:
    return write(
        graph_of(
            {"@": "Screen:1", "name": "s"},
            {"@": "Plate:2", "name": "p"},
            {"@": "Dataset:2", "name": "d"},
            link("Screen:1", "Plate:2"),
            link("Dataset:2", "Image:3"),
            full_image(3),
            well(2, 5, [3]),
            [annotation("Tag", 7, textValue="t"), annotation("Map", 8, mapValue=[["a", "b"]])],
            [annotation("Long", 9, longValue=5), annotation("Timestamp", 10, timeValue=1000)],
            annotation("File", 12, file="OriginalFile:12"),
            file(12, "a.csv"),
            [link("Image:3", f"{kind}Annotation:{n}") for kind, n in (("Tag", 7), ("Map", 8), ("Long", 9))],
            [link("Plate:2", f"{kind}Annotation:{n}") for kind, n in (("Timestamp", 10), ("File", 12))],
            full_roi(
                3, 1, {"@": "Line:1", "x1": 1, "y1": 1, "x2": 2, "y2": 2}, {"@": "Polygon:2", "points": "1,2"}
            ),
        ),
        "Screen:1",
        "Dataset:2",
    )


VALID: Final = valid()
_values = st.sampled_from(
    [
        "",
        "-1",
        "NaN",
        "9" * 30,
        "Image:3",
        "Annotation:7",
        "Annotation:-7",
        "Shape:1",
        "x",
        "0",
        "../x",
        "2024",
    ]
) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=5,
)


def change(root: etree._Element, draw: st.DrawFn) -> None:
    """One change somewhere: an element goes, comes twice, elsewhere or renamed; a value is another."""
    elements = list(root.iter())
    one, other = draw(st.sampled_from(elements)), draw(st.sampled_from(elements))
    what = draw(st.integers(0, 5))
    if what == 0 and (parent := one.getparent()) is not None:
        parent.remove(one)
    elif what == 1:
        other.append(etree.fromstring(etree.tostring(one)))
    elif what == 2:
        one.tag = other.tag
    elif what == 3 and one.attrib:
        one.attrib[draw(st.sampled_from(sorted(map(str, one.attrib))))] = draw(_values)
    elif what == 4 and one.attrib:
        del one.attrib[draw(st.sampled_from(sorted(map(str, one.attrib))))]
    else:
        one.text = draw(_values)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    root = etree.fromstring(VALID)
    for _ in range(draw(st.integers(1, 4))):
        change(root, draw)
    return etree.tostring(root)


def read_or_refuse(data: bytes) -> TransferXml | None:
    try:
        return read_transfer_xml([data])
    except BridgeError:
        return None


@settings(max_examples=400, deadline=None)
@given(changed())
def test_a_changed_file_is_read_or_refused_and_all_references_lead_somewhere(data: bytes) -> None:
    found = read_or_refuse(data)
    if found is None:
        return
    for kind in found.graph.classes():
        for row in found.graph.rows(kind):
            named = [
                row.get(name)
                for name in ("parent", "child", "image", "plate", "well", "roi", "file", "transform")
            ]
            lists = [*row.get("wellSamples", ()), *row.get("shapes", ()), *row.get("pixels", ())]
            assert all(one in found.graph for one in (*named, *lists) if one is not None)
    assert all(key in found.graph for key in (*found.origins, *found.paths))


@settings(deadline=None)
@given(st.binary(max_size=20), st.integers(0, len(VALID)), st.integers(0, 20))
def test_a_damaged_file_is_read_or_refused(data: bytes, place: int, cut: int) -> None:
    read_or_refuse(VALID[:place] + data + VALID[place + cut :])
