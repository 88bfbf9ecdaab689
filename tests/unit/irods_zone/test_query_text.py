"""GenQuery 1 in rules: columns and conditions as text (``fillGenQueryInpFromStrCond``)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.query_text import columns, conditions


def test_columns_are_names_maybe_in_a_function() -> None:
    selected = columns("COLL_NAME, ORDER_DESC(DATA_NAME),count(DATA_ID)")
    assert (selected.inx, selected.value) == ([501, 403, 401], [1, 0x800, 6])


def test_conditions_are_joined_by_and_outside_of_quotes() -> None:
    found = conditions(
        "COLL_NAME = '/z/this and that' AND DATA_NAME like 'a%' and META_DATA_ATTR_NAME = 'omero::linked'"
    )
    assert found.inx == [501, 403, 600]
    assert found.value == ["= '/z/this and that'", "like 'a%'", "= 'omero::linked'"]


def test_no_conditions_are_none() -> None:
    assert conditions("  ").inx == []


def test_a_single_quote_in_a_value_takes_the_next_condition_in() -> None:
    found = conditions("DATA_NAME = 'it's' AND COLL_NAME = '/z'")
    assert found.inx == [403]
    assert found.value == ["= 'it's' AND COLL_NAME = '/z'"]


@pytest.mark.parametrize(
    ("name", "number"),
    [("DATA_RESC_HIER", 422), ("DATA_REPL_STATUS", 413), ("DATA_ACCESS_NAME", 701), ("RULE_EXEC_NAME", 1001)],
)
def test_names_are_those_of_genquery_1(name: str, number: int) -> None:
    assert columns(name).inx == [number]


def test_an_unknown_column_is_named_in_the_error() -> None:
    with pytest.raises(ZoneError, match="NO_SUCH_NAME") as refused:
        conditions("NO_SUCH_NAME = 'x'")
    assert refused.value.code == -1_107_000  # NO_COLUMN_NAME_FOUND


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (columns, conditions):
        with contextlib.suppress(ZoneError):
            pairs = parse(text)
            assert len(pairs.inx) == len(pairs.value)
