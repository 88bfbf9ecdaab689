"""Which objects are still to be read, and which were met before: ids only, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice


class ToDo:
    """Ids by root class; each is handed out once."""

    def __init__(self) -> None:
        self._met: dict[str, set[int]] = defaultdict(set)
        self._waiting: dict[str, dict[int, None]] = defaultdict(dict)

    def add(self, root: str, id_: int) -> None:
        """Read it, unless it was added before."""
        met = self._met[root]
        if id_ not in met:
            met.add(id_)
            self._waiting[root][id_] = None

    def add_all(self, root: str, ids: Iterable[int]) -> None:
        """Read them, each unless it was added before."""
        for id_ in ids:
            self.add(root, id_)

    def has_met(self, root: str, id_: int) -> bool:
        """Whether it was ever added."""
        return id_ in self._met[root]

    def met(self, root: str) -> frozenset[int]:
        """All that were added of a root class."""
        return frozenset(self._met[root])

    def fullest(self) -> str | None:
        """The root class of which most are waiting, so that pages are full; none when nothing waits."""
        root = max(self._waiting, key=lambda one: len(self._waiting[one]), default=None)
        return root if root is not None and self._waiting[root] else None

    def take(self, root: str, count: int) -> list[int]:
        """Up to ``count`` ids that wait, in ascending order."""
        waiting = self._waiting[root]
        taken = list(islice(waiting, count))
        for id_ in taken:
            del waiting[id_]
        return sorted(taken)

    def take_now(self, root: str, ids: Iterable[int]) -> list[int]:
        """Those of ``ids`` that nobody has taken; they count as added and taken."""
        taken = []
        for id_ in dict.fromkeys(ids):
            if id_ in self._waiting[root] or id_ not in self._met[root]:
                self._waiting[root].pop(id_, None)
                self._met[root].add(id_)
                taken.append(id_)
        return taken
