"""Which objects of ``transfer.xml`` refer to which: kept as numbers until the last element was read."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import any_id, children, object_id, refuse
from omero_irods_bridge.ports import Row

REFERENCES: Final = 4_000_000
"""That one file may have: 100,000 images with ten annotations each have a third of that."""


@dataclass(slots=True)
class _Contained:
    """Ids of parents, and of what each one holds, pair by pair."""

    parents: array[int] = field(default_factory=lambda: array("q"))
    children: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class _Annotated:
    """The same for annotations; ids of bookkeeping are beyond 64 bits."""

    parents: array[int] = field(default_factory=lambda: array("q"))
    annotations: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Links:
    """All references of a file. Ids of links are made up, from 1 for each class."""

    _contained: dict[tuple[str, str], _Contained] = field(default_factory=dict)
    _annotated: dict[str, _Annotated] = field(default_factory=dict)
    _rois: dict[int, int] = field(default_factory=dict)
    _count: int = 0
    _made: dict[str, int] = field(default_factory=dict)

    def contain(self, parent: str, number: int, element: Node, kind: str) -> None:
        """Note what an element refers to as held by it."""
        found = self._contained.setdefault((parent, kind), _Contained())
        for one in children(element, f"{kind}Ref"):
            self._count_one()
            found.parents.append(number)
            found.children.append(object_id(one, kind))

    def annotate(self, kind: str, number: int, element: Node) -> None:
        """Note which annotations an element has."""
        found = self._annotated.setdefault(kind, _Annotated())
        for one in children(element, "AnnotationRef"):
            self._count_one()
            found.parents.append(number)
            found.annotations.append(any_id(one, "Annotation"))

    def annotate_with(self, kind: str, number: int, annotation: int) -> None:
        """Note an annotation that the file does not have as such."""
        found = self._annotated.setdefault(kind, _Annotated())
        found.parents.append(number)
        found.annotations.append(annotation)

    def outline(self, image: int, element: Node) -> None:
        """Note which regions an image has; a region is of one image."""
        for one in children(element, "ROIRef"):
            self._count_one()
            roi = object_id(one, "ROI")
            if self._rois.setdefault(roi, image) != image:
                refuse(one, f"is of Image:{self._rois[roi]} and of Image:{image}")

    def image_of(self, roi: int) -> int | None:
        """The image that refers to a region, as far as is known by now."""
        return self._rois.get(roi)

    def annotated(self) -> Iterator[tuple[str, int, int]]:
        """Kind and id of each object and the id of an annotation that it has, each once."""
        for kind, found in self._annotated.items():
            pairs = dict.fromkeys(zip(found.parents, found.annotations, strict=True))
            yield from ((kind, parent, annotation) for parent, annotation in pairs)

    def contained(self, graph: Graph) -> Iterator[Row]:
        """A row for each container and what is in it.

        Raises:
            BadPacket: something is referred to that is not there.
        """
        for (parent, kind), found in self._contained.items():
            for number, held in dict.fromkeys(zip(found.parents, found.children, strict=True)):
                check_there(graph, f"{parent}:{number}", f"{kind}:{held}")
                yield self.row(f"{parent}{kind}Link", f"{parent}:{number}", f"{kind}:{held}")

    def check_rois(self, graph: Graph) -> None:
        """Whether all regions that an image refers to are there.

        Raises:
            BadPacket: one is not.
        """
        for roi, image in self._rois.items():
            check_there(graph, f"Image:{image}", f"Roi:{roi}")

    def row(self, kind: str, parent: str, held: str) -> Row:
        """A link with an id of its own."""
        number = self._made[kind] = self._made.get(kind, 0) + 1
        return {"@": f"{kind}:{number}", "parent": parent, "child": held}

    def _count_one(self) -> None:
        self._count += 1
        if self._count > REFERENCES:
            raise BadPacket(f"transfer.xml has more than {REFERENCES:,} references; more are not read.")


def check_there(graph: Graph, source: str, target: str) -> None:
    """Raises BadPacket where ``source`` refers to something that has no row."""
    if target not in graph:
        raise not_there(source, target)


def not_there(source: str, target: str) -> BadPacket:
    """``source`` refers to ``target``, which is not in the file."""
    return BadPacket(
        f"transfer.xml: {source} refers to {target}, which is not in it.",
        hint="The file was changed or cut off; pack the objects again.",
    )
