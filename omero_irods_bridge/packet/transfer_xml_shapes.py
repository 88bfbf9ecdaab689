"""Regions of interest and shapes in ``transfer.xml`` (stock: ``populate_roi``, ``create_shapes``)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from omero_irods_bridge.packet.graph import Graph, id_of, split_reference
from omero_irods_bridge.packet.transfer_xml_nodes import Node, Value, node, number_of, references
from omero_irods_bridge.ports import Row

_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "Point": {"x": "X", "y": "Y"},
    "Line": {"x1": "X1", "y1": "Y1", "x2": "X2", "y2": "Y2"},
    "Rectangle": {"x": "X", "y": "Y", "width": "Width", "height": "Height"},
    "Ellipse": {"x": "X", "y": "Y", "radiusX": "RadiusX", "radiusY": "RadiusY"},
    "Polygon": {},
    "Polyline": {},
    "Label": {"x": "X", "y": "Y"},
}
"""The shapes that are written, and the numbers that say where they are: the schema requires them all."""

ROI_PREFIX: Final = "lsid"
"""Of the ids of regions, as published packets and present stock have them (it is what ome-types gives)."""

_LABEL_FONT_SIZE: Final = 10
_PLANES: Final = {"theZ": "TheZ", "theT": "TheT", "theC": "TheC"}
_MATRIX: Final = ("a00", "a10", "a01", "a11", "a02", "a12")
_LEGACY_POINTS: Final = re.compile(r"points\[([^\]]*)\]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_UNITS: Final[Mapping[str, str]] = {
    "ANGSTROM": "Å",
    "ASTRONOMICALUNIT": "ua",
    "CENTIMETER": "cm",
    "DECIMETER": "dm",
    "FOOT": "ft",
    "INCH": "in",
    "KILOMETER": "km",
    "LINE": "li",
    "METER": "m",
    "MICROMETER": "µm",
    "MILE": "mi",
    "MILLIMETER": "mm",
    "NANOMETER": "nm",
    "PICOMETER": "pm",
    "PIXEL": "pixel",
    "POINT": "pt",
    "REFERENCEFRAME": "reference frame",
    "THOU": "thou",
    "YARD": "yd",
}


def writable_rois(graph: Graph) -> dict[int, list[int]]:
    """By image, the regions that have a shape that can be written; the others are left out, as in stock."""
    bad = {row["@"] for kind in _PLACES for row in graph.rows(kind) if not _can_be_written(row)}
    found: dict[int, list[int]] = defaultdict(list)
    for roi in graph.rows("Roi"):
        if roi.get("image") and any(
            one and _is_known(one) and one not in bad for one in roi.get("shapes") or ()
        ):
            found[id_of(roi["image"])].append(id_of(roi["@"]))
    return found


def roi_node(graph: Graph, roi: Row, annotations: Sequence[int]) -> Node:
    """A region with its shapes, in their order."""
    shapes = node("Union", children=_shapes(graph, roi["shapes"]))
    children = [shapes, *references("Annotation", annotations)]
    if roi.get("description") is not None:
        children.append(node("Description", text=roi["description"]))
    return node("ROI", {"ID": f"{ROI_PREFIX}:{id_of(roi['@'])}", "Name": roi.get("name")}, children)


def _shapes(graph: Graph, shapes: Iterable[str | None]) -> Iterator[Node]:
    for one in shapes:
        row = graph.one(one) if one and _is_known(one) else None
        if row is not None and _can_be_written(row):
            yield shape_node(row, graph.one(row.get("transform")))


def _is_known(shape: str) -> bool:
    return split_reference(shape)[0] in _PLACES


def _can_be_written(shape: Row) -> bool:
    kind = split_reference(shape["@"])[0]
    if not _PLACES[kind]:
        return bool(_points(shape))
    return all(number_of(shape.get(name)) is not None for name in _PLACES[kind])


def shape_node(shape: Row, transform: Row | None) -> Node:
    """A shape; one of all planes names none (stock pins it to the first)."""
    kind, number = split_reference(shape["@"])
    attributes: dict[str, Value] = {"ID": f"Shape:{number}", **_look(shape), **_plane(shape)}
    attributes |= {told: number_of(shape[name]) for name, told in _PLACES[kind].items()}
    attributes |= _special(kind, shape)
    children = [] if transform is None else [_transform(transform)]
    return node(kind, attributes, children)


def _look(shape: Row) -> dict[str, Value]:
    return {
        "FillColor": shape.get("fillColor"),
        "StrokeColor": shape.get("strokeColor"),
        **_length("StrokeWidth", shape.get("strokeWidth"), usual="PIXEL"),
        "Text": shape.get("textValue"),
        "Locked": shape.get("locked"),
    }


def _plane(shape: Row) -> dict[str, Value]:
    """OMERO has null or -1 for all planes; the schema leaves the attribute out."""
    return {
        told: shape[name] for name, told in _PLANES.items() if (shape.get(name) or 0) >= 0 and name in shape
    }


def _special(kind: str, shape: Row) -> dict[str, Value]:
    if kind == "Label":
        return _font_size(shape.get("fontSize"))
    if kind in {"Polygon", "Polyline"}:
        return {"Points": _points(shape), **_markers(kind, shape)}
    return _markers(kind, shape)


def _markers(kind: str, shape: Row) -> dict[str, Value]:
    """The schema has arrows alone."""
    if kind not in {"Line", "Polyline"}:
        return {}
    markers = {"MarkerStart": shape.get("markerStart"), "MarkerEnd": shape.get("markerEnd")}
    return {name: "Arrow" for name, marker in markers.items() if marker == "Arrow"}


def _font_size(size: object) -> dict[str, Value]:
    told = _length("FontSize", size, usual="POINT")
    value = told.get("FontSize")
    if not isinstance(value, float) or not 0 <= value < 1 << 31:
        return {"FontSize": _LABEL_FONT_SIZE}
    return {**told, "FontSize": round(value)}


def _length(name: str, length: object, *, usual: str) -> dict[str, Value]:
    """A number, and its unit where that is not the usual one."""
    if not isinstance(length, Mapping) or length.get("unit") not in _UNITS:
        return {}
    unit = length["unit"]
    return {name: number_of(length.get("Length")), f"{name}Unit": None if unit == usual else _UNITS[unit]}


def _points(shape: Row) -> str:
    """``x,y x,y``: the one spelling that stock unpack reads, of the several that clients write."""
    text = shape.get("points") or ""
    legacy = _LEGACY_POINTS.search(text)
    numbers = (legacy[1] if legacy else text).replace(",", " ").split()
    if len(numbers) % 2 or not all(map(_NUMBER.fullmatch, numbers)):
        return ""
    return " ".join(f"{x},{y}" for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def _transform(row: Row) -> Node:
    return node("Transform", {name.upper(): number_of(row.get(name)) or 0.0 for name in _MATRIX})
