"""Pairs that follow from pairs: what an import makes is led to by the same fields and places of lists."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import NOTHING, Side


def follow(pairs: Pairs) -> None:
    """Pair all that the fresh pairs lead to; none is fresh afterwards.

    Where two lead to the same object in different ways, the first wins.
    """
    while pairs.fresh:
        fresh, pairs.fresh = pairs.fresh, []
        for source, target in fresh:
            _follow_one(pairs, source, target)


def _follow_one(pairs: Pairs, source: int, target: int) -> None:
    name = pairs.source.class_name(source)
    there = _by_field(pairs.target, target)
    for field, elements in _by_field(pairs.source, source).items():
        if f"{name}.{field}" not in rules.NOT_FOLLOWED and field in there:
            for one, other in zip_longest(elements, there[field], fillvalue=NOTHING):
                _join_structure(pairs, one, other)


def _by_field(side: Side, node: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for field, target in side.references(node):
        found[field].append(target)
    return found


def _join_structure(pairs: Pairs, source: int, target: int) -> None:
    if pairs.source.has_row(source) and pairs.source.shape(source).root in rules.STRUCTURE:
        pairs.join(source, target)


def join_by_natural_key(pairs: Pairs, name: str) -> None:
    """Pair the objects of a class that have the same place among the partners."""
    places: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for node in reversed(pairs.target.by_class.get(name, ())):
        if pairs.is_free_target(node) and (place := _place(pairs, node, of_target=True)):
            places[place].append(node)
    for node in pairs.source.by_class.get(name, ()) if places else ():
        if pairs.is_free(node) and (found := places.get(_place(pairs, node, of_target=False) or ())):
            pairs.join(node, found.pop())


def _place(pairs: Pairs, node: int, *, of_target: bool) -> tuple[object, ...] | None:
    """The natural key, as both sides have it; none while an object in it has no partner."""
    side = pairs.target if of_target else pairs.source
    shape = side.shape(node)
    place: list[object] = [side.naturals.get(node)]
    for field in rules.NATURAL_KEYS[shape.name]:
        if field in shape.references:
            other = side.target(node, field)
            if other < 0 or (pairs.to_source if of_target else pairs.to_target)[other] < 0:
                return None
            place.append(other if of_target else pairs.to_target[other])
    return tuple(place)
