"""What a GenQuery1 condition string means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.genquery.conditions import MAX_CONDITION_LENGTH, parse
from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_INVALID_ARGUMENT,
    USER_STRLEN_TOOLONG,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.predicates import (
    BeginOf,
    Comparison,
    Like,
    Membership,
    NullTest,
    Predicate,
    Range,
)
from tests.unit.irods_zone.genquery_catalog import UNTIMED


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("= 'a'", Comparison("=", "a")),
        ("='a'", Comparison("=", "a")),
        ("  <> 'a'  ", Comparison("<>", "a")),
        ("!= 'a'", Comparison("!=", "a")),
        ("< 'a'", Comparison("<", "a")),
        ("<='a'", Comparison("<=", "a")),
        ("> 'a'", Comparison(">", "a")),
        (">= 'a'", Comparison(">=", "a")),
        ("= ''", Comparison("=", "")),
        ("= 'it's'", Comparison("=", "it's")),
        ("= 'a' and more", Comparison("=", "a")),
        ("= 'a\nb'", Comparison("=", "a\nb")),
        ("like 'a%'", Like("a%")),
        ("LIKE 'a%'", Like("a%")),
        ("not like 'a%'", Like("a%", negated=True)),
        ("NOT  LIKE 'a%'", Like("a%", negated=True)),
        ("in ('a','b')", Membership(("a", "b"))),
        ("IN ('in', 'win')", Membership(("in", "win"))),
        ("in 'a' 'b'", Membership(("a", "b"))),
        ("in('a')", Membership(("a",))),
        ("between 'a' 'b'", Range("a", "b")),
        ("BETWEEN 'a' AND 'b'", Range("a", "b")),
        ("begin_of '/a/b'", BeginOf("/a/b")),
        ("parent_of '/a/b'", Membership(("/", "/a", "/a/b"))),
        ("parent_of '/'", Membership(("/",))),
        ("parent_of 'a/b'", Membership(("a", "a/b"))),
        ("IS NULL", NullTest()),
        ("IS NOT NULL", NullTest(negated=True)),
    ],
)
def test_an_operator_and_its_values(text: str, predicate: Predicate) -> None:
    condition = parse(text)

    assert condition.alternatives == ((predicate,),)
    assert not condition.as_number


@pytest.mark.parametrize("text", ["n> '5'", "n<'5'", " n= '5'", "n<> '5'", "n>='5' && <='9'"])
def test_n_before_a_comparison_asks_for_numbers(text: str) -> None:
    assert parse(text).as_number


def test_or_separates_what_and_binds() -> None:
    a, b, c = Comparison("=", "a"), Like("b"), Comparison(">", "c")

    assert parse("= 'a' || like 'b' && > 'c'").alternatives == ((a,), (b, c))
    assert parse("='a'&&like 'b'||>'c'").alternatives == ((a, b), (c,))


def test_connectives_within_quotes_are_text() -> None:
    assert parse("= 'a || b && c'").alternatives == ((Comparison("=", "a || b && c"),),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "= 5",
        "= 'a",
        "'a'",
        "== 'a'",
        "similar to 'a'",
        "Like 'a'",
        "likes 'a'",
        "not 'a'",
        "not = 'a'",
        "not in ('a')",
        "not between 'a' 'b'",
        "n like 'a'",
        "n > '5'",
        "= 'a' && n> '5'",
        "in ()",
        "in",
        "inside 'a'",
        "between 'a'",
        "between 'a' 'b' 'c'",
        "BEGIN_OF '/a'",
        "is null",
        "= 'a' ||",
        "&& = 'a'",
        "= 'it's || x'",
        "; drop table R_DATA_MAIN",
        "= 'a\0b'",
        "= '\ud800'",
    ],
)
def test_what_the_server_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse(text)

    assert refusal.value.code == CAT_INVALID_ARGUMENT == -816000


def test_a_condition_longer_than_the_server_takes_is_refused() -> None:
    with pytest.raises(QueryError) as refusal:
        parse(f"= '{'a' * MAX_CONDITION_LENGTH}'")

    assert refusal.value.code == USER_STRLEN_TOOLONG


@UNTIMED
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0'|&")))
def test_any_value_comes_through_unchanged(value: str) -> None:
    assert parse(f"= '{value}'").alternatives == ((Comparison("=", value),),)
