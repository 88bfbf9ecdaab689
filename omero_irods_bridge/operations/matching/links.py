"""Pairs of what is linked: annotations by what they say and where they hang, links by their two ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from omero_irods_bridge.operations.matching.anchors import Anchors, is_linked_class
from omero_irods_bridge.operations.matching.digests import EXACT, OWN, UNFILLED, Depth, Digests
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import Link, Side
from omero_irods_bridge.operations.matching.structure import follow

_End: TypeAlias = tuple[str, bool, int]
"""Of a link: its class, whether the annotation is its parent, and the partner at its other end."""
_ENDS_OF_ALL: Final = (EXACT, OWN)


def join_linked(pairs: Pairs, anchors: Anchors) -> None:
    """Pair annotations, and files that nothing but a link leads to; then the links.

    Whoever hangs on something is paired after it, so this goes on as long as pairs are found.
    """
    while _join_round(pairs, anchors):
        follow(pairs)
    join_links(pairs)


def _join_round(pairs: Pairs, anchors: Anchors) -> int:
    joined = sum(_join_by_all_ends(pairs, depth) for depth in _ENDS_OF_ALL)
    for only_anchor in (True, False):
        joined += sum(_join_by_one_end(pairs, anchors, depth, only_anchor) for depth in (OWN, UNFILLED))
    return joined


def _join_by_all_ends(pairs: Pairs, depth: Depth) -> int:
    """Pair what is equal and hangs on the same objects."""
    there: dict[object, list[int]] = defaultdict(list)
    digests = Digests(pairs, of_target=True, depth=depth)
    for node, ends in _hanging(pairs, of_target=True):
        there[_sign(pairs, digests, node, of_target=True), _all(ends)].append(node)
    if not there:
        return 0
    digests = Digests(pairs, of_target=False, depth=depth)
    signed = [
        (node, (_sign(pairs, digests, node, of_target=False), _all(ends)))
        for node, ends in _hanging(pairs, of_target=False)
    ]
    return sum(pairs.join(node, there[sign].pop(0)) for node, sign in signed if there.get(sign))


def _all(ends: Counter[_End]) -> frozenset[tuple[_End, int]]:
    return frozenset(ends.items())


def _join_by_one_end(pairs: Pairs, anchors: Anchors, depth: Depth, only_anchor: bool) -> int:
    """Pair what is equal and hangs on one object in common; links of it may be missing on the server."""
    there: dict[object, list[tuple[int, Counter[_End]]]] = defaultdict(list)
    digests = Digests(pairs, of_target=True, depth=depth)
    for node, ends in _hanging(pairs, of_target=True):
        sign = _sign(pairs, digests, node, of_target=True)
        for end in ends:
            there[sign, end].append((node, ends))
    if not there:
        return 0
    digests = Digests(pairs, of_target=False, depth=depth)
    signed = [
        (node, _sign(pairs, digests, node, of_target=False), ends)
        for node, ends in _hanging(pairs, of_target=False)
    ]
    joined = 0
    for node, sign, ends in signed:
        considered = _anchor(pairs, anchors, node) if only_anchor else ends
        candidates = (one for end in considered for one in there.get((sign, end), ()))
        found = _best(ends, (one for one in candidates if pairs.is_free_target(one[0])))
        joined += found is not None and pairs.join(node, found)
    return joined


def _best(ends: Counter[_End], candidates: Iterable[tuple[int, Counter[_End]]]) -> int | None:
    """Who hangs nowhere else than it should, in as many places as possible; the first of several."""
    best = max(candidates, key=lambda one: (one[1] <= ends, (one[1] & ends).total()), default=None)
    return None if best is None else best[0]


def _sign(pairs: Pairs, digests: Digests, node: int, *, of_target: bool) -> tuple[bytes, str]:
    if not pairs.by_owner:
        return digests.of(node), ""
    return digests.of(node), pairs.owner_of_target(node) if of_target else pairs.owner_of(node)


def _hanging(pairs: Pairs, *, of_target: bool) -> Iterator[tuple[int, Counter[_End]]]:
    """What has no partner and hangs on something that has one, and on what, in the order of ids."""
    side = pairs.target if of_target else pairs.source
    for name, nodes in side.by_class.items():
        if not is_linked_class(side, name):
            continue
        for node in nodes:
            if pairs.is_free_target(node) if of_target else pairs.is_free(node):
                ends = Counter(_ends(pairs, node, of_target=of_target))
                if ends:
                    yield node, ends


def _ends(pairs: Pairs, node: int, *, of_target: bool) -> Iterator[_End]:
    side = pairs.target if of_target else pairs.source
    for link, is_parent in side.links_at.get(node, ()):
        end = _end(pairs, side, link, is_parent, of_target)
        if end is not None:
            yield end


def _end(pairs: Pairs, side: Side, link: Link, is_parent: bool, of_target: bool) -> _End | None:
    other = link.child if is_parent else link.parent
    partner = (pairs.to_source if of_target else pairs.to_target)[other]
    return (side.class_name(link.node), is_parent, other if of_target else partner) if partner >= 0 else None


def _anchor(pairs: Pairs, anchors: Anchors, node: int) -> tuple[_End, ...]:
    link = anchors.link_of(node)
    if link is None:
        return ()
    end = _end(pairs, pairs.source, link, link.parent == node, of_target=False)
    return () if end is None else (end,)


def join_links(pairs: Pairs) -> None:
    """Pair the links whose ends are paired with each other."""
    for name, links in pairs.source.links.items():
        there = _links_there(pairs, name)
        for is_owner_told in (True, False) if not pairs.by_owner else (True,):
            for one in links if there else ():
                ends = pairs.to_target[one.parent], pairs.to_target[one.child]
                owner = pairs.owner_of(one.node) if is_owner_told else None
                for candidate in there.get((*ends, owner), ()):
                    if pairs.join(one.node, candidate):
                        break
    pairs.fresh.clear()


def _links_there(pairs: Pairs, name: str) -> dict[tuple[int, int, str | None], list[int]]:
    found: dict[tuple[int, int, str | None], list[int]] = defaultdict(list)
    for one in pairs.target.links.get(name, ()):
        for owner in (pairs.owner_of_target(one.node), None):
            found[one.parent, one.child, owner].append(one.node)
    return found
