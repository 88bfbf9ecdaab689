"""What is equal is paired, whatever ids it has; what differs is found, and nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_irods_bridge.operations.matching import Difference, difference, pair, same_ids
from tests.unit.matching.graphs import Example, examples, renumbered, seeds_of
from tests.unit.matching.server import MODEL, fingerprint, graph_of

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
Row = dict[str, Any]


def compared(here: list[Row], there: list[Row], seeds: dict[str, str], **options: Any) -> Difference:
    return difference(pair(graph_of(here), graph_of(there), seeds, MODEL, **options))


def in_order(example: Example, data: st.DataObject) -> list[Row]:
    return data.draw(st.permutations(example.rows))


@thorough
@given(examples(), st.data())
def test_ids_and_the_order_of_rows_mean_nothing(example: Example, data: st.DataObject) -> None:
    other, keys = renumbered(in_order(example, data))
    found = compared(example.rows, other, seeds_of(keys, example.rows))
    assert fingerprint(example.rows) == fingerprint(other)
    assert [found.pairs.source.key(node) for node in found.created] == []
    assert found.changed == ()
    assert found.superfluous == {}


@thorough
@given(examples())
def test_two_readings_of_one_server_are_paired_by_their_ids(example: Example) -> None:
    found = compared(example.rows, example.rows, same_ids(graph_of(example.rows), graph_of(example.rows)))
    assert found.pairs.keys() == {
        row["@"]: row["@"]
        for row in example.rows
        if not MODEL.shape(row["@"].partition(":")[0]).is_enumeration
    }
    assert found.is_empty
