"""GenQuery 1 in rules: columns and conditions as text (``lib/genquery1``)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
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


def test_a_quote_in_a_value_is_written_twice_and_a_byte_by_its_number() -> None:
    found = conditions(r"DATA_NAME = 'it''s \xC2\xb5' AND COLL_NAME in ('/z', '/y')")
    assert found.inx == [403, 501]
    assert found.value == ["= 'it's µ'", "in ('/z', '/y')"]


def test_conditions_of_one_column_are_joined_by_bars() -> None:
    found = conditions("DATA_NAME = 'a' || LIKE 'b%' and DATA_SIZE between '1' '2'")
    assert found.value == ["= 'a' || like 'b%'", "between '1' '2'"]


@pytest.mark.parametrize(
    "text",
    [
        "DATA_NAME = 'it's' AND COLL_NAME = '/z'",
        "DATA_NAME = x",
        "DATA_NAME = 'a' and",
        "DATA_NAME 'a'",
        "'a' = DATA_NAME",
        "DATA_NAME = 'a' DATA_SIZE = '1'",
        "DATA_NAME = 'a",
        'DATA_NAME = "a"',
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ZoneError) as refused:
        conditions(text)
    assert refused.value.code == code_of("INPUT_ARG_NOT_WELL_FORMED_ERR")


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
