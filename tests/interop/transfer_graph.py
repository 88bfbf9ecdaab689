"""What a packet of omero-cli-transfer says, without the ids and dates that every packing makes anew.

Two packets with equal graphs hold the same objects, the same bytes and the same links, as far as stock
pack and unpack both carry them. Left out is what they are known to lose (reference/transfer-packet.md, D3):
descriptions of images and plates, the look of shapes other than points, namespaces of tags and comments,
annotations of ROIs, the index of a field, the folder that a file was attached from, and their own
bookkeeping.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from lxml import etree

BOOKKEEPING: Final = "openmicroscopy.org/cli/transfer"

_CONTAINERS: Final = ("Project", "Dataset", "Screen", "Plate", "Well")
_DESCRIBED: Final = ("Project", "Dataset", "Screen")
_PIXELS: Final = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT", "Type", "DimensionOrder")
_LOOKS: Final = ("FillColor", "StrokeColor", "StrokeWidth")

Element: TypeAlias = "etree._Element"
Value: TypeAlias = "str | tuple[Value, ...]"


@dataclass(frozen=True)
class Node:
    """An object by what is in it."""

    kind: str
    values: tuple[Value, ...]


@dataclass
class Graph:
    """How often each object is there, and each link."""

    nodes: Counter[Node] = field(default_factory=Counter)
    links: Counter[tuple[Node, Node]] = field(default_factory=Counter)

    def of_kind(self, kind: str) -> list[Node]:
        return [node for node in self.nodes.elements() if node.kind == kind]


def read_graph(folder: Path) -> Graph:
    """The graph of a packet that is unpacked in ``folder``."""
    return _Packet(folder).graph()


def _kind(element: Element) -> str:
    return etree.QName(element).localname


def _children(element: Element, *kinds: str) -> Iterator[Element]:
    return (child for child in element.iterchildren() if _kind(child) in kinds)


def _text(element: Element, kind: str) -> str:
    return next(((child.text or "").strip() for child in _children(element, kind)), "")


def _attributes(element: Element, names: tuple[str, ...]) -> tuple[Value, ...]:
    return tuple(element.get(name, "") for name in names)


class _Packet:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        self.root = etree.parse(folder / "transfer.xml", parser).getroot()
        (annotations,) = [*_children(self.root, "StructuredAnnotations"), etree.Element("none")][:1]
        self.annotations = {one.get("ID"): one for one in annotations.iterchildren()}
        self.rois = {one.get("ID"): one for one in _children(self.root, "ROI")}

    def graph(self) -> Graph:
        graph = Graph()
        elements = [one for one in self._objects() if self._is_told(one)]
        nodes = {one.get("ID"): self._node(one) for one in elements}
        for element in elements:
            node = nodes[element.get("ID")]
            graph.nodes[node] += 1
            for reference in self._references(element):
                if reference in nodes:
                    graph.links[node, nodes[reference]] += 1
        return graph

    def _objects(self) -> Iterator[Element]:
        for element in self.root.iterchildren():
            if _kind(element) in (*_CONTAINERS, "Image", "ROI"):
                yield element
                yield from _children(element, "Well")
        yield from self.annotations.values()

    def _is_told(self, element: Element) -> bool:
        return element.get("Namespace") != BOOKKEEPING

    def _references(self, element: Element) -> Iterator[str | None]:
        for child in element.iterchildren():
            kind = _kind(child)
            if kind == "WellSample":
                yield from self._references(child)
            elif kind.endswith("Ref") or kind == "Well":
                yield child.get("ID")

    def _node(self, element: Element) -> Node:
        kind = _kind(element)
        if kind == "Image":
            (pixels,) = _children(element, "Pixels")
            values = (element.get("Name", ""), *_attributes(pixels, _PIXELS), self._digests(element))
        elif kind == "ROI":
            values = (element.get("Name", ""), *sorted(_shape(one) for one in _shapes(element)))
        elif kind == "Well":
            values = _attributes(element, ("Row", "Column"))
        elif kind in _CONTAINERS:
            description = _text(element, "Description") if kind in _DESCRIBED else ""
            values = (element.get("Name", ""), description)
        else:
            values = self._annotation(kind, element)
        return Node(kind, values)

    def _annotation(self, kind: str, element: Element) -> tuple[Value, ...]:
        namespace = element.get("Namespace", "")
        if kind == "MapAnnotation":
            pairs = [(one.get("K", ""), (one.text or "").strip()) for one in element.iter("{*}M")]
            return (namespace, *sorted(pairs))
        if kind == "FileAnnotation":
            (file,) = _children(element, "BinaryFile")
            return (
                namespace,
                Path(file.get("FileName", "")).name,
                file.get("Size", ""),
                self._digests(element),
            )
        if kind == "LongAnnotation":
            return (namespace, _text(element, "Value"))
        return (_text(element, "Value"),)

    def _digests(self, element: Element) -> tuple[Value, ...]:
        """Of the files that belong to an image or annotation."""
        path = self.folder / self._path(element)
        files = sorted(path.parent.rglob("*")) if path.name == "mock_folder" else [path]
        return tuple(hashlib.sha1(file.read_bytes()).hexdigest() for file in files if file.is_file())

    def _path(self, element: Element) -> str:
        """Where the packet keeps its file, which one of its annotations tells."""
        for reference in _children(element, "AnnotationRef"):
            told = self.annotations[reference.get("ID")]
            for path in told.iter("{*}Path"):
                return (path.text or "").strip()
        raise ValueError(f"{element.get('ID')} has no path")


def _shapes(roi: Element) -> Iterator[Element]:
    for union in _children(roi, "Union"):
        yield from union.iterchildren()


def _shape(shape: Element) -> tuple[Value, ...]:
    skipped = {"ID", *(() if _kind(shape) == "Point" else _LOOKS)}
    return (
        _kind(shape),
        *sorted((name, _number(text)) for name, text in _told(shape) if name not in skipped),
    )


def _told(element: Element) -> Iterator[tuple[str, str]]:
    return ((str(name), str(text)) for name, text in element.attrib.items())


def _number(text: str) -> str:
    """Numbers that are equal spelt equally."""
    try:
        return repr(float(text))
    except ValueError:
        return text
