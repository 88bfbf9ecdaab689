"""Objects and the references between them, read as far as a graph request looks (GraphTraversal)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, FieldKind

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.store.database import Database

EXTERNAL_INFO: Final = "details.externalInfo"

_NODE_COLUMNS: Final = "id, _class, d_owner, d_group"


@dataclass(frozen=True, slots=True)
class Node:
    """An object as far as a plan needs it. The same id in the same table is the same node."""

    root: str
    id: int
    entity: EntityType = field(compare=False)
    owner_id: int | None = field(compare=False)
    group_id: int | None = field(compare=False)

    def __str__(self) -> str:
        """As error rules write it (GraphPolicyRule)."""
        return f"{self.entity.name}[{self.id}]"

    @property
    def java(self) -> str:
        """As the traversal itself writes it (GraphTraversal.CI)."""
        return f"{self.entity.java_name}[{self.id}]"

    def is_a(self, *names: str) -> bool:
        return any(MODEL.is_a(self.entity.name, name) for name in names)

    def shares_owner(self, other: Node) -> bool:
        return self.owner_id == other.owner_id


@dataclass(frozen=True, slots=True)
class Edge:
    """``source.field`` refers to ``target``."""

    source: Node
    field: str
    target: Node

    @property
    def key(self) -> str:
        """For rules: root class and field, e.g. ``Pixels.image``; ``AnnotationLink`` for all its kinds."""
        if self.field == EXTERNAL_INFO:
            return EXTERNAL_INFO
        source = ANNOTATION_LINK if self.source.entity.name.endswith(ANNOTATION_LINK) else self.source.root
        return f"{source}.{self.field}"

    @property
    def is_required(self) -> bool:
        """Whether the source cannot be without it."""
        known = self.source.entity.fields.get(self.field)
        return known is not None and not known.is_nullable


ANNOTATION_LINK: Final = "AnnotationLink"
"""The end of the names of all classes that join something to an annotation."""


class Graph:
    """A part of the database as nodes and edges; grows as nodes are explored.

    Reads rows whoever may read them: permissions are the plan's affair. Use it
    within one transaction, so that it stays true.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._nodes: dict[tuple[str, int], Node] = {}
        self._explored: set[Node] = set()
        self._edges: set[Edge] = set()
        self._out: dict[Node, list[Edge]] = defaultdict(list)
        self._into: dict[Node, list[Edge]] = defaultdict(list)

    def nodes(self, entity: EntityType, ids: Iterable[int]) -> list[Node]:
        """The nodes that there are among these ids of a class."""
        self._load(entity.root, ids)
        found = (self._nodes.get((entity.root, id_)) for id_ in dict.fromkeys(ids))
        return [node for node in found if node is not None and node.is_a(entity.name)]

    def ids(self, sql: str) -> list[int]:
        """The ids that a query selects."""
        return [row[0] for row in self._database.tuples(sql)]

    def out(self, node: Node) -> list[Edge]:
        """What an explored node refers to."""
        return self._out[node]

    def into(self, node: Node) -> list[Edge]:
        """What refers to an explored node."""
        return self._into[node]

    def explore(self, nodes: Iterable[Node]) -> None:
        """Read the references of these nodes in both directions, and those of the links that end at them."""
        fresh = self._explore(nodes)
        links = {edge.source for node in fresh for edge in self._into[node] if edge.source.entity.is_link}
        self._explore(links)

    def _explore(self, nodes: Iterable[Node]) -> list[Node]:
        fresh = [node for node in nodes if node not in self._explored]
        self._explored.update(fresh)
        by_root: dict[str, list[Node]] = defaultdict(list)
        for node in fresh:
            by_root[node.root].append(node)
        for root, found in by_root.items():
            for name, target_root, column in _references(root):
                self._read_out(name, target_root, column, found)
            for source_root, name, column in _referrers(frozenset(node.entity.name for node in found)):
                self._read_into(source_root, name, column, found)
        return fresh

    def _read_out(self, field_name: str, target_root: str, column: str, nodes: list[Node]) -> None:
        root = nodes[0].root
        sql = f'select id, "{column}" from "{root}" where id in ({{ids}}) and "{column}" is not null'
        pairs = list(self._database.tuples_by_id(sql, (node.id for node in nodes)))
        self._join(root, field_name, target_root, pairs)

    def _read_into(self, source_root: str, field_name: str, column: str, nodes: list[Node]) -> None:
        sql = f'select id, "{column}" from "{source_root}" where "{column}" in ({{ids}})'
        pairs = list(self._database.tuples_by_id(sql, (node.id for node in nodes)))
        self._join(source_root, field_name, nodes[0].root, pairs)

    def _join(
        self, source_root: str, field_name: str, target_root: str, pairs: list[tuple[int, ...]]
    ) -> None:
        self._load(source_root, (source for source, _ in pairs))
        self._load(target_root, (target for _, target in pairs))
        for source_id, target_id in pairs:
            source, target = (
                self._nodes.get((source_root, source_id)),
                self._nodes.get((target_root, target_id)),
            )
            if source is None or target is None:
                continue
            edge = Edge(source, field_name, target)
            if edge not in self._edges:
                self._edges.add(edge)
                self._out[source].append(edge)
                self._into[target].append(edge)

    def _load(self, root: str, ids: Iterable[int]) -> None:
        missing = {id_ for id_ in ids if (root, id_) not in self._nodes}
        sql = f'select {_NODE_COLUMNS} from "{root}" where id in ({{ids}})'
        for id_, class_, owner_id, group_id in self._database.tuples_by_id(sql, missing):
            entity = MODEL.entity(class_)
            owned = (None, None) if entity.is_global else (owner_id, group_id)
            self._nodes[root, id_] = Node(root, id_, entity, *owned)


