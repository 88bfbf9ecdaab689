"""A difference as drafts in an order in which they can be saved: :func:`batches`.

A *unit* is what must be saved in one transaction: an object with what is made with it (``Anchors``), the
elements of its lists, its mark or its first link, and the change of what is there and leads to new objects.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, TypeAlias

from omero_irods_bridge.model.loads import LARGEST_BATCH, draft_bytes
from omero_irods_bridge.operations.matching.difference import Difference
from omero_irods_bridge.operations.matching.drafts import DraftWriter
from omero_irods_bridge.operations.matching.side import Side
from omero_irods_bridge.ports import Draft

OBJECTS: Final = 500
"""Of a batch; more only where one unit has more."""

BYTES: Final = LARGEST_BATCH // 2
"""Of what can be large in a batch; more only where one unit has more."""

_LARGE: Final = frozenset({"Annotation", "Shape"})
"""Root classes whose objects can be large: texts, XML, masks."""

Mark: TypeAlias = Callable[[str], Draft]
"""Of the key of an object of the packet the annotation that marks what is made of it: a draft of class
``MapAnnotation`` or another, whose ``@`` counts for its class only."""


@dataclass(slots=True)
class Batch:
    """Drafts for one transaction. ``sources`` are the objects of the packet that the local keys stand for."""

    drafts: Sequence[Draft]
    sources: Mapping[str, str]
    _made: dict[str, str] = field(repr=False)
    is_saved: bool = False

    def saved(self, keys: Mapping[str, str]) -> None:
        """Take note of the keys that the local keys got; later batches refer to them."""
        for local, source in self.sources.items():
            self._made[source] = keys[local]
        self.is_saved = True


def batches(
    difference: Difference,
    mark: Mark,
    *,
    made: dict[str, str] | None = None,
    objects: int = OBJECTS,
    size: int = BYTES,
) -> Iterator[Batch]:
    """Batch by batch; call ``saved`` of each before the next one is asked for.

    A draft refers to what is there, to what an earlier batch has made, or to its own batch. Of equal objects
    the one with the lower id comes first. ``made`` is filled with what came of which object of the packet.
    """
    writing = _Writing(difference, mark, {} if made is None else made)
    for level in _Units(difference).levels():
        for units in _packed(level, objects, size, partial(_size, difference.pairs.source)):
            batch = writing.batch(units)
            yield batch
            if not batch.is_saved:
                raise ValueError("a batch has to be saved before the next one can be made")


def _packed(
    level: Iterable[Sequence[int]], objects: int, size: int, size_of: Callable[[int], int]
) -> Iterator[list[Sequence[int]]]:
    taken: list[Sequence[int]] = []
    count = length = 0
    for unit in level:
        more = sum(map(size_of, unit))
        if taken and (count + len(unit) > objects or length + more > size):
            yield taken
            taken, count, length = [], 0, 0
        taken.append(unit)
        count += len(unit)
        length += more
    if taken:
        yield taken


def _size(side: Side, node: int) -> int:
    return draft_bytes(side.row(node)) if side.shape(node).root in _LARGE else 0


class _Units:
    """Which nodes are saved together, and what before what. A unit is known by its topmost node."""

    def __init__(self, difference: Difference) -> None:
        self._side, self._anchors = difference.pairs.source, difference.anchors
        self._changed = {one.source for one in difference.changed}
        self._in_order: Set[int] = set()
        self._nodes = [*difference.created, *sorted(self._changed)]
        self._above: dict[int, int] = {}
        for node in difference.created:
            self._attach(node)

    def _attach(self, node: int) -> None:
        holder = self._anchors.made_with(node)
        if holder >= 0:
            self._above[node] = holder
        link = self._anchors.link_of(node)
        if link is not None and self._anchors.is_made(link.node):
            self._above[link.node] = node

    def _top(self, node: int) -> int:
        while (above := self._above.get(node)) is not None:
            node = above
        return node

    def levels(self) -> Iterator[list[Sequence[int]]]:
        """Units, those first that need nothing, then those that need them, and so on."""
        sorter = self._sorter()
        members: dict[int, list[int]] = defaultdict(list)
        for node in self._nodes:
            members[self._top(node)].append(node)
        ready = [*members.keys() - self._in_order, *sorter.get_ready()]
        while ready:
            yield [members[top] for top in sorted(ready, key=self._rank)]
            sorter.done(*(top for top in ready if top in self._in_order))
            ready = [*sorter.get_ready()]

    def _sorter(self) -> TopologicalSorter[int]:
        """Sorts the units that need others, or that others need; those that need each other become one."""
        while True:
            needs = self._needs()
            sorter = TopologicalSorter(needs)
            try:
                sorter.prepare()
            except CycleError as error:
                first, *others = sorted(set(error.args[1]), key=self._rank)
                self._above |= dict.fromkeys(others, first)
            else:
                self._in_order = needs.keys() | {one for several in needs.values() for one in several}
                return sorter

    def _needs(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for node in self._nodes:
            top = self._top(node)
            for _, target in self._side.references(node):
                if target >= 0 and self._anchors.is_made(target) and (needed := self._top(target)) != top:
                    found[top].add(needed)
        return dict(found)

    def _rank(self, node: int) -> tuple[str, int]:
        return self._side.class_name(node), self._side.id(node)


class _Writing:
    """Gives local keys, marks, and keys of what was made."""

    def __init__(self, difference: Difference, mark: Mark, made: dict[str, str]) -> None:
        self._pairs, self._anchors, self._mark, self._made = (
            difference.pairs, difference.anchors, mark, made,
        )  # fmt: skip
        self._changed = {one.source: one for one in difference.changed}
        self._drafts = DraftWriter(self._pairs, self._name_of)
        self._local: dict[int, str] = {}
        self._numbers: Counter[str] = Counter()

    def batch(self, units: Iterable[Sequence[int]]) -> Batch:
        self._local, self._numbers = {}, Counter()
        nodes = [node for unit in units for node in unit]
        for node in nodes:
            if node not in self._changed:
                self._local[node] = self._new_key(self._pairs.source.class_name(node))
        drafts = [draft for node in nodes for draft in self._written(node)]
        sources = {local: self._pairs.source.key(node) for node, local in self._local.items()}
        return Batch(drafts, sources, self._made)

    def _written(self, node: int) -> Iterator[Draft]:
        if node in self._changed:
            yield self._drafts.change(self._changed[node])
            return
        yield self._drafts.create(node)
        if node in self._anchors.marked:
            yield from self._marked(node)

    def _marked(self, node: int) -> Iterator[dict[str, Any]]:
        source = self._pairs.source.key(node)
        mark = dict(self._mark(source))
        mark["@"] = self._new_key(mark["@"].partition(":")[0])
        owner = self._drafts.owner(node)  # in a private group nobody else may annotate it
        details = {"details": owner} if owner else {}
        yield mark | details
        link_class = self._pairs.source.shape(node).collections["annotationLinks"].element
        yield {"@": self._new_key(link_class), "parent": self._local[node], "child": mark["@"], **details}

    def _new_key(self, class_name: str) -> str:
        self._numbers[class_name] += 1
        return f"{class_name}:_{self._numbers[class_name]}"

    def _name_of(self, node: int) -> str | None:
        if node in self._local:
            return self._local[node]
        if (target := self._pairs.to_target[node]) >= 0:
            return self._pairs.target.key(target)
        return self._made.get(self._pairs.source.key(node))
