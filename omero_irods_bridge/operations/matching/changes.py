"""A difference in words, for people and as JSON: :func:`tell`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from omero_irods_bridge.operations.matching.difference import Changed, Difference
from omero_irods_bridge.operations.matching.naming import Names
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import Side

_BY_THEMSELVES: Final = frozenset({"Project", "Dataset", "Screen", "Plate", "Folder", "Image"})
"""What is always told of. Other things in no collection are told of by the field that leads to them."""


class What(StrEnum):
    """What happened to an object."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise in the second graph.

    ``object`` is the key there, of removed ones that in the first. ``name`` is how people know it, ``place``
    what it was added to or removed from. ``field``, ``old`` and ``new`` are of a change.
    """

    what: What
    object: str
    name: str
    place: str = ""
    field: str = ""
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        if self.what is What.CHANGED:
            return f"{self.name}: {self.field} {self.old} -> {self.new}"
        preposition = "to" if self.what is What.ADDED else "from"
        return f"{self.name} {self.what}" + (f" {preposition} {self.place}" if self.place else "")

    def to_json(self) -> dict[str, Any]:
        """What is not empty."""
        return {name: str(value) for name, value in asdict(self).items() if value}


def tell(difference: Difference) -> Iterator[Change]:
    """What is otherwise in the target than in the source; nothing that only a server sets.

    What is missing or new together with the object that it belongs to is not told of apart.
    """
    pairs = difference.pairs
    keys = {node: pairs.target.key(other) for node, other in enumerate(pairs.to_target) if other >= 0}
    here, there = Names(pairs.source, keys), Names(pairs.target)
    yield from _missing(_One(pairs, here, What.REMOVED))
    yield from _missing(_One(pairs, there, What.ADDED))
    for one in difference.changed:
        yield from _changed(pairs, one, here, there)


class _One:
    """The side on which objects are that the other one does not have."""

    def __init__(self, pairs: Pairs, names: Names, what: What) -> None:
        self.names, self.what = names, what
        self.side: Side = pairs.source if what is What.REMOVED else pairs.target
        self.is_alone = pairs.is_free if what is What.REMOVED else pairs.is_free_target

    def change(self, node: int, place: int | None = None) -> Change:
        where = "" if place is None else self.names.of(place)
        return Change(self.what, self.names.key(node), self.names.of(node), where)


def _missing(one: _One) -> Iterator[Change]:
    told: set[int] = set()
    for links in one.side.links.values():
        for link in links:
            if (
                one.is_alone(link.node)
                and not one.is_alone(link.parent)
                and _is_told_by_link(one, link.child)
            ):
                told.add(link.child)
                yield one.change(link.child, link.parent)
    for nodes in one.side.by_class.values():
        for node in nodes:
            if one.is_alone(node) and node not in told and not one.side.shape(node).is_link:
                yield from _missing_object(one, node)


def _is_told_by_link(one: _One, child: int) -> bool:
    return one.side.shape(child).root == "Annotation" or not one.is_alone(child)


def _missing_object(one: _One, node: int) -> Iterator[Change]:
    name = one.side.class_name(node)
    owners = [owner for owner, _ in one.side.owners_of(node)]
    if name in _BY_THEMSELVES:
        yield one.change(node)
    elif one.side.shape(node).root == "Annotation":
        if not _hangs_on_missing(one, node):
            yield one.change(node)
    elif owners and not any(one.is_alone(owner) for owner in owners):
        yield Change(one.what, one.names.key(node), one.names.key(node), one.names.of(owners[0]))


def _hangs_on_missing(one: _One, node: int) -> bool:
    links = one.side.links_at.get(node, ())
    return any(not is_parent and one.is_alone(link.parent) for link, is_parent in links)


def _changed(pairs: Pairs, one: Changed, here: Names, there: Names) -> Iterator[Change]:
    old, new = pairs.source.row(one.source), pairs.target.row(one.target)
    key, name, shape = pairs.target.key(one.target), here.of(one.source), pairs.source.shape(one.source)
    for field in one.fields:
        if not shape.is_list(field):
            yield Change(What.CHANGED, key, name, "", field, here.value(old, field), there.value(new, field))
        elif len(old.get(field, ())) == len(new.get(field, ())):
            order = "the same in another order, or others"
            yield Change(What.CHANGED, key, name, "", field, f"{len(old[field])}", order)
