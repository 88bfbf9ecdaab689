"""However far a load came: its objects get their partners, and the rest is made, once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_irods_bridge.model.imports import MARK_NAMESPACE
from omero_irods_bridge.operations.matching import Difference, batches, difference, pair
from tests.unit.matching.graphs import Example, examples
from tests.unit.matching.server import MODEL, Server, class_of, fingerprint, graph_of, shape_of

CONTAINERS = ("Project", "Dataset", "Screen", "Plate", "Folder")
thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def mark(source: str) -> dict[str, Any]:
    return {"@": "MapAnnotation:", "ns": MARK_NAMESPACE, "mapValue": [["source", source]]}


class Loading:
    """A load of a packet into a server, as unpack does it."""

    def __init__(self, rows: list[dict[str, Any]], server: Server | None = None) -> None:
        self.rows, self.server = rows, server or Server()
        self.imported = self.server.do_import(rows, change=spoiled)

    def seeds(self) -> dict[str, str]:
        return {**self.imported, **self.server.marked()}

    def read(self) -> list[dict[str, Any]]:
        return self.server.read([*self.seeds().values()])

    def objects(self) -> int:
        """How many there are, without marks and enumerations."""
        keys = [key for key in self.server.rows if not shape_of(key).is_enumeration]
        return len(keys) - 2 * len(self.server.marked())

    def compare(self) -> Difference:
        return difference(pair(graph_of(self.rows), graph_of(self.read()), self.seeds(), MODEL))

    def go_on(self, most: int = 10**9, objects: int = 3) -> int:
        """Save some batches; how many there were."""
        count = 0
        for batch in batches(self.compare(), mark, objects=objects):
            if count == most:
                return count
            batch.saved(self.server.save(batch.drafts))
            count += 1
        self.fill()
        return count

    def fill(self) -> None:
        """Write the bytes of attachments; OMERO notes how many there are."""
        held = {row["@"]: row for row in self.rows}
        for source, target in self.compare().unfilled:
            self.server.rows[target] |= {
                name: held[source][name] for name in ("size", "hash") if name in held[source]
            }


def spoiled(row: dict[str, Any]) -> None:
    """The importer knows nothing of what people did afterwards, and adds a word of its own."""
    if class_of(row["@"]) == "Image":
        row["name"] = "imported"
        row["description"] = "by importer"


def kinds(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(class_of(row["@"]) for row in rows)


@thorough
@given(examples())
def test_a_load_ends_in_the_same_graph(example: Example) -> None:
    load = Loading(example.rows)
    load.go_on()
    assert fingerprint(load.read()) == fingerprint(example.rows)
    assert load.compare().is_empty
    assert not load.compare().superfluous


@thorough
@given(examples(), st.lists(st.integers(0, 6), max_size=4), st.integers(1, 4))
def test_a_load_that_is_killed_between_batches_makes_exactly_the_rest(
    example: Example, kills: list[int], objects: int
) -> None:
    load = Loading(example.rows)
    known = load.objects()
    wanted = len(load.compare().created)
    for most in kills:
        load.go_on(most, objects)
        rest = load.compare()
        assert not rest.superfluous
        assert len(rest.created) == wanted - (load.objects() - known)
    load.go_on(objects=objects)
    assert fingerprint(load.read()) == fingerprint(example.rows)
    unread = kinds(list(load.server.rows.values())) - kinds(load.read())
    assert not unread, "orphans"
