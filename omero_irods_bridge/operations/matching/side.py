"""A graph as numbers: what has to be known of each row to pair it, without the row.

Objects are *nodes*, numbered from 0. The values of a row that are no references are a digest of 16 bytes;
references and lists are numbers of nodes. A row takes about 250 bytes so, whatever is in it.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.packet.graph import FAMILIES, Graph, split_reference
from omero_irods_bridge.ports import ObjectModel, Row

NOTHING: Final = -1
"""Where a list has a hole, and where there is no pair."""
EXTERNAL_INFO: Final = "details.externalInfo"
DIGEST_BYTES: Final = 16

_NOT_FIELDS: Final = frozenset({"@", "@sets", "version", "details"})
_to_json: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Link:
    """A row that connects ``parent`` and ``child``, all three nodes."""

    node: int
    parent: int
    child: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows of a class are taken apart."""

    shape: ClassShape
    kind: int
    not_compared: frozenset[str]
    lists: frozenset[str]
    ignored: frozenset[str]
    natural: tuple[str, ...]


class Side:
    """The nodes of a graph; the graph must not change afterwards.

    Raises:
        BadPacket: a row is not of the form.
    """

    def __init__(self, graph: Graph, model: ObjectModel) -> None:
        self.graph, self.model = graph, model
        self.labels: dict[int, str] = {}
        self.contents: dict[int, tuple[Any, Any]] = {}
        self.naturals: dict[int, bytes] = {}
        self.not_carried: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[tuple[str, str]] = Counter()
        self.stubs: set[int] = set()
        self.tag_sets: set[int] = set()
        self._index: dict[str, dict[int, int]] = defaultdict(dict)
        self._names: list[str] = []
        self._kinds: dict[str, int] = {}
        self._roots: dict[str, str | None] = {}
        self._kind, self._ids, self.owners = array("H"), array("q"), array("i")
        self._start, self._count = array("I"), array("I")
        self._has_row, self._values, self._rest = bytearray(), bytearray(), bytearray()
        self._fields: list[str] = []
        self._targets = array("i")
        self._files_of_filesets = self._referred("FilesetEntry", "originalFile")
        self._files_of_jobs = self._referred("JobOriginalFileLink", "child")
        for name in graph.classes():
            self._take_class(name)

    # -- asking

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, key: str) -> int:
        """The node of ``Image:5``, whether it has a row or is only referred to; ``NOTHING`` without."""
        name, id_ = split_reference(key)
        return self._index.get(self._root(name) or "", {}).get(id_, NOTHING)

    def key(self, node: int) -> str:
        return f"{self.class_name(node)}:{self._ids[node]}"

    def id(self, node: int) -> int:
        return self._ids[node]

    def row(self, node: int) -> Row:
        """The row of a node that has one."""
        found = self.graph.one(self.key(node))
        assert found is not None, f"{self.key(node)} has no row"
        return found

    def class_name(self, node: int) -> str:
        return self._names[self._kind[node]]

    def shape(self, node: int) -> ClassShape:
        found = self.model.shape(self.class_name(node))
        assert found is not None, "only rows of known classes are nodes with a row"
        return found

    def has_row(self, node: int) -> bool:
        """Whether it is carried: there is a row of it, and it is nothing that stays behind."""
        return node >= 0 and bool(self._has_row[node])

    def values(self, node: int) -> bytes:
        """Digest of class and of all values that are compared and are no references."""
        return bytes(self._values[node * DIGEST_BYTES : (node + 1) * DIGEST_BYTES])

    def rest(self, node: int) -> bytes:
        """Digest of the values that only a server sets."""
        return bytes(self._rest[node * DIGEST_BYTES : (node + 1) * DIGEST_BYTES])

    def references(self, node: int) -> Iterator[tuple[str, int]]:
        """Field and node of each reference and each element of a list, in the order of the row and list."""
        start = self._start[node]
        stop = start + self._count[node]
        return zip(self._fields[start:stop], self._targets[start:stop], strict=True)

    def target(self, node: int, field: str) -> int:
        """What a field refers to."""
        return next((target for name, target in self.references(node) if name == field), NOTHING)

    def owners_of(self, node: int) -> Iterator[tuple[int, bool]]:
        """The objects through whose collections a node is found, and whether it is in an ordered one."""
        shape = self.shape(node)
        for field, target in self.references(node) if shape.owners else ():
            if field in shape.owners and target >= 0 and f"{shape.name}.{field}" not in rules.LEADS_DOWN:
                yield target, shape.owners[field]

    def led_from(self, node: int) -> Iterator[int]:
        """The objects that a node leads to: what it refers to and is not in a collection of."""
        shape = self.shape(node)
        if not shape.is_link:
            for field, target in self.references(node):
                is_upwards = field in shape.owners and f"{shape.name}.{field}" not in rules.LEADS_DOWN
                if target >= 0 and not is_upwards and not shape.is_list(field):
                    yield target

    def is_file_of_fileset(self, node: int) -> bool:
        return self.class_name(node) == "OriginalFile" and self._ids[node] in self._files_of_filesets

    @cached_property
    def by_class(self) -> Mapping[str, array[int]]:
        """The nodes with a row, by class, in the order of their ids."""
        found: dict[str, list[int]] = defaultdict(list)
        for node, kind in enumerate(self._kind):
            if self._has_row[node]:
                found[self._names[kind]].append(node)
        return {name: array("i", sorted(nodes, key=self.id)) for name, nodes in sorted(found.items())}

    @cached_property
    def links(self) -> Mapping[str, list[Link]]:
        """The links whose both ends have rows, by class, in the order of their ids."""
        found: dict[str, list[Link]] = {}
        for name, nodes in self.by_class.items():
            shape = self.model.shape(name)
            if shape is not None and shape.is_link:
                made = (Link(node, self.target(node, "parent"), self.target(node, "child")) for node in nodes)
                found[name] = [one for one in made if self.has_row(one.parent) and self.has_row(one.child)]
        return found

    @cached_property
    def links_at(self) -> Mapping[int, list[tuple[Link, bool]]]:
        """By either end, the links there by id and class, and whether this end is the parent."""
        found: dict[int, list[tuple[Link, bool]]] = defaultdict(list)
        ordered = (one for links in self.links.values() for one in links)
        for one in sorted(ordered, key=lambda link: (self.id(link.node), self.class_name(link.node))):
            found[one.parent].append((one, True))
            found[one.child].append((one, False))
        return dict(found)

    def add_stub(self, key: str) -> int:
        """The node of an object that is there though the graph has no row of it; it is never compared."""
        node = self._mention(key)
        if node >= 0 and not self._has_row[node]:
            self._has_row[node] = 1
            self.stubs.add(node)
        return node

    @cached_property
    def listed(self) -> frozenset[int]:
        """The nodes that are an element of a list."""
        nodes = (node for some in self.by_class.values() for node in some)
        return frozenset(
            target
            for node in nodes
            if any(one.is_ordered for one in self.shape(node).collections.values())
            for field, target in self.references(node)
            if self.shape(node).is_list(field)
        )

    # -- taking in

    def _referred(self, name: str, field: str) -> frozenset[int]:
        found = (row.get(field) for row in self.graph.rows(name))
        return frozenset(split_reference(one)[1] for one in found if one is not None)

    def _take_class(self, name: str) -> None:
        shape = self.model.shape(name)
        if shape is None:
            self.not_carried[name, "OMERO here has no such class"] += self.graph.count(name)
        elif shape.root in rules.NOT_CARRIED:
            self.not_carried[name, rules.NOT_CARRIED[shape.root]] += self.graph.count(name)
        else:
            plan = self._plan(shape)
            for row in self.graph.rows(name):
                self._take(plan, row)

    def _plan(self, shape: ClassShape) -> _Plan:
        lists = {name for name, one in shape.collections.items() if one.is_ordered}
        ignored = {name for name in lists if self._root(shape.collections[name].element) is None}
        return _Plan(
            shape,
            self._kind_of(shape.name),
            frozenset(one for one in shape.fields if f"{shape.name}.{one}" in rules.SET_BY_SERVER),
            frozenset(lists - ignored),
            frozenset(ignored | set(shape.collections) - lists),
            tuple(one for one in rules.NATURAL_KEYS.get(shape.name, ()) if one not in shape.references),
        )

    def _take(self, plan: _Plan, row: Row) -> None:
        name, id_ = split_reference(row["@"])
        if reason := self._stays_behind(name, id_, row):
            self.not_carried[name, reason] += 1
            return
        node = self._node(plan.shape.root, id_, name)
        self._kind[node], self._has_row[node] = plan.kind, 1
        if plan.shape.is_enumeration:
            self.labels[node] = f"{name}={row.get('value')}"
            return
        compared, rest = self._take_fields(plan, node, row)
        self._digest(node, name, compared, rest)
        if name == "TagAnnotation" and row.get("ns") == rules.TAG_SET_NAMESPACE:
            self.tag_sets.add(node)
        if plan.natural:
            self.naturals[node] = digest_of([compared.get(one) for one in plan.natural])

    def _stays_behind(self, name: str, id_: int, row: Row) -> str:
        if row.get("ns") in rules.OWN_NAMESPACES and name.endswith("Annotation"):
            return "says what a load did on one server"
        if name == "OriginalFile" and id_ in self._files_of_jobs - self._files_of_filesets:
            return rules.NOT_CARRIED["JobOriginalFileLink"]
        return ""

    def _take_fields(self, plan: _Plan, node: int, row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
        compared: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        is_imported = self.is_file_of_fileset(node)
        self._start[node] = len(self._targets)
        for name, value in row.items():
            if name in _NOT_FIELDS or name in plan.ignored or value is None or value == []:
                continue
            if name in plan.lists:
                self._refer(name, _list(row, name))
            elif name in plan.shape.references and isinstance(value, str):
                self._refer(name, [value])
            elif name in plan.shape.fields:
                (rest if is_imported or name in plan.not_compared else compared)[name] = plain(value)
            else:
                self.unknown[plan.shape.name, name] += 1
        self._take_details(node, row.get("details") or {})
        self._count[node] = len(self._targets) - self._start[node]
        return compared, rest

    def _take_details(self, node: int, details: Mapping[str, Any]) -> None:
        if (owner := details.get("owner")) is not None:
            self.owners[node] = self._mention(owner)
        if (info := details.get("externalInfo")) is not None:
            self._refer(EXTERNAL_INFO, [info])

    def _digest(self, node: int, name: str, compared: Mapping[str, Any], rest: Mapping[str, Any]) -> None:
        place = slice(node * DIGEST_BYTES, (node + 1) * DIGEST_BYTES)
        self._values[place] = digest_of([name, compared])
        if rest:
            self._rest[place] = digest_of([name, rest])
        if name == "OriginalFile" and not self.is_file_of_fileset(node):
            self.contents[node] = rest.get("size"), rest.get("hash")

    def _refer(self, field: str, references: Iterable[str | None]) -> None:
        for one in references:
            target = NOTHING if one is None else self._mention(one)
            if one is None or target >= 0:
                self._fields.append(field)
                self._targets.append(target)

    def _mention(self, reference: str) -> int:
        """The node that a reference leads to; ``NOTHING`` for what stays behind."""
        name, id_ = split_reference(reference)
        root = self._root(name)
        return NOTHING if root is None else self._node(root, id_, name)

    def _root(self, name: str) -> str | None:
        """The root of a class, maybe an abstract one; none of those that stay behind or are not known."""
        if name not in self._roots:
            shape = self.model.shape(name)
            root = shape.root if shape is not None else name if name in FAMILIES else None
            self._roots[name] = None if root in rules.NOT_CARRIED else root
        return self._roots[name]

    def _kind_of(self, name: str) -> int:
        if name not in self._kinds:
            self._kinds[name] = len(self._names)
            self._names.append(name)
        return self._kinds[name]

    def _node(self, root: str, id_: int, name: str) -> int:
        index = self._index[root]
        node = index.get(id_)
        if node is None:
            node = index[id_] = len(self._ids)
            self._ids.append(id_)
            self._kind.append(self._kind_of(name))
            self.owners.append(NOTHING)
            self._start.append(0)
            self._count.append(0)
            self._has_row.append(0)
            self._values.extend(bytes(DIGEST_BYTES))
            self._rest.extend(bytes(DIGEST_BYTES))
        return node


def digest_of(value: object) -> bytes:
    """16 bytes that tell JSON values apart."""
    return hashlib.blake2b(_to_json(value).encode(), digest_size=DIGEST_BYTES).digest()


def plain(value: Any) -> Any:
    """A value as it is compared: 1.0 is 1, whoever wrote it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


def _list(row: Row, name: str) -> list[str | None]:
    found = row[name]
    if not isinstance(found, list):
        raise BadPacket(f"{name} of {row['@']} is no list.")
    return found
