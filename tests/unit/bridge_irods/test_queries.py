"""Conditions say what was meant whatever users call their files, and answers are read as they were sent.

The embedded zone reads conditions and writes answers as a real server does: it is the oracle here.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.irods.queries import (
    Column,
    Condition,
    between,
    equal,
    is_listable,
    like,
    one_of,
    parse_rows,
    plain,
)
from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.model.stored import is_sendable
from omero_irods_sandbox.irods_zone.api import query_results
from omero_irods_sandbox.irods_zone.genquery import conditions
from omero_irods_sandbox.irods_zone.genquery.predicates import Comparison, Like, Membership, Predicate, Range

texts = st.text(alphabet=st.one_of(st.sampled_from("'|&%_\\ =ab"), st.characters()), max_size=12)


def read_by_server(text: str) -> Predicate:
    """The only test that a server finds in a condition."""
    (alternative,) = conditions.parse(text).alternatives
    (only,) = alternative
    return only


@given(texts)
@example("' || = 'x")
@example("it's && that's")
@example("n")
def test_a_text_is_compared_as_it_is_or_refused(text: str) -> None:
    try:
        condition = equal(Column.META_DATA_VALUE, text)
    except BadName:
        assert "'" in text or re.search("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
        return
    assert read_by_server(condition.test) == Comparison("=", text)


@given(texts, texts)
@example("a'||'b", "a'||'b")
@example("a'||'b", "aX||Yb")
@example("a'_||'%\\", "a'_||'%\\")
@example("it's && that's", "itXs && thatYs")
def test_each_name_that_can_be_sent_can_be_asked_for(text: str, other: str) -> None:
    assume(is_sendable(text) and is_sendable(other))
    assert found_by(equal(Column.DATA_NAME, text), [text, other]) == [
        one for one in (text, other) if one == text
    ]
    paths = [f"{text}/x", f"{other}/x", other]
    below = [one for one in paths if one.startswith(f"{text}/")]
    assert found_by(like(Column.COLL_NAME, f"{plain(text)}/%"), paths) == below


def found_by(condition: Condition, names: list[str]) -> list[str]:
    """Those that a server finds, and that are what was meant."""
    read = read_by_server(condition.test)
    return [
        name
        for name in names
        if (is_like(name, read.pattern) if isinstance(read, Like) else Comparison("=", name) == read)
        and (condition.exact is None or condition.exact.fullmatch(name))
    ]


@given(texts, texts)
@example("a_", "ab")
@example("a%", "abc")
@example("a\\%", "a\\b")
def test_wildcards_of_users_match_themselves_only(text: str, other: str) -> None:
    assume(is_sendable(other))
    try:
        condition = like(Column.COLL_NAME, f"{plain(text)}/%", negated=True)
    except BadName:
        return
    read = read_by_server(condition.test)
    assert isinstance(read, Like)
    assert read.negated
    for path in (f"{text}/x", f"{other}/x", other):
        assert is_like(path, read.pattern) == path.startswith(f"{text}/")


def is_like(text: str, pattern: str) -> bool:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("pragma case_sensitive_like=on")
        return bool(database.execute("select ? like ? escape '\\'", (text, pattern)).fetchone()[0])


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_list_holds_just_its_texts(listed: list[str]) -> None:
    if not all(is_listable(text) for text in listed):
        with pytest.raises(BadName):
            one_of(Column.DATA_NAME, listed)
        return
    assert read_by_server(one_of(Column.DATA_NAME, listed).test) == Membership(tuple(listed))
    low, high = listed[0], listed[-1]
    assert read_by_server(between(Column.DATA_NAME, low, high).test) == Range(low, high)


sent = st.text(alphabet=st.one_of(st.sampled_from("<>&\"'`;\r\n\t\x01 amplt"), st.characters(codec="utf-8")))


@given(st.lists(st.tuples(sent, sent), min_size=1), st.integers(0, 3))
@example([("&amp;lt;", "&lt;"), ("", "\r\n")], 0)
def test_rows_are_read_as_they_were_sent(rows: list[tuple[str, str]], handle: int) -> None:
    columns = (Column.COLL_NAME, Column.DATA_NAME)
    message = query_results.encode([int(c) for c in columns], rows, continue_index=handle)
    assert parse_rows(message, columns) == (rows, handle)


def test_columns_are_paired_by_their_numbers_not_by_their_order() -> None:
    columns = (Column.COLL_NAME, Column.DATA_NAME)
    message = query_results.encode([int(c) for c in reversed(columns)], [("name", "collection")])
    assert parse_rows(message, columns) == ([("collection", "name")], 0)


def test_no_rows_are_read_of_an_empty_answer() -> None:
    assert parse_rows(query_results.encode((), ()), (Column.COLL_NAME,)) == ([], 0)


def test_bytes_that_are_no_text_spoil_only_their_own_name() -> None:
    message = query_results.encode([401], [("X",), ("good",)]).replace(b">X<", b">\xff\xfe<")
    assert parse_rows(message, (Column.DATA_ID,))[0] == [("\udcff\udcfe",), ("good",)]
