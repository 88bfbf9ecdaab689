"""HQL as text: every text is a query or is refused, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import omero_irods_sandbox.omero_server  # noqa: F401
from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.parser import parse
from omero_irods_sandbox.omero_server.hql.tokens import Kind, tokenize
from omero_irods_sandbox.omero_server.hql.tree import (
    Binary,
    Call,
    Exists,
    In,
    IsNull,
    Join,
    Like,
    Literal,
    Not,
    Parameter,
    Query,
    Range,
    Shape,
)
from omero_irods_sandbox.omero_server.hql.tree import Path as HqlPath

_WORDS = r"""
select distinct from where group by order having as join left outer inner fetch with and or not in is null
like between exists new map case when then else end member of elements size index type count true
false Image i i.name i.id :p ? ( ) , = != <> < <= > >= + - * / || 1 2.5 10L 'text' 'it''s' . ' : \ é ²
"""


@given(st.text())
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    _parse_or_refuse(text)


@given(st.lists(st.sampled_from(_WORDS.split()), max_size=40))
def test_any_words_of_hql_are_a_query_or_are_refused(words: list[str]) -> None:
    _parse_or_refuse(" ".join(["select i from Image i where", *words]))
    _parse_or_refuse(" ".join(words))


def _parse_or_refuse(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert isinstance(query, Query)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_quoted_text_is_read_as_it_was_meant(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert [(token.kind, token.text) for token in tokenize(quoted)[:-1]] == [(Kind.TEXT, text)]


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_number_is_read_as_it_was_meant(number: int) -> None:
    query = parse(f"select i from Image i where i.id = {number}")
    assert isinstance(query.where, Binary)
    assert query.where.right == Literal(number)


@pytest.mark.parametrize("opening", ["(", "not ", "-", "case when ", "exists (select i from Image i where "])
def test_what_is_nested_too_deep_is_refused(opening: str) -> None:
    with pytest.raises(QueryError, match="deep"):
        parse("select i from Image i where " + opening * 5000)


@pytest.mark.parametrize("text", ["select i from Image i where i.a = 1" + " or i.a = 1" * 5000])
def test_long_chains_are_no_nesting(text: str) -> None:
    assert isinstance(parse(text).where, Binary)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select i",
        "from",
        "select from Image i",
        "update Image set name = 'x'",
        "select i from Image i where",
        "select i from Image i where i.name = 'open",
        "select i from Image i orderby i.name",
        "select i from Image i; drop table Image",
        "select i from Image i union select d from Dataset d",
        "select i from Image i where i.name in",
        "select i from Image i limit 3",
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


def test_and_binds_closer_than_or_and_not_closer_than_and() -> None:
    where = parse("select i from Image i where i.a = 1 or not i.b = 2 and i.c = 3").where
    assert isinstance(where, Binary)
    assert where.operator == "or"
    assert isinstance(where.right, Binary)
    assert where.right.operator == "and"
    assert isinstance(where.right.left, Not)


def test_not_before_a_test_negates_the_test() -> None:
    where = parse("select i from Image i where i.name not like 'a%' and i.description is not null").where
    assert where == Binary(
        "and",
        Not(Like(HqlPath(("i", "name")), Literal("a%"))),
        Not(IsNull(HqlPath(("i", "description")))),
    )


def test_joins_are_read_with_their_kind_and_alias() -> None:
    sources = parse(
        "select i from Image as i left outer join fetch i.pixels as p, Dataset d inner join d.imageLinks"
    ).sources
    assert sources == (
        Range("Image", "i"),
        Join(HqlPath(("i", "pixels")), "p", is_left=True, is_fetch=True),
        Range("Dataset", "d"),
        Join(HqlPath(("d", "imageLinks")), None),
    )


def test_a_list_may_be_a_parameter_with_or_without_parentheses() -> None:
    for text in ("i.id in (:ids)", "i.id in :ids"):
        assert parse(f"select i from Image i where {text}").where == In(
            HqlPath(("i", "id")), (Parameter("ids"),)
        )


def test_a_map_is_a_shape_of_the_answer() -> None:
    query = parse("select new map(i.id as id, count(*) as n) from Image i group by i.id")
    assert query.shape is Shape.MAP
    assert [item.alias for item in query.selection] == ["id", "n"]


def test_keywords_are_known_in_any_case() -> None:
    assert parse("SELECT i FROM Image i WHERE NOT EXISTS (FROM Roi r)").where == Not(
        Exists(Query(sources=(Range("Roi", "r"),)))
    )


def test_a_function_may_be_called_on_distinct_values() -> None:
    (item,) = parse("select count(distinct i.id) from Image i").selection
    assert item.expression == Call("count", (HqlPath(("i", "id")),), is_distinct=True)


def test_every_query_of_the_known_clients_is_read() -> None:
    for template in (Path(__file__).parent / "hql_templates.txt").read_text().splitlines():
        assert isinstance(
            parse(template.replace("<P><C>", "DatasetImage").replace("<T>", "Image").replace("<id>", "1")),
            Query,
        )
