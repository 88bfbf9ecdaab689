"""GenQuery2 queries, run on a small catalog."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.genquery.columns import BY_NAME
from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_BIND_VARIABLE_LIMIT_EXCEEDED,
    SYS_INVALID_INPUT_PARAM,
    SYS_LIBRARY_ERROR,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.genquery2 import DEFAULT_LIMIT, build
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer
from tests.unit.irods_zone.genquery_catalog import (
    ADMIN,
    ALICE,
    BOB,
    STRANGER,
    UNTIMED,
    empty_catalog,
    new_catalog,
    run,
)

CATALOG = new_catalog()


def query(text: str, viewer: Viewer = ADMIN) -> list[tuple[object, ...]]:
    return run(CATALOG, build(text, viewer))


def names(condition: str) -> list[object]:
    """Names of data objects, each once, in order."""
    return [name for (name,) in query(f"select distinct DATA_NAME where {condition} order by DATA_NAME")]


def refusal(text: str) -> QueryError:
    with pytest.raises(QueryError) as refused:
        build(text, ADMIN)
    return refused.value


# Conditions


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("DATA_NAME = 'cell.tif'", ["cell.tif"]),
        ("DATA_NAME != 'cell.tif'", ["Secret.txt", "retina.png"]),
        ("DATA_NAME <> 'cell.tif'", ["Secret.txt", "retina.png"]),
        ("DATA_NAME < 'cell.tif'", ["Secret.txt"]),
        ("DATA_NAME <= 'cell.tif'", ["Secret.txt", "cell.tif"]),
        ("DATA_NAME > 'cell.tif'", ["retina.png"]),
        ("DATA_NAME >= 'cell.tif'", ["cell.tif", "retina.png"]),
        ("DATA_NAME like '%.t%'", ["Secret.txt", "cell.tif"]),
        ("DATA_NAME like 'secret%'", []),
        ("DATA_NAME like 'cell\\_tif'", []),
        ("DATA_NAME not like '%.t%'", ["retina.png"]),
        ("DATA_NAME in ('cell.tif', 'retina.png')", ["cell.tif", "retina.png"]),
        ("DATA_NAME not in ('cell.tif', 'retina.png')", ["Secret.txt"]),
        ("DATA_NAME between 'a' and 'd'", ["cell.tif"]),
        ("DATA_NAME not between 'a' and 'd'", ["Secret.txt", "retina.png"]),
        ("DATA_CHECKSUM is not null", ["Secret.txt", "cell.tif", "retina.png"]),
        ("DATA_CHECKSUM is null", []),
        ("DATA_SIZE > '7'", ["cell.tif", "retina.png"]),
        ("DATA_SIZE in ('7', '100')", ["Secret.txt", "cell.tif"]),
        ("cast(META_DATA_ATTR_VALUE as bigint) > '500'", ["retina.png"]),
        ("META_DATA_ATTR_VALUE > '500'", ["cell.tif", "retina.png"]),
        ("cast(DATA_SIZE as varchar) like '1%'", ["cell.tif"]),
        ("cast(DATA_SIZE as varchar(2)) = '25'", ["retina.png"]),
        ("lower(DATA_NAME) = 'secret.txt'", ["Secret.txt"]),
        ("upper(DATA_NAME) like 'CELL%'", ["cell.tif"]),
        ("length(DATA_NAME) > '9'", ["Secret.txt", "retina.png"]),
        ("concat(COLL_NAME, '/', DATA_NAME) = '/z/home/bob/Secret.txt'", ["Secret.txt"]),
        ("concat(DATA_NAME, 1, -2) = 'cell.tif1-2'", ["cell.tif"]),
        ("DATA_NAME = '\\x63ell\\x2Etif'", ["cell.tif"]),
        ("DATA_RESC_HIER = 'root;tape'", ["Secret.txt", "cell.tif"]),
        ("DATA_RESC_HIER like '%;disk'", ["cell.tif", "retina.png"]),
        ("RESC_NAME = 'disk'", ["cell.tif", "retina.png"]),
        ("META_DATA_ATTR_NAME = 'state' and META_DATA_ATTR_VALUE = 'sealed'", ["cell.tif"]),
        (
            "META_DATA_ATTR_NAME = 'state' or DATA_NAME = 'Secret.txt'",
            ["Secret.txt", "cell.tif", "retina.png"],
        ),
        ("META_DATA_ATTR_NAME is null", ["Secret.txt"]),
        ("META_COLL_ATTR_NAME = 'ingest'", ["cell.tif", "retina.png"]),
        ("DATA_ACCESS_USER_NAME = 'bob'", ["Secret.txt", "cell.tif", "retina.png"]),
        ("DATA_ACCESS_PERM_NAME = 'own'", ["Secret.txt", "cell.tif"]),
    ],
)
def test_an_operator_finds_what_it_says(condition: str, found: list[str]) -> None:
    assert names(condition) == found


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("{cell} or {retina} and {secret}", ["cell.tif"]),
        ("({cell} or {retina}) and {secret}", []),
        ("not {cell} and not {retina}", ["Secret.txt"]),
        ("not ({cell} or {retina})", ["Secret.txt"]),
        ("not {cell} or {cell}", ["Secret.txt", "cell.tif", "retina.png"]),
        ("not not {cell}", ["cell.tif"]),
        ("{secret} AND {secret} OR ({retina})", ["Secret.txt", "retina.png"]),
    ],
)
def test_not_binds_tighter_than_and_and_that_tighter_than_or(condition: str, found: list[str]) -> None:
    parts = {
        "cell": "DATA_NAME = 'cell.tif'",
        "retina": "DATA_NAME = 'retina.png'",
        "secret": "DATA_NAME = 'Secret.txt'",
    }

    assert names(condition.format(**parts)) == found


def test_a_string_holds_quotes_and_bytes() -> None:
    catalog = empty_catalog()
    for number, name in enumerate(["it's", "é", "a\\x", "two\nlines"]):
        catalog.execute("insert into R_DATA_MAIN(data_id, data_name) values(?, ?)", (number, name))

    for literal, number in (
        ("it''s", 0),
        ("it\\x27s", 0),
        ("\\xC3\\xA9", 1),
        ("é", 1),
        ("a\\x", 2),
        ("two\nlines", 3),
    ):
        statement = build(f"select DATA_ID where DATA_NAME = '{literal}'", ADMIN)
        assert run(catalog, statement) == [(number,)], literal


# What is selected


def test_duplicates_stay_unless_the_query_is_distinct() -> None:
    """iRODS 5 joins the access lists: four entries of the collection times two of the object."""
    once = ("/z/home/alice", "cell.tif", 0)
    text = "COLL_NAME, DATA_NAME, DATA_REPL_NUM where DATA_NAME = 'cell.tif' and DATA_REPL_NUM = '0'"

    assert query(f"select distinct {text}") == [once]
    assert query(f"select {text}") == [once] * 8


def test_a_collection_of_one_user_comes_once() -> None:
    assert query("SELECT COLL_NAME WHERE COLL_NAME = '/z/home/bob'") == [("/z/home/bob",)]


def test_an_admin_sees_what_is_on_nobodys_list() -> None:
    assert query("select COLL_NAME where COLL_NAME = '/z/home/alice2'") == [("/z/home/alice2",)]


@pytest.mark.parametrize(
    ("projection", "value"),
    [
        ("count(distinct DATA_ID)", 3),
        ("min(DATA_NAME)", "Secret.txt"),
        ("MAX(DATA_SIZE)", 2500),
        ("sum(distinct DATA_SIZE)", 2607),
        ("avg(distinct DATA_SIZE)", 869.0),
        ("max(length(DATA_NAME))", 10),
        ("concat(min(DATA_NAME), ' ', max(DATA_NAME))", "Secret.txt retina.png"),
        ("sum(cast(DATA_REPL_NUM as decimal))", 2),
    ],
)
def test_an_aggregate_is_made_of_all_rows(projection: str, value: object) -> None:
    assert query(f"select {projection}") == [(value,)]


def test_groups_have_an_aggregate_each() -> None:
    text = (
        "select DATA_NAME, max(DATA_REPL_NUM) group by DATA_NAME order by max(DATA_REPL_NUM) desc, DATA_NAME"
    )

    assert query(text) == [("cell.tif", 1), ("Secret.txt", 0), ("retina.png", 0)]


def test_a_group_is_of_the_column_as_it_was_selected() -> None:
    text = "select cast(DATA_SIZE as varchar(1)), count(distinct DATA_ID) group by DATA_SIZE"

    assert sorted(query(text)) == [("1", 1), ("2", 1), ("7", 1)]
    assert "substr" in build(text, ADMIN).sql.partition("group by")[2]


@pytest.mark.parametrize(
    ("ending", "found"),
    [
        ("order by DATA_SIZE", [7, 100, 2500]),
        ("order by DATA_SIZE asc", [7, 100, 2500]),
        ("order by DATA_SIZE desc", [2500, 100, 7]),
        ("order by DATA_SIZE limit 2", [7, 100]),
        ("order by DATA_SIZE limit 0", []),
        ("order by DATA_SIZE offset 1", [100, 2500]),
        ("order by DATA_SIZE offset 1 limit 1", [100]),
        ("order by DATA_SIZE limit 1 offset 1", [100]),
        ("order by DATA_SIZE fetch first 1 rows only", [7]),
        ("order by DATA_SIZE offset 2 fetch first 1 rows only", [2500]),
        ("FETCH FIRST 2 ROWS ONLY OFFSET 1 ORDER BY DATA_SIZE DESC", [100, 7]),
    ],
)
def test_order_and_range(ending: str, found: list[int]) -> None:
    assert [size for (size,) in query(f"select distinct DATA_SIZE {ending}")] == found


def test_a_query_without_a_limit_gets_256_rows() -> None:
    catalog = empty_catalog()
    for number in range(DEFAULT_LIMIT + 10):
        catalog.execute("insert into R_DATA_MAIN(data_id, data_name) values(?, ?)", (number, str(number)))

    assert len(run(catalog, build("select DATA_ID", ADMIN))) == DEFAULT_LIMIT == 256
    assert len(run(catalog, build("select DATA_ID limit 1000", ADMIN))) == DEFAULT_LIMIT + 10


def test_values_are_bound_in_the_order_of_their_places() -> None:
    text = (
        "select distinct concat('p', DATA_NAME), concat(DATA_NAME, 's')"
        " where concat('w', DATA_NAME) = 'wcell.tif' and DATA_NAME in ('a', 'cell.tif')"
        " order by concat(DATA_NAME, 's'), concat('p', DATA_NAME)"
    )
    viewer = Viewer(ALICE, is_admin=False)
    statement = build(text, viewer)

    assert statement.parameters == ["p", "s", "w", "wcell.tif", "a", "cell.tif", ALICE, 1050, "s", "p"]
    assert statement.sql.count("?") == len(statement.parameters)
    assert run(CATALOG, statement) == [("pcell.tif", "cell.tifs")]


def test_the_sql_names_the_catalogs_tables() -> None:
    assert "R_COLL_MAIN" in build("select COLL_NAME", ADMIN).sql


# Who sees what


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        (ALICE, {("/z/home/alice", "cell.tif"), ("/z/home/alice", "retina.png")}),
        (BOB, {("/z/home/alice", "retina.png"), ("/z/home/bob", "Secret.txt")}),
        (STRANGER, set()),
    ],
)
def test_a_user_sees_what_he_or_his_group_may_read(user: int, seen: set[tuple[str, str]]) -> None:
    viewer = Viewer(user, is_admin=False)

    assert set(query("select COLL_NAME, DATA_NAME", viewer)) == seen
    assert (
        set(query("select COLL_NAME, DATA_NAME where COLL_NAME like '%' or DATA_NAME like '%'", viewer))
        == seen
    )


def test_what_is_readable_through_two_lists_comes_twice() -> None:
    viewer = Viewer(ALICE, is_admin=False)

    assert query("select COLL_NAME where COLL_NAME like '%alice'", viewer) == [("/z/home/alice",)] * 2


def test_the_permissions_of_a_user_are_his_own_rows_only() -> None:
    rows = query(
        "select DATA_NAME, DATA_ACCESS_USER_NAME, DATA_ACCESS_PERM_NAME", Viewer(BOB, is_admin=False)
    )

    assert set(rows) == {("retina.png", "bob", "read_object"), ("Secret.txt", "bob", "own")}


def test_avus_do_not_show_hidden_objects() -> None:
    assert query("select META_DATA_ATTR_VALUE", Viewer(STRANGER, is_admin=False)) == []


def test_a_ticket_counts_for_nothing() -> None:
    assert query("select DATA_NAME", Viewer(STRANGER, is_admin=False, ticket="tk-cell")) == []


# What is refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DATA_NAME",
        "select",
        "select where DATA_NAME = 'a'",
        "select DATA_NAME,",
        "select DATA_NAME DATA_ID",
        "select no distinct DATA_NAME",
        "select *",
        "select DATA_NAME where",
        "select DATA_NAME where DATA_NAME",
        "select DATA_NAME where DATA_SIZE > 5",
        "select DATA_NAME where 'a' = DATA_NAME",
        "select DATA_NAME where DATA_NAME = DATA_NAME",
        "select DATA_NAME where DATA_NAME = 'a' and",
        "select DATA_NAME where (DATA_NAME = 'a'",
        "select DATA_NAME where DATA_NAME = 'a')",
        "select DATA_NAME where DATA_NAME = 'a",
        "select DATA_NAME where DATA_NAME == 'a'",
        "select DATA_NAME where DATA_NAME not = 'a'",
        "select DATA_NAME where DATA_NAME in ()",
        "select DATA_NAME where DATA_NAME in 'a'",
        "select DATA_NAME where DATA_NAME between 'a', 'b'",
        "select DATA_NAME where DATA_NAME is 'a'",
        "select DATA_NAME where DATA_NAME = '\\xFF'",
        "select DATA_NAME where DATA_NAME = '\\x00'",
        "select DATA_NAME; drop table R_DATA_MAIN",
        "select DATA_NAME -- comment",
        "select DATA_NAME\r",
        "select DATA_NAME group by",
        "select DATA_NAME, count(DATA_ID) group by DATA_NAME having count(DATA_ID) > '1'",
        "select DATA_NAME order DATA_NAME",
        "select DATA_NAME order by DATA_NAME up",
        "select DATA_NAME limit -1",
        "select DATA_NAME limit 'a'",
        "select DATA_NAME limit 99999999999999999999",
        "select DATA_NAME limit 9223372036854775808",
        "select DATA_NAME limit 1 limit 2",
        "select DATA_NAME limit 1 fetch first 1 rows only",
        "select DATA_NAME offset 1 offset 1",
        "select DATA_NAME order by DATA_NAME limit 1 order by DATA_NAME",
        "select cast(DATA_SIZE as blob)",
        "select cast(DATA_SIZE bigint)",
        "select cast(lower(DATA_NAME) as text)",
        "select load_extension(DATA_NAME)",
        "select randomblob(DATA_SIZE)",
        "select hier(DATA_RESC_ID)",
        "select DATA_NAME where count() = 'a'",
        "select min(DATA_NAME, DATA_ID)",
        "select count(count(DATA_ID))",
        "select sum(length(max(DATA_NAME)))",
        "select DATA_NAME where count(DATA_ID) = '1'",
        "select lower(distinct DATA_NAME)",
        "select DATA_NAME where lower(distinct DATA_NAME) = 'a'",
        "select DATA_NAME, count(DATA_ID)",
        "select DATA_NAME, DATA_SIZE group by DATA_NAME",
        "select concat(DATA_NAME, count(DATA_ID))",
        "select distinct DATA_NAME order by DATA_SIZE",
        "select DATA_NAME, max(DATA_SIZE) group by DATA_NAME order by count(distinct DATA_ID)",
        "select sum(DATA_NAME)",
        "select avg('5'), DATA_NAME group by DATA_NAME",
        "select lower(DATA_SIZE)",
        "select DATA_NAME where DATA_SIZE like '1%'",
        "select DATA_NAME where DATA_SIZE = 'big'",
        "select DATA_NAME where length(DATA_NAME) = 'long'",
        "select DATA_NAME\0",
        "select DATA_NAME where DATA_NAME = '\ud800'",
    ],
)
def test_what_neither_the_parser_nor_postgresql_takes_is_refused(text: str) -> None:
    assert refusal(text).code == SYS_LIBRARY_ERROR == -167000


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("select NO_SUCH_COLUMN", "NO_SUCH_COLUMN"),
        ("select data_name", "try DATA_NAME"),
        ("select DATA_NAME where R_DATA_MAIN = 'a'", "R_DATA_MAIN"),
        ("select DATA_NAME where DATA_NAME = 'a' order by NOPE", "NOPE"),
        ("select DATA_OWNER_NAME", "DATA_OWNER_NAME"),
        ("select TICKET_STRING", "TICKET_STRING"),
        ("select COLL_NAME, RESC_NAME", "R_RESC_MAIN"),
        ("select COLL_NAME, DATA_RESC_HIER", "R_RESC_MAIN"),
        ("select ZONE_NAME, USER_NAME", "R_USER_MAIN"),
        ("select concat('a', 'b')", "no column"),
        ("select DATA_NAME order by COLL_NAME", "COLL_NAME"),
        ("select DATA_NAME order by META_DATA_ATTR_NAME", "META_DATA_ATTR_NAME"),
        ("select count(DATA_ID) group by DATA_NAME", "DATA_NAME"),
        ("select count()", "no column"),
    ],
)
def test_what_names_no_columns_that_belong_together_is_refused(text: str, culprit: str) -> None:
    error = refusal(text)

    assert error.code == SYS_INVALID_INPUT_PARAM == -130000
    assert culprit in error.message


def test_a_message_tells_where() -> None:
    assert "position 17" in refusal("select DATA_NAME nope").message
    assert "iRODS 4.3" in refusal("select no distinct DATA_NAME").message


MANY_TERMS = " and ".join(["DATA_NAME = 'cell.tif'"] * 40)
NEITHER = "DATA_SIZE = '1' or "


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 11 + "DATA_NAME = 'cell.tif'" + ")" * 11,
        "not " * 10 + "DATA_NAME = 'cell.tif'",
        f"{NEITHER} (DATA_NAME like 'c%' and (" * 5 + "DATA_NAME = 'cell.tif'" + "))" * 5,
        f"{MANY_TERMS} and ({NEITHER}" * 5 + MANY_TERMS + ")" * 5,
        "lower(" * 11 + "DATA_NAME" + ")" * 11 + "= 'cell.tif'",
        "concat('', " * 11 + "DATA_NAME" + ")" * 11 + "= 'cell.tif'",
        " or ".join(["DATA_NAME = 'cell.tif'"] * 3000),
        " and ".join(["DATA_NAME = 'cell.tif'"] * 3000),
        "DATA_NAME in (" + ", ".join(["'cell.tif'"] * 30000) + ")",
        "length(concat(" + ", ".join(["DATA_NAME"] * 100) + ")) = '800'",
    ],
)
def test_sqlite_stands_what_the_limits_let_through(condition: str) -> None:
    assert names(condition) == ["cell.tif"]


@UNTIMED
@given(
    st.lists(
        st.sampled_from(["concat('', ", "lower(", "not (", f"{NEITHER} (", f"{MANY_TERMS} and (", "("]),
        max_size=14,
    )
)
@example([f"{NEITHER} (", "not ("] * 3 + ["concat('', "] * 6)
def test_any_nesting_runs_or_is_refused(openings: list[str]) -> None:
    logic = [opening for opening in openings if opening not in {"concat('', ", "lower("}]
    calls = [opening for opening in openings if opening in {"concat('', ", "lower("}]
    condition = "".join([*logic, *calls, "DATA_NAME", ")" * len(calls), " = 'a'", ")" * len(logic)])

    try:
        statement = build(f"select DATA_NAME, DATA_SIZE where {condition}", Viewer(ALICE, is_admin=False))
    except QueryError as error:
        assert error.code == SYS_LIBRARY_ERROR  # noqa: PT017
        return

    run(CATALOG, statement)


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 5000 + "DATA_NAME = 'a'" + ")" * 5000,
        "not " * 5000 + "DATA_NAME = 'a'",
        "lower(" * 5000,
        f"{MANY_TERMS} and ({NEITHER}" * 7 + MANY_TERMS + ")" * 7,
        "concat(" + ", ".join(["DATA_NAME"] * 101) + ") = 'a'",
    ],
)
def test_what_goes_beyond_the_limits_is_refused(condition: str) -> None:
    assert refusal(f"select DATA_NAME where {condition}").code == SYS_LIBRARY_ERROR


def test_more_values_than_the_server_binds_are_refused() -> None:
    values = ", ".join(["'a'"] * 32001)

    assert refusal(f"select DATA_NAME where DATA_NAME in ({values})").code == CAT_BIND_VARIABLE_LIMIT_EXCEEDED


# Any text

WORDS = st.sampled_from(
    [
        *sorted(BY_NAME),
        *(
            "select",
            "distinct",
            "no",
            "where",
            "and",
            "or",
            "not",
            "like",
            "in",
            "between",
            "is",
            "null",
            "cast",
            "as",
        ),
        *(
            "group",
            "order",
            "by",
            "asc",
            "desc",
            "limit",
            "offset",
            "fetch",
            "first",
            "rows",
            "only",
            "having",
        ),
        *(
            "count",
            "min",
            "max",
            "sum",
            "avg",
            "concat",
            "lower",
            "upper",
            "length",
            "bigint",
            "varchar",
            "decimal",
        ),
        *(
            "(",
            ")",
            ",",
            "=",
            "!=",
            "<",
            ">=",
            "'a'",
            "'1'",
            "'%'",
            "''",
            "'",
            "1",
            "-1",
            "0",
            "--",
            ";",
            "*",
            "\\x41",
        ),
    ]
)
QUERIES = st.one_of(
    st.text(),
    st.lists(WORDS).map(" ".join),
    st.lists(WORDS).map(lambda words: " ".join(["select", "DATA_NAME", *words])),
    st.lists(WORDS).map(
        lambda words: " ".join(["select distinct DATA_NAME, COLL_NAME where DATA_NAME = 'a'", *words])
    ),
)


@UNTIMED
@given(text=QUERIES, viewer=st.sampled_from([ADMIN, Viewer(STRANGER, is_admin=False)]))
@example(
    text="select DATA_NAME where DATA_NAME = 'x'' or ''1'' = ''1'", viewer=Viewer(STRANGER, is_admin=False)
)
def test_any_text_runs_or_is_refused(text: str, viewer: Viewer) -> None:
    try:
        statement = build(text, viewer)
    except QueryError:
        return

    run(CATALOG, statement)
    assert statement.sql.count("?") == len(statement.parameters)


NAMES = st.sampled_from(
    ["DATA_NAME", "DATA_SIZE", "COLL_NAME", "RESC_NAME", "META_DATA_ATTR_VALUE", "DATA_RESC_HIER"]
)
CASTS = st.builds(
    "cast({} as {})".format, NAMES, st.sampled_from(["bigint", "varchar(3)", "text", "decimal"])
)
CALLS = st.sampled_from(["count", "min", "max", "sum", "avg", "concat", "length", "lower", "count(distinct"])
EXPRESSIONS = st.recursive(
    NAMES | CASTS,
    lambda inner: st.builds(
        lambda call, argument: f"{call} {argument})" if call.endswith("distinct") else f"{call}({argument})",
        CALLS,
        inner,
    ),
    max_leaves=3,
)
TESTS = st.builds(
    "{} {}".format,
    EXPRESSIONS,
    st.sampled_from(
        ["= '5'", "> 'a'", "like '%a%'", "not in ('1', '2')", "between '1' and '9'", "is not null"]
    ),
)
SENTENCES = st.builds(
    "select {}{}{}{}{}{}".format,
    st.sampled_from(["", "distinct "]),
    st.lists(EXPRESSIONS, min_size=1, max_size=3).map(", ".join),
    st.lists(TESTS, max_size=3).map(lambda tests: " where " + " or ".join(tests) if tests else ""),
    st.lists(NAMES, max_size=2).map(lambda keys: " group by " + ", ".join(keys) if keys else ""),
    st.lists(EXPRESSIONS, max_size=2).map(lambda keys: " order by " + ", ".join(keys) if keys else ""),
    st.sampled_from(["", " limit 3", " offset 1"]),
)


@UNTIMED
@given(text=SENTENCES, viewer=st.sampled_from([ADMIN, Viewer(ALICE, is_admin=False)]))
def test_any_sentence_of_the_grammar_runs_or_is_refused(text: str, viewer: Viewer) -> None:
    try:
        statement = build(text, viewer)
    except QueryError:
        return

    run(CATALOG, statement)


COLUMN_LISTS = st.lists(st.sampled_from(sorted(BY_NAME)), min_size=1, max_size=6)


@UNTIMED
@given(
    columns=COLUMN_LISTS,
    conditions=COLUMN_LISTS,
    viewer=st.sampled_from([ADMIN, Viewer(ALICE, is_admin=False)]),
)
def test_any_columns_either_make_a_query_that_runs_or_are_refused(
    columns: list[str], conditions: list[str], viewer: Viewer
) -> None:
    where = " and ".join(f"{name} = '1'" for name in conditions)
    try:
        statement = build(f"select {', '.join(columns)} where {where} order by {columns[0]}", viewer)
    except QueryError as error:
        assert error.code == SYS_INVALID_INPUT_PARAM  # noqa: PT017
        return

    run(CATALOG, statement)


# Filters against an oracle: the same condition, read by Python


class Row(NamedTuple):
    number: int
    name: str
    size: int
    checksum: str | None


Truth = bool | None  # None: SQL's unknown


@dataclass(frozen=True)
class Filter:
    """The text of a condition, and what it makes of a row."""

    text: str
    holds: Callable[[Row], Truth]

    def __repr__(self) -> str:
        return self.text


VALUES = st.text(st.sampled_from("aAb%_\\'é1"), max_size=3)
NUMBERS = st.integers(-3, 3)


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\x5c").replace("'", "''") + "'"


def text_column(row: Row, name: str) -> str | None:
    return {"DATA_NAME": row.name, "DATA_CHECKSUM": row.checksum}[name]


def matches(pattern: str, value: str) -> bool:
    parts, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
            parts += re.escape(pattern[position]) if position < len(pattern) else "(?!)"
        else:
            parts += {"%": ".*", "_": "."}.get(character, re.escape(character))
        position += 1
    return re.fullmatch(parts, value, re.DOTALL) is not None


COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def on_text(text: str, name: str, test: Callable[[str], bool]) -> Filter:
    def holds(row: Row) -> Truth:
        value = text_column(row, name)
        return None if value is None else test(value)

    return Filter(f"{name} {text}", holds)


def invert(truth: Truth) -> Truth:
    return None if truth is None else not truth


def both(left: Truth, right: Truth) -> Truth:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


TEXT_COLUMNS = st.sampled_from(["DATA_NAME", "DATA_CHECKSUM"])


@st.composite
def text_filters(draw: st.DrawFn) -> Filter:
    name, low, high = draw(TEXT_COLUMNS), draw(VALUES), draw(VALUES)
    operator = draw(st.sampled_from(sorted(COMPARE)))
    negation = draw(st.sampled_from(["", "not "]))
    plain = not negation
    return draw(
        st.sampled_from(
            [
                on_text(f"{operator} {quoted(low)}", name, lambda value: COMPARE[operator](value, low)),
                on_text(f"{negation}like {quoted(low)}", name, lambda value: matches(low, value) is plain),
                on_text(
                    f"{negation}in ({quoted(low)}, {quoted(high)})",
                    name,
                    lambda value: (value in (low, high)) is plain,
                ),
                on_text(
                    f"{negation}between {quoted(low)} and {quoted(high)}",
                    name,
                    lambda value: (low <= value <= high) is plain,
                ),
                Filter(f"{name} is {negation}null", lambda row: (text_column(row, name) is None) is plain),
            ]
        )
    )


@st.composite
def number_filters(draw: st.DrawFn) -> Filter:
    operator, limit = draw(st.sampled_from(["=", "!=", "<", ">="])), draw(NUMBERS)
    compared: dict[str, Callable[[int], bool]] = {
        "=": lambda value: value == limit,
        "!=": lambda value: value != limit,
        "<": lambda value: value < limit,
        ">=": lambda value: value >= limit,
    }
    return Filter(f"DATA_SIZE {operator} '{limit}'", lambda row: compared[operator](row.size))


def negations(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return inner.map(lambda term: Filter(f"not ({term.text})", lambda row: invert(term.holds(row))))


def conjunctions(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.builds(
        lambda left, right: Filter(
            f"({left.text}) and ({right.text})", lambda row: both(left.holds(row), right.holds(row))
        ),
        inner,
        inner,
    )


def disjunctions(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.builds(
        lambda left, right: Filter(
            f"({left.text}) or ({right.text})",
            lambda row: invert(both(invert(left.holds(row)), invert(right.holds(row)))),
        ),
        inner,
        inner,
    )


FILTERS = st.recursive(
    text_filters() | number_filters(),
    lambda inner: negations(inner) | conjunctions(inner) | disjunctions(inner),
    max_leaves=6,
)
ROWS = st.lists(st.tuples(VALUES, NUMBERS, st.none() | VALUES), max_size=6).map(
    lambda rows: [Row(number, *row) for number, row in enumerate(rows)]
)


def catalog_of(rows: list[Row]) -> sqlite3.Connection:
    catalog = empty_catalog()
    sql = "insert into R_DATA_MAIN(data_id, data_name, data_size, data_checksum) values(?, ?, ?, ?)"
    catalog.executemany(sql, rows)
    return catalog


@UNTIMED
@given(rows=ROWS, condition=FILTERS)
def test_a_filter_finds_the_rows_that_python_finds(rows: list[Row], condition: Filter) -> None:
    statement = build(f"select DATA_ID where {condition.text} order by DATA_ID", ADMIN)

    found = [number for (number,) in run(catalog_of(rows), statement)]
    assert found == [row.number for row in rows if condition.holds(row) is True]


@UNTIMED
@given(rows=ROWS, condition=FILTERS, limit=st.integers(0, 8), offset=st.integers(0, 8))
def test_groups_order_and_range_are_those_that_python_makes(
    rows: list[Row], condition: Filter, limit: int, offset: int
) -> None:
    text = f"select DATA_SIZE, count(DATA_ID) where {condition.text} group by DATA_SIZE"
    statement = build(f"{text} order by DATA_SIZE desc limit {limit} offset {offset}", ADMIN)

    groups = Counter(row.size for row in rows if condition.holds(row) is True)
    expected = sorted(groups.items(), reverse=True)[offset : offset + limit]
    assert run(catalog_of(rows), statement) == expected
