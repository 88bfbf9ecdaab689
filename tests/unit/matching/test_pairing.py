"""What is equal is paired, whatever ids it has; what differs is found, and nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from omero_irods_bridge.operations.matching import Difference, difference, pair, same_ids
from tests.unit.matching.graphs import Example, examples, renumbered
from tests.unit.matching.server import MODEL, class_of, fingerprint, graph_of, shape_of

thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
Row = dict[str, Any]
NAMED = ("Image", "Dataset", "Project", "LogicalChannel", "StageLabel")


def compared(here: list[Row], there: list[Row], seeds: dict[str, str], **options: Any) -> Difference:
    return difference(pair(graph_of(here), graph_of(there), seeds, MODEL, **options))


def seeds_of(rows: list[Row], keys: dict[str, str]) -> dict[str, str]:
    """What a caller knows: images, filesets, and what a load would have marked."""
    imported = {key: other for key, other in keys.items() if class_of(key) in ("Image", "Fileset")}
    found = compared(rows, [], imported)
    marked = [found.pairs.source.key(node) for node in found.anchors.marked]
    return imported | {key: keys[key] for key in marked}


def in_order(example: Example, data: st.DataObject) -> list[Row]:
    return data.draw(st.permutations(example.rows))


@thorough
@given(examples(), st.data())
def test_ids_and_the_order_of_rows_mean_nothing(example: Example, data: st.DataObject) -> None:
    other, keys = renumbered(in_order(example, data))
    found = compared(example.rows, other, seeds_of(example.rows, keys))
    assert fingerprint(example.rows) == fingerprint(other)
    assert [found.pairs.source.key(node) for node in found.created] == []
    assert found.changed == ()
    assert found.superfluous == {}


@thorough
@given(examples())
def test_two_readings_of_one_server_are_paired_by_their_ids(example: Example) -> None:
    found = compared(example.rows, example.rows, same_ids(graph_of(example.rows), graph_of(example.rows)))
    assert found.pairs.keys() == {
        row["@"]: row["@"] for row in example.rows if not shape_of(row["@"]).is_enumeration
    }
    assert found.is_empty


@thorough
@given(examples(), st.data())
def test_one_changed_value_is_one_change(example: Example, data: st.DataObject) -> None:
    other, keys = renumbered(in_order(example, data))
    seeds = seeds_of(example.rows, keys)
    names = [
        key
        for key in keys
        if class_of(key) in ("Image", "Dataset", "Project", "LogicalChannel", "StageLabel")
    ]
    chosen = data.draw(st.sampled_from(names))
    row = next(row for row in other if row["@"] == keys[chosen])
    row["name"] = "changed"
    found = compared(example.rows, other, seeds)
    assert [(found.pairs.source.key(one.source), one.fields) for one in found.changed] == [
        (chosen, ("name",))
    ]
    assert not found.created
    assert not found.superfluous


@thorough
@given(examples(), st.data())
def test_one_missing_annotation_is_made_with_its_links_and_nothing_else(
    example: Example, data: st.DataObject
) -> None:
    comments = [row["@"] for row in example.rows if class_of(row["@"]) == "CommentAnnotation"]
    hanging = {row["child"] for row in example.rows if "child" in row}
    holding = {row["parent"] for row in example.rows if "child" in row}
    comments = [key for key in comments if key in hanging - holding]
    assume(comments)
    gone = data.draw(st.sampled_from(comments))
    links = [row["@"] for row in example.rows if row.get("child") == gone]
    other, keys = renumbered(example.rows)
    there = [row for row in other if row["@"] not in {keys[one] for one in (gone, *links)}]
    found = compared(example.rows, there, seeds_of(example.rows, keys))
    made = [class_of(found.pairs.source.key(node)) for node in found.created]
    assert sorted(made) == sorted(map(class_of, (gone, *links)))
    assert not found.superfluous
    assert not found.changed
