"""All that is below or above some objects (blitz-contained-rules.xml, blitz-container-rules.xml)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from omero_irods_sandbox.omero_server.requests.graph_objects import ANNOTATION_LINK, Edge, Graph, Node
from omero_irods_sandbox.omero_server.requests.graph_rules import (
    CHILD_USES,
    PARENT_USES,
    USED_REFERS,
    USER_REFERS,
    is_dependent,
)

Step = Callable[[Graph, Node], Iterator[Node]]

_FILESET: str = "Image.fileset"
"""A fileset holds its images: it is above them, though an image refers to it."""


def is_below(edge: Edge) -> bool | None:
    """Whether the source of a reference is below its target; None when neither is."""
    source = edge.source
    if source.entity.is_link:
        if source.root in PARENT_USES or source.root.endswith(ANNOTATION_LINK):
            return edge.field == "parent"
        return edge.field == "child" if source.root in CHILD_USES else None
    if edge.key == _FILESET or edge.key in USED_REFERS:
        return True
    if edge.key in USER_REFERS:
        return False
    return True if is_dependent(edge) else None


def children(graph: Graph, node: Node) -> Iterator[Node]:
    """What is one step below an explored node; links are nodes on the way."""
    yield from (edge.source for edge in graph.into(node) if is_below(edge) is True)
    yield from (edge.target for edge in graph.out(node) if is_below(edge) is False)


def parents(graph: Graph, node: Node) -> Iterator[Node]:
    """What is one step above an explored node."""
    yield from (edge.target for edge in graph.out(node) if is_below(edge) is True)
    yield from (edge.source for edge in graph.into(node) if is_below(edge) is False)


def reach(graph: Graph, start: Iterable[Node], step: Step, stop_before: tuple[str, ...] = ()) -> list[Node]:
    """All that repeated steps reach, the start included; objects of the classes ``stop_before`` are walls."""
    found = dict.fromkeys(start)
    fresh = list(found)
    while fresh:
        graph.explore(fresh)
        reached = dict.fromkeys(near for node in fresh for near in step(graph, node))
        fresh = [
            node for node in reached if node not in found and not (stop_before and node.is_a(*stop_before))
        ]
        found |= dict.fromkeys(fresh)
    return list(found)
