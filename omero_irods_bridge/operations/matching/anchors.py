"""What becomes of each object of a packet that has no partner, and what leads to it on the server.

An object that is made must be findable from the moment it is there, or a load that is killed leaves an orphan
that it never finds again. So each has one thing that it is made together with, or after:

* a container has a mark, and so has an annotation that hangs on nothing;
* what is in a set comes after its owner, what is in a list together with it: a list is saved by its owner;
* an annotation hangs on its *anchor*, the first of its links; a tag set may hang on one of its tags;
* anything else is led to: it is made together with the first object that refers to it.

All this follows from the packet and from what was imported, so a load that is run again decides alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import NOTHING, Link, Side

LINKED_ROOTS: Final = frozenset({"Annotation", "OriginalFile"})
"""What a link is enough to find. A file counts only where nothing refers to it."""

_NO_REFERENCE: Final = "cannot be without an object that was not loaded"
_NOTHING_LEADS: Final = "nothing that is loaded leads to it"
_UNTOUCHED: Final = "belongs to an object that this load did not make"
_SECOND_LINK: Final = "two objects are linked once by one owner"


def is_linked_class(side: Side, name: str) -> bool:
    """Whether objects of a class can be found by links alone."""
    shape = side.model.shape(name)
    return shape is not None and shape.root in LINKED_ROOTS


class Anchors:
    """``lost`` are the nodes that will not be made, and why; ``marked`` those that need a mark."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs, self._side = pairs, pairs.source
        self.lost: dict[int, str] = {}
        self.marked: set[int] = set()
        self._links: dict[int, Link] = {}
        self._leaders: dict[int, int] = {}
        self._free = [node for nodes in self._side.by_class.values() for node in nodes if pairs.is_free(node)]
        self._lose_what_is_not_made()
        self._lose_second_links()
        while self._lose_dependents() or self._lose_what_nothing_leads_to():
            pass

    def link_of(self, node: int) -> Link | None:
        """The link that a node hangs on; none where it hangs on none, or something else leads to it."""
        return self._links.get(node)

    def made_with(self, node: int) -> int:
        """The object that a node to be made, or a link, is saved together with; ``NOTHING`` for none."""
        for owner, is_ordered in self._side.owners_of(node):
            if is_ordered:
                return owner
        return self._leaders.get(node, NOTHING)

    def is_made(self, node: int) -> bool:
        """Whether a node of the packet has no partner and gets one by being made."""
        return self._pairs.is_free(node) and node not in self.lost

    def is_there(self, node: int) -> bool:
        """Whether a node has a partner, or gets one."""
        return self._pairs.to_target[node] >= 0 or self.is_made(node)

    # -- what is lost

    def _lose_what_is_not_made(self) -> None:
        for node in self._free:
            name = self._side.class_name(node)
            if name in rules.NOT_MADE:
                self.lost[node] = rules.NOT_MADE[name]
            elif self._side.is_file_of_fileset(node):
                self.lost[node] = rules.FILE_OF_FILESET

    def _lose_second_links(self) -> None:
        """OMERO has one link of one owner between two objects (unique constraint, omero-semantics 6)."""
        for links in self._side.links.values():
            seen: set[tuple[int, int, str]] = set()
            for one in sorted(links, key=lambda link: self._pairs.is_free(link.node)):
                owner = self._pairs.owner_of(one.node) if self._pairs.by_owner else ""
                if (one.parent, one.child, owner) in seen and self._pairs.is_free(one.node):
                    self.lost[one.node] = _SECOND_LINK
                seen.add((one.parent, one.child, owner))

    def _lose_dependents(self) -> bool:
        found = [node for node in self._free if node not in self.lost and not self._can_be(node)]
        self.lost |= dict.fromkeys(found, _NO_REFERENCE)
        return bool(found)

    def _can_be(self, node: int) -> bool:
        """Whether all is there, or will be, that it cannot be without."""
        side, shape = self._side, self._side.shape(node)
        required = (target for field, target in side.references(node) if field in shape.required)
        owners = list(side.owners_of(node))
        if any(is_ordered for _, is_ordered in owners) and node not in side.listed:
            return False
        needed = (*required, *(owner for owner, _ in owners))
        return all(target in side.labels or self.is_there(target) for target in needed)

    def _lose_what_nothing_leads_to(self) -> bool:
        self._links = self._find_links()
        self._leaders = self._find_leaders()
        reasons = ((node, self._why_lost(node)) for node in self._free if node not in self.lost)
        found = {node: reason for node, reason in reasons if reason}
        self.lost |= found
        return bool(found)

    def _why_lost(self, node: int) -> str:
        """Follow what a node is made together with, up to something that can be found by itself."""
        for _ in range(1000):
            owners = list(self._side.owners_of(node))
            holder = self.made_with(node)
            if holder == NOTHING:
                return "" if owners or self._is_found(node) else _NOTHING_LEADS
            if (there := self._pairs.to_target[holder]) >= 0:
                return _UNTOUCHED if there in self._pairs.untouched else ""
            node = holder
        return _NOTHING_LEADS

    def _is_found(self, node: int) -> bool:
        return node in self.marked or node in self._links or self._side.shape(node).is_link

    # -- what leads where

    def _candidates(self, names: Iterable[str]) -> Iterator[int]:
        return (node for name in names for node in self._side.by_class[name] if node not in self.lost)

    def _find_leaders(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for node in self._candidates(self._side.by_class):
            if self.is_there(node):
                for target in self._side.led_from(node):
                    if self._needs_leader(target):
                        found.setdefault(target, node)
        return found

    def _needs_leader(self, node: int) -> bool:
        if not self.is_made(node) or self._is_found(node):
            return False
        return not any(True for _ in self._side.owners_of(node))

    def _find_links(self) -> dict[int, Link]:
        """Round by round: first what hangs on other things than annotations, then what hangs on that."""
        names = [name for name in self._side.by_class if is_linked_class(self._side, name)]
        led_to = self._files_led_to()
        waiting = [node for node in self._candidates(names) if node not in led_to]
        containers = self._candidates(name for name in rules.CONTAINERS if name in self._side.by_class)
        self.marked, links, hanging = set(containers), dict[int, Link](), set(waiting)
        while waiting:
            found = self._round(waiting, hanging)
            links |= found
            if not found:
                self.marked |= self._topmost(waiting)
            hanging -= self.marked | links.keys()
            waiting = [node for node in waiting if node in hanging and not self._is_file(node, found)]
        return links

    def _is_file(self, node: int, found: Mapping[int, Link]) -> bool:
        """Whether this is a file that nothing was found for: files get no marks."""
        return not found and self._side.class_name(node) == "OriginalFile"

    def _topmost(self, waiting: Iterable[int]) -> set[int]:
        """Annotations that hang on no other one; where they hang on each other in a circle, all of them."""
        annotations = {node for node in waiting if self._side.class_name(node) != "OriginalFile"}
        hang = {
            node
            for node in annotations
            for link, is_parent in self._side.links_at.get(node, ())
            if not is_parent and link.parent in annotations and link.parent != node
        }
        return annotations - hang or annotations

    def _files_led_to(self) -> set[int]:
        found = {
            target for node in self._candidates(self._side.by_class) for target in self._side.led_from(node)
        }
        return {node for node in found if node >= 0 and self._side.class_name(node) == "OriginalFile"}

    def _round(self, waiting: Iterable[int], hanging: set[int]) -> dict[int, Link]:
        found = {}
        for node in waiting:
            for link, is_parent in self._side.links_at.get(node, ()):
                other = link.child if is_parent else link.parent
                if other not in hanging and link.node not in self.lost and self._leads(link, node):
                    found[node] = link
                    break
        return found

    def _leads(self, link: Link, node: int) -> bool:
        """Whether a reader of the other end of a link finds this one."""
        if node == link.child:
            return self.is_there(link.parent)
        is_set_of_tag = node in self._side.tag_sets and self._side.class_name(link.child) == "TagAnnotation"
        is_file_of_pixels = "child" in self._side.shape(link.node).owners
        return (is_set_of_tag or is_file_of_pixels) and self.is_there(link.child)
