"""Regions and shapes of ``transfer.xml`` as rows: the other way of ``transfer_xml_shapes``."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import (
    FIRST_MADE_UP,
    UnreadParts,
    boolean_of,
    child,
    double,
    kept,
    object_id,
    refuse,
    text_of,
    whole,
    xml_of,
)
from omero_irods_bridge.packet.transfer_xml_rows_links import Links
from omero_irods_bridge.packet.xml import local_name
from omero_irods_bridge.ports import Row

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "Point": ("X", "Y"),
    "Line": ("X1", "Y1", "X2", "Y2"),
    "Rectangle": ("X", "Y", "Width", "Height"),
    "Ellipse": ("X", "Y", "RadiusX", "RadiusY"),
    "Polygon": (),
    "Polyline": (),
    "Label": ("X", "Y"),
}
_TEXTS: Final[Mapping[str, str]] = {
    "Text": "textValue",
    "Points": "points",
    "MarkerStart": "markerStart",
    "MarkerEnd": "markerEnd",
    "FillRule": "fillRule",
    "FontFamily": "fontFamily",
    "FontStyle": "fontStyle",
    "StrokeDashArray": "strokeDashArray",
}
_ONLY_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "Points": ("Polygon", "Polyline"),
    "MarkerStart": ("Line", "Polyline"),
    "MarkerEnd": ("Line", "Polyline"),
}
_WHOLE: Final[Mapping[str, str]] = {
    "FillColor": "fillColor",
    "StrokeColor": "strokeColor",
    "TheZ": "theZ",
    "TheT": "theT",
    "TheC": "theC",
}
_LENGTHS: Final[Mapping[str, tuple[str, str]]] = {
    "StrokeWidth": ("strokeWidth", "pixel"),
    "FontSize": ("fontSize", "pt"),
}
"""The field, and the unit where none is named."""
_MATRIX: Final = ("A00", "A10", "A01", "A11", "A02", "A12")
_SYMBOLS: Final[Mapping[str, str]] = {
    "Ym": "YOTTAMETER",
    "Zm": "ZETTAMETER",
    "Em": "EXAMETER",
    "Pm": "PETAMETER",
    "Tm": "TERAMETER",
    "Gm": "GIGAMETER",
    "Mm": "MEGAMETER",
    "km": "KILOMETER",
    "hm": "HECTOMETER",
    "dam": "DECAMETER",
    "m": "METER",
    "dm": "DECIMETER",
    "cm": "CENTIMETER",
    "mm": "MILLIMETER",
    "\N{GREEK SMALL LETTER MU}m": "MICROMETER",
    "nm": "NANOMETER",
    "pm": "PICOMETER",
    "fm": "FEMTOMETER",
    "am": "ATTOMETER",
    "zm": "ZEPTOMETER",
    "ym": "YOCTOMETER",
    "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}": "ANGSTROM",
    "thou": "THOU",
    "li": "LINE",
    "in": "INCH",
    "ft": "FOOT",
    "yd": "YARD",
    "mi": "MILE",
    "ua": "ASTRONOMICALUNIT",
    "ly": "LIGHTYEAR",
    "pc": "PARSEC",
    "pt": "POINT",
    "pixel": "PIXEL",
    "reference frame": "REFERENCEFRAME",
}
"""Units of length of the OME schema 2016-06 in compatible form, and their names in OMERO."""


@dataclass(slots=True)
class RoiRows:
    """Makes rows of regions as they come; those that come before their image wait for it."""

    graph: Graph
    links: Links
    unread: UnreadParts
    without_image: set[int] = field(default_factory=set)
    """Regions that are left out."""
    _waiting: Graph = field(default_factory=Graph)

    def read(self, element: Node) -> None:
        """Add a region with its shapes."""
        number = object_id(element, "ROI")
        row: dict[str, Any] = {"@": f"Roi:{number}", "@sets": ["annotationLinks"]}
        row |= {"name": element.get("Name"), "description": text_of(element, "Description") or None}
        image = self.links.image_of(number)
        row["image"] = None if image is None else f"Image:{image}"
        graph = self._waiting if image is None else self.graph
        union = child(element, "Union")
        row["shapes"] = [] if union is None else list(self._shapes(union, number, graph))
        graph.add({name: value for name, value in row.items() if value is not None})
        self.links.annotate("Roi", number, element)
        self.unread.add_rest(element, ("ID", "Name"), ("Union", "AnnotationRef", "Description"))

    def finish(self) -> None:
        """Add the regions that waited; one of no image is noted as unread.

        Raises:
            BadPacket: one has a shape that another region has, too.
        """
        for row in self._waiting.rows("Roi"):
            image = self.links.image_of(id_of(row["@"]))
            if image is None:
                self.unread.add("a region of no image", str(row["@"]))
                self.without_image.add(id_of(row["@"]))
            else:
                self.graph.add({**row, "image": f"Image:{image}"})
                self._add_waiting(row["shapes"])

    def _add_waiting(self, shapes: Sequence[str]) -> None:
        for row in filter(None, map(self._waiting.one, shapes)):
            if row["@"] not in self.graph and f"Shape:{id_of(row['@'])}" in self.graph:
                raise BadPacket(f"transfer.xml: {row['@']} has the ID of another shape.")
            self.graph.add(row)
            transform = self._waiting.one(row.get("transform"))
            if transform is not None:
                self.graph.add(transform)

    def _shapes(self, union: Node, roi: int, graph: Graph) -> Iterator[str]:
        for one in union.iterchildren():
            kind = local_name(one)
            if kind in _PLACES:
                yield self._shape(one, kind, roi, graph)
            else:
                self._keep(one, f"a shape {kind[:100]}", roi)

    def _keep(self, element: Node, place: str, roi: int) -> None:
        """Let an XML annotation of the region say it, the same each time that it is read."""
        xml = xml_of(element)
        if xml is None:
            self.unread.add_element(f"{place} that is large", element)
            return
        digest = hashlib.sha256(f"{roi} {xml}".encode()).hexdigest()
        number = FIRST_MADE_UP + int(digest[:14], 16) % 10**17
        self.graph.add(kept(number, xml))
        self.links.annotate_with("Roi", roi, number)
        self.unread.add_kept(place, xml)

    def _shape(self, element: Node, kind: str, roi: int, graph: Graph) -> str:
        number = object_id(element, "Shape")
        key = f"{kind}:{number}"
        if key not in graph and f"Shape:{number}" in graph:
            refuse(element, "has the ID of another shape")
        row = {"@": key, "roi": f"Roi:{roi}", **_look(element), **_place(element, kind)}
        transform = child(element, "Transform")
        if transform is not None:
            row["transform"] = f"AffineTransform:{number}"
            graph.add(_transform(transform, number))
        graph.add(row)
        self.unread.add_rest(element, _known(kind), ("Transform",))
        return key


def _transform(element: Node, shape: int) -> Row:
    """It has no id of its own, and one shape."""
    row: dict[str, Any] = {"@": f"AffineTransform:{shape}"}
    row |= {name.lower(): double(element, name) for name in _MATRIX}
    if None in row.values():
        refuse(element, f"of Shape:{shape} is not complete")
    return row


def _known(kind: str) -> list[str]:
    """All attributes that are read of a kind of shape."""
    texts = [name for name in _TEXTS if kind in _ONLY_OF.get(name, (kind,))]
    units = [f"{name}Unit" for name in _LENGTHS]
    return ["ID", "Locked", *_PLACES[kind], *texts, *_WHOLE, *_LENGTHS, *units]


def _look(element: Node) -> dict[str, Any]:
    row: dict[str, Any] = {told: whole(element, name) for name, told in _WHOLE.items()}
    row |= {told: _length(element, name, usual) for name, (told, usual) in _LENGTHS.items()}
    if (locked := element.get("Locked")) is not None:
        row["locked"] = boolean_of(element, "Locked", locked)
    return {name: value for name, value in row.items() if value is not None}


def _place(element: Node, kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {f"{name[:1].lower()}{name[1:]}": double(element, name) for name in _PLACES[kind]}
    if None in row.values():
        refuse(element, f"does not say where it is: {', '.join(_PLACES[kind])}")
    for name, told in _TEXTS.items():
        text = element.get(name)
        if text is not None and kind in _ONLY_OF.get(name, (kind,)):
            row[told] = text
    if kind in _ONLY_OF["Points"] and not row.get("points"):
        refuse(element, "has no Points")
    return row


def _length(element: Node, name: str, usual: str) -> Row | None:
    value = double(element, name)
    if value is None:
        return None
    symbol = unicodedata.normalize("NFKC", element.get(f"{name}Unit", usual))
    if symbol not in _SYMBOLS:
        refuse(element, f"has a {name} in {quoted(symbol)}, which is no unit of length")
    return {"Length": value, "unit": _SYMBOLS[symbol]}
