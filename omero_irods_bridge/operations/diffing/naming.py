"""Which object is which when nobody has its id: by name within what holds it, by place on a plate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.ports import Row

_LINKS: Final = ("ProjectDatasetLink", "DatasetImageLink", "ScreenPlateLink")


def seeds_by_name(first: Graph, second: Graph, roots: Mapping[str, str]) -> dict[str, str]:
    """Partners of containers and images below ``roots``, which are partners; of one name by ids."""
    one, other = _Tree(first), _Tree(second)
    seeds: dict[str, str] = {}
    waiting = list(roots.items())
    while waiting:
        here, there = waiting.pop()
        if here not in seeds:
            seeds[here] = there
            waiting += _matched(one.below(here), other.below(there))
    return seeds


def _matched(
    here: Sequence[tuple[object, str]], there: Sequence[tuple[object, str]]
) -> Iterator[tuple[str, str]]:
    named: dict[object, list[str]] = defaultdict(list)
    for name, key in reversed(there):
        named[name].append(key)
    for name, key in here:
        if named.get(name):
            yield key, named[name].pop()


class _Tree:
    """What is below what: keys, each with what tells it apart from its siblings."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._below: dict[str, list[tuple[object, str]]] = defaultdict(list)
        for table in _LINKS:
            for link in graph.rows(table):
                self._add(link.get("parent"), link.get("child"))
        self._add_plates()

    def below(self, key: str) -> list[tuple[object, str]]:
        return sorted(self._below.get(key, ()), key=lambda one: id_of(one[1]))

    def _add(self, parent: str | None, child: str | None) -> None:
        row = self._graph.one(child)
        if parent and child and row is not None:
            self._below[parent].append((_told_apart(row), child))

    def _add_plates(self) -> None:
        """Images of a plate by the place of their well and the number of the field in it."""
        wells = {row["@"]: row for row in self._graph.rows("Well")}
        fields: dict[str, int] = defaultdict(int)
        for sample in sorted(self._graph.rows("WellSample"), key=lambda row: id_of(row["@"])):
            well, image = wells.get(sample.get("well") or ""), sample.get("image")
            if well is not None and image and image in self._graph:
                place = (well.get("row"), well.get("column"), fields[well["@"]])
                fields[well["@"]] += 1
                self._below[well.get("plate") or ""].append((place, image))


def _told_apart(row: Row) -> object:
    return row["@"].partition(":")[0], row.get("name")
