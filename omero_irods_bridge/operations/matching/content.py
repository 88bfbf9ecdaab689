"""Pairs of objects that hang on paired ones and are equal: regions, settings, planes, parts, wells."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.digests import EXACT, OWN, UNFILLED, Depth, Digests
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import Side
from omero_irods_bridge.operations.matching.structure import follow, join_by_natural_key

MOST_COMPARED: Final = 10_000
"""Comparisons of links for one group of equal objects; where more were needed, the order of ids decides."""


def join_by_content(pairs: Pairs) -> None:
    """Pair all that is in sets of paired objects, until nothing more is found.

    Equal ones are paired in the order of their ids. That is the order in which they are made, so that what a
    killed load has made gets its own partners.
    """
    follow(pairs)
    classes = list(_classes(pairs.source))
    while True:
        before = _count(pairs)
        for name in classes:
            _join_class(pairs, name)
        if _count(pairs) == before:
            return


def _count(pairs: Pairs) -> int:
    return sum(1 for one in pairs.to_target if one >= 0)


def _classes(side: Side) -> Iterator[str]:
    """What is not paired by links or seeds; those that are referred to, or hold others, first."""
    first = [name for name in (*rules.NATURAL_KEYS, *rules.PARENTS_FIRST) if name in side.by_class]
    for name in dict.fromkeys((*first, *side.by_class)):
        shape = side.model.shape(name)
        if shape and shape.owners and not shape.is_link and name not in (*rules.CONTAINERS, *rules.NOT_MADE):
            yield name


def _join_class(pairs: Pairs, name: str) -> None:
    if name == "WellSample":  # its image says which one it is; from it follow well, run and plate
        join_by_natural_key(pairs, name)
        follow(pairs)
    for depth in (EXACT, OWN, UNFILLED):
        is_all = not _join_equal(pairs, name, depth)
        follow(pairs)
        if is_all:
            return
    if name in rules.NATURAL_KEYS:
        join_by_natural_key(pairs, name)
        follow(pairs)


def _join_equal(pairs: Pairs, name: str, depth: Depth) -> bool:
    """Pair what is equal; whether something is left on both sides."""
    left = [node for node in pairs.source.by_class[name] if _is_ready(pairs, node, of_target=False)]
    there = [node for node in pairs.target.by_class.get(name, ()) if _is_ready(pairs, node, of_target=True)]
    if not (left and there):
        return False
    here = _by_digest(left, Digests(pairs, of_target=False, depth=depth))
    groups = _by_digest(there, Digests(pairs, of_target=True, depth=depth))
    chosen = [
        pair
        for digest, nodes in here.items()
        if digest in groups
        for pair in _choose(pairs, nodes, groups[digest], depth)
    ]
    for node, partner in chosen:
        pairs.join(node, partner)
    return len(chosen) < len(left) and len(chosen) < len(there)


def _by_digest(nodes: Iterable[int], digests: Digests) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for node in nodes:
        found[digests.of(node)].append(node)
    return found


def _choose(
    pairs: Pairs, nodes: Sequence[int], candidates: Sequence[int], depth: Depth
) -> Iterator[tuple[int, int]]:
    """Partners for equal objects, in the order of ids; where links tell them apart, by those."""
    if depth is EXACT or not 1 < len(nodes) * len(candidates) <= MOST_COMPARED:
        yield from zip(nodes, candidates, strict=False)
        return
    digests = Digests(pairs, of_target=True, depth=EXACT)
    left = [(node, digests.linked(node)) for node in candidates]
    digests = Digests(pairs, of_target=False, depth=EXACT)
    for node in nodes:
        links = digests.linked(node)
        if left:
            yield node, left.pop(_best(links, [one for _, one in left]))[0]


def _best(links: Counter[bytes], candidates: Sequence[Counter[bytes]]) -> int:
    """The place of the first that has nothing else linked, and as much of it as possible."""
    fit = [(one <= links, (one & links).total()) for one in candidates]
    return fit.index(max(fit))


def _is_ready(pairs: Pairs, node: int, *, of_target: bool) -> bool:
    """Whether it has no partner, and an object that it belongs to has one."""
    if not (pairs.is_free_target(node) if of_target else pairs.is_free(node)):
        return False
    side, paired = (pairs.target, pairs.to_source) if of_target else (pairs.source, pairs.to_target)
    owners = side.shape(node).owners
    ends = (target for field, target in side.references(node) if field in owners)
    return any(end >= 0 and paired[end] >= 0 for end in ends)
