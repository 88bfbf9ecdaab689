"""Which object of a server is which of a packet: the state of pairing two graphs."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.side import NOTHING, Side


class Pairs:
    """Nodes of ``source``, what there is in the packet, and of ``target``, what there is on the server.

    Each node has at most one partner, of the same class. Pairs are never taken back. ``fresh`` are those that
    nobody has looked at yet. With ``by_owner`` links and annotations of different owners are different.
    ``me`` is the key of whose everything becomes of which nobody here is known to be the owner.
    """

    def __init__(self, source: Side, target: Side, *, by_owner: bool = False, me: str = "") -> None:
        self.source, self.target, self.by_owner, self.me = source, target, by_owner, me
        self.to_target = array("i", [NOTHING]) * len(source)
        self.to_source = array("i", [NOTHING]) * len(target)
        self.fresh: list[tuple[int, int]] = []
        self.people: dict[str, str] = {}
        self.untouched: set[int] = set()

    def seed(self, seeds: Mapping[str, str], untouched: Collection[str] = ()) -> None:
        """Take over pairs that are known for certain, in their order.

        The server's object of ``untouched``, and one that its graph has no row of, is only referred to.
        """
        for source, target in seeds.items():
            if source.partition(":")[0] in rules.PEOPLE:
                self.people[source] = target
            there = self.target.add_stub(target)
            self.to_source.extend([NOTHING] * (len(self.target) - len(self.to_source)))
            self.join(self.source.find(source), there)
            if there in self.target.stubs or target in untouched:
                self.untouched.add(there)

    def join(self, source: int, target: int) -> bool:
        """Make a pair of two nodes, if nothing speaks against it."""
        if not (self.is_free(source) and self.is_free_target(target)):
            return False
        if self.source.class_name(source) != self.target.class_name(target):
            return False
        self.to_target[source], self.to_source[target] = target, source
        self.fresh.append((source, target))
        return True

    def is_free(self, source: int) -> bool:
        """Whether a node of the packet can get a partner."""
        return self.source.has_row(source) and self.to_target[source] < 0 and source not in self.source.labels

    def is_free_target(self, target: int) -> bool:
        """Whether a node of the server can get a partner."""
        return self.target.has_row(target) and self.to_source[target] < 0 and target not in self.target.labels

    def keys(self) -> dict[str, str]:
        """All pairs by their keys."""
        return {
            self.source.key(source): self.target.key(target)
            for source, target in enumerate(self.to_target)
            if target >= 0
        }

    def owner_of(self, source: int) -> str:
        """Who shall own a node of the packet, as a key of the server; ``me`` where nobody knows."""
        return self.known_owner_of(source) or self.me

    def known_owner_of(self, source: int) -> str:
        """Who owns a node of the packet, as a key of the server; empty where nobody knows."""
        owner = self.source.owners[source]
        return self.people.get(self.source.key(owner), "") if owner >= 0 else ""

    def owner_of_target(self, target: int) -> str:
        """Who owns a node of the server, if that is somebody whom :meth:`owner_of` can name."""
        owner = self.target.owners[target]
        key = self.target.key(owner) if owner >= 0 else ""
        return key if key == self.me or key in self.people.values() else ""