@cache
def _references(root: str) -> tuple[tuple[str, str, str], ...]:
    """(field, table referred to, column) of all references of a table's classes to what users own."""
    found: dict[str, tuple[str, str, str]] = {}
    for name in MODEL.entity(root).subclasses:
        for one in MODEL.entity(name).of_kind(FieldKind.REFERENCE):
            target = MODEL.entity(one.target)
            if not target.is_enumeration and not (target.is_global and root not in _LINKS_TO_GLOBAL):
                found[one.column] = one.name, target.root, one.column
    found["d_external"] = EXTERNAL_INFO, "ExternalInfo", "d_external"
    return tuple(found.values())


_LINKS_TO_GLOBAL: Final = frozenset(entity.name for entity in MODEL.entities if entity.is_link)
"""The parent of an annotation link may be a user, a group, a session: it keeps the annotation."""


@cache
def _referrers(names: frozenset[str]) -> tuple[tuple[str, str, str], ...]:
    """(table, field, column) of all that may refer to objects of these classes."""
    found = set()
    for name in names:
        for reference in MODEL.references_to(name):
            found.add((reference.entity.root, reference.field.name, reference.field.column))
        if name == "ExternalInfo":
            found |= {(root, EXTERNAL_INFO, "d_external") for root in _roots()}
    return tuple(sorted(found))


@cache
def _roots() -> frozenset[str]:
    return frozenset(entity.root for entity in MODEL.entities)


def by_class(nodes: Iterable[Node]) -> dict[str, list[int]]:
    """For responses: ids in order, by the Java name of the class."""
    found: dict[str, list[int]] = defaultdict(list)
    for node in sorted(nodes, key=lambda node: node.id):
        found[node.entity.java_name].append(node.id)
    return dict(found)


def listed(nodes: Iterable[Node]) -> str:
    """For messages."""
    return ", ".join(sorted(node.java for node in nodes))


def links_of(graph: Graph, node: Node) -> Iterator[Node]:
    """The links that end at an explored node."""
    return (edge.source for edge in graph.into(node) if edge.source.entity.is_link)
