"""What an object is, apart from its id: digests that are equal on both sides when two objects are.

Content is class, values, and what its references lead to: the partner, an enumeration's value, or the content
of what has no partner yet; lists in their order. Never ids, versions, details. What points back to the owner
of a list is implied by the list.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import DIGEST_BYTES, Side

FARTHEST: Final = 6
"""How many references away an object still counts: from a ROI to its annotation's file it is two."""

_HOLE: Final = b"-"


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of an object is looked at.

    With ``links`` also what is linked to it. With ``bytes_of_files`` files that are not filled yet differ
    from those that are.
    """

    links: bool
    bytes_of_files: bool


EXACT: Final = Depth(links=True, bytes_of_files=True)
OWN: Final = Depth(links=False, bytes_of_files=True)
UNFILLED: Final = Depth(links=False, bytes_of_files=False)
"""From strict to lax: what a load that was killed has made may lack links, then bytes."""


class Digests:
    """Digests of the nodes of one side, as long as no pair is made."""

    def __init__(self, pairs: Pairs, *, of_target: bool, depth: Depth) -> None:
        self._side: Side = pairs.target if of_target else pairs.source
        self._partners = None if of_target else pairs.to_target
        self._paired = pairs.to_source if of_target else pairs.to_target
        self._depth = depth
        self._known: dict[tuple[int, int], bytes] = {}

    def of(self, node: int) -> bytes:
        """The digest of a node that has a row."""
        return self._of(node, FARTHEST)

    def linked(self, node: int) -> Counter[bytes]:
        """What a node and the elements of its lists are linked with, as digests."""
        shape = self._side.shape(node)
        found = Counter(self._links(node, FARTHEST))
        elements = (one for field, one in self._side.references(node) if shape.is_list(field) and one >= 0)
        for place, element in enumerate(elements):
            found.update(b"%d:%b" % (place, one) for one in self._links(element, FARTHEST))
        return found

    def _of(self, node: int, steps: int) -> bytes:
        found = self._known.get((node, steps))
        if found is None:
            found = self._known[node, steps] = self._compute(node, steps)
        return found

    def _compute(self, node: int, steps: int) -> bytes:
        parts = [self._side.values(node)]
        if self._depth.bytes_of_files:
            parts.append(repr(self._side.contents.get(node)).encode())
        if steps:
            parts += self._references(node, steps - 1)
            parts += sorted(self._links(node, steps - 1)) if self._depth.links else ()
        return hashlib.blake2b(b"\0".join(parts), digest_size=DIGEST_BYTES).digest()

    def _token(self, node: int, steps: int) -> bytes | None:
        """What a reference to a node is: see the module. None where it leads to nothing that is kept."""
        if node < 0:
            return _HOLE
        label = self._side.labels.get(node)
        if label is not None:
            return b"E" + label.encode(errors="surrogatepass")
        if self._paired[node] >= 0:
            return b"P%d" % (node if self._partners is None else self._partners[node])
        if not self._side.has_row(node) or self._side.class_name(node) in rules.PEOPLE:
            return None
        return self._of(node, steps)

    def _references(self, node: int, steps: int) -> list[bytes]:
        """Field and token of each reference; fields in their order by name, lists in their own."""
        name, owners = self._side.class_name(node), self._side.shape(node).owners
        found = []
        for field, target in sorted(self._side.references(node), key=lambda one: one[0]):
            if f"{name}.{field}" in rules.SET_BY_SERVER or self._is_implied(owners.get(field, False), target):
                continue
            token = self._token(target, steps)
            if token is not None:
                found += [field.encode(), token]
        return found

    def _is_implied(self, is_ordered: bool, owner: int) -> bool:
        """Whether the owner of a list, which has no partner itself, would be told again by its element."""
        return is_ordered and owner >= 0 and self._paired[owner] < 0

    def _links(self, node: int, steps: int) -> list[bytes]:
        """What is linked to a node, and what it is linked to: of that only the partner or the values."""
        found = []
        for link, is_parent in self._side.links_at.get(node, ()):
            other = link.child if is_parent else link.parent
            known = is_parent or self._paired[other] >= 0
            token = self._token(other, steps) or b"" if known else self._side.values(other)
            role = b">" if is_parent else b"<"
            found.append(self._side.class_name(link.node).encode() + role + token)
        return found
