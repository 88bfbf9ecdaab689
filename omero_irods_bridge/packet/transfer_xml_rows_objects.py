"""Containers, plates and images of ``transfer.xml`` as rows: the other way of ``transfer_xml_objects``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import (
    FIRST_MADE_UP,
    UnreadParts,
    child,
    children,
    object_id,
    refuse,
    text_of,
    whole,
)
from omero_irods_bridge.packet.transfer_xml_rows_links import Links, check_there

_SEVERAL_NUMBERS: Final = re.compile(r"[A-Za-z]{1,64}(:[0-9]{1,18}){2,4}", re.ASCII)
_NAMED: Final = ("ID", "Name")
_SIZES: Final = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT")
_ENUMERATED: Final[Mapping[str, tuple[str, str]]] = {
    "DimensionOrder": ("dimensionOrder", "DimensionOrder"),
    "Type": ("pixelsType", "PixelsType"),
}
"""The attribute, its field, and the class of enumerations."""


@dataclass(slots=True)
class ObjectRows:
    """Makes rows of elements as they come. Enumerations get ids that are made up, from 1."""

    graph: Graph
    links: Links
    unread: UnreadParts
    _values: dict[tuple[str, str], str] = field(default_factory=dict)
    _made_up: int = FIRST_MADE_UP
    _fields: dict[str, str] = field(default_factory=dict)

    def read(self, element: Node, kind: str) -> None:
        """Add the rows of an element of one of :data:`KINDS`."""
        _WAYS[kind](self, element)

    def check(self) -> None:
        """Whether the images of all fields are there.

        Raises:
            BadPacket: one is not.
        """
        for sample, image in self._fields.items():
            check_there(self.graph, sample, image)

    def project(self, element: Node) -> None:
        self._container(element, "Project", "Dataset")

    def dataset(self, element: Node) -> None:
        self._container(element, "Dataset", "Image")

    def screen(self, element: Node) -> None:
        self._container(element, "Screen", "Plate")

    def _container(self, element: Node, kind: str, inner: str) -> None:
        number = object_id(element, kind)
        sets = ["annotationLinks", f"{inner.lower()}Links"]
        self.graph.add({**_named(element, kind, number), "@sets": sets})
        self.links.contain(kind, number, element, inner)
        self._annotated(element, kind, number, f"{inner}Ref")

    def _annotated(self, element: Node, kind: str, number: int, *inner: str) -> None:
        self.links.annotate(kind, number, element)
        self.unread.add_rest(element, _NAMED, ("Description", "AnnotationRef", *inner))

    # -- plates

    def plate(self, element: Node) -> None:
        number = object_id(element, "Plate")
        self.graph.add({**_named(element, "Plate", number), "@sets": ["annotationLinks", "wells"]})
        for well in children(element, "Well"):
            self._well(well, number)
        self._annotated(element, "Plate", number, "Well")

    def _well(self, element: Node, plate: int) -> None:
        number = self._id(element, "Well")
        samples = [self._sample(one, number) for one in children(element, "WellSample")]
        row: dict[str, Any] = {"@": f"Well:{number}", "plate": f"Plate:{plate}"}
        row |= {"row": whole(element, "Row", least=0), "column": whole(element, "Column", least=0)}
        if None in row.values():
            refuse(element, "does not say its Row and Column")
        self.graph.add({**row, "wellSamples": samples, "@sets": ["annotationLinks"]})
        self.links.annotate("Well", number, element)
        self.unread.add_rest(element, ("ID", "Row", "Column"), ("WellSample", "AnnotationRef"))

    def _sample(self, element: Node, well: int) -> str:
        """Its ``Index`` is the id of its image, in what stock writes, and says nothing."""
        key = f"WellSample:{self._id(element, 'WellSample')}"
        row = {"@": key, "well": f"Well:{well}"}
        reference = child(element, "ImageRef")
        if reference is not None:
            row["image"] = self._fields[key] = f"Image:{object_id(reference, 'Image')}"
        self.graph.add(row)
        self.unread.add_rest(element, ("ID", "Index"), ("ImageRef",))
        return key

    def _id(self, element: Node, kind: str) -> int:
        """``omero transfer prepare`` has ``Well:0:3``, as Bio-Formats writes it: such a one gets a new id."""
        if not _SEVERAL_NUMBERS.fullmatch(element.get("ID", "")):
            return object_id(element, kind)
        self._made_up += 1
        return self._made_up

    # -- images

    def image(self, element: Node) -> None:
        number = object_id(element, "Image")
        pixels = child(element, "Pixels")
        row = _named(element, "Image", number)
        row["pixels"] = [] if pixels is None else [self._pixels(pixels, number)]
        self.graph.add({**row, "@sets": ["annotationLinks", "rois"]})
        self.links.outline(number, element)
        self._annotated(element, "Image", number, "Pixels", "ROIRef")

    def _pixels(self, element: Node, image: int) -> str:
        """Stock names them by their image, and so do rows."""
        row: dict[str, Any] = {"@": f"Pixels:{image}", "image": f"Image:{image}"}
        for name in _SIZES:
            row[f"s{name[1:]}"] = whole(element, name, least=1)
        for name, (told, kind) in _ENUMERATED.items():
            row[told] = self._enumeration(kind, element.get(name))
        if None in row.values():
            refuse(element, "does not say all of its sizes, type and order of dimensions")
        self.graph.add(row)
        self.unread.add_rest(element, ("ID", *_SIZES, *_ENUMERATED), ("MetadataOnly", "TiffData", "BinData"))
        return f"Pixels:{image}"

    def _enumeration(self, kind: str, value: str | None) -> str | None:
        if not value:
            return None
        if (kind, value) not in self._values:
            key = self._values[kind, value] = f"{kind}:{len(self._values) + 1}"
            self.graph.add({"@": key, "value": value})
        return self._values[kind, value]


_WAYS: Final[Mapping[str, Callable[[ObjectRows, Node], None]]] = {
    "Project": ObjectRows.project,
    "Dataset": ObjectRows.dataset,
    "Screen": ObjectRows.screen,
    "Plate": ObjectRows.plate,
    "Image": ObjectRows.image,
}
KINDS: Final = tuple(_WAYS)


def _named(element: Node, kind: str, number: int) -> dict[str, Any]:
    """An empty description is none: both look the same in the file."""
    row = {"@": f"{kind}:{number}", "name": element.get("Name", "")}
    description = text_of(element, "Description")
    return {**row, "description": description} if description else row
