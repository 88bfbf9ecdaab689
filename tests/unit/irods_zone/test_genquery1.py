"""GenQuery1 requests, run on a small catalog."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.genquery.columns import BY_NUMBER
from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_BIND_VARIABLE_LIMIT_EXCEEDED,
    CAT_INVALID_ARGUMENT,
    CAT_SQL_ERR,
    CAT_UNKNOWN_TABLE,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.genquery1 import (
    Aggregate,
    Condition,
    QueryOption,
    Select,
    SelectOption,
    build,
)
from omero_irods_sandbox.irods_zone.genquery.statement import Statement
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer
from tests.unit.irods_zone.genquery_catalog import (
    ADMIN,
    ALICE,
    ALICE_COLLECTION,
    BOB,
    CELL,
    LAB,
    RETINA,
    SECRET,
    SIBLING_COLLECTION,
    STRANGER,
    UNTIMED,
    empty_catalog,
    new_catalog,
    run,
)

USER_NAME, GROUP_NAME, RESC_NAME = 202, 901, 302
DATA_ID, DATA_NAME, REPLICA, SIZE, PATH, RESC_HIER, MODIFIED = 401, 403, 404, 407, 410, 422, 420
COLL_ID, COLL_NAME, COLL_COMMENT = 500, 501, 507
AVU_NAME, AVU_VALUE, AVU_UNIT = 600, 601, 602
COLL_AVU_NAME, RESC_AVU_NAME, USER_AVU_NAME = 610, 630, 640
TICKET_ID, TICKET_STRING = 2200, 2201

CATALOG = new_catalog()


def select(*columns: int | Select) -> list[Select]:
    return [column if isinstance(column, Select) else Select(column) for column in columns]


def where(*conditions: tuple[int, str]) -> list[Condition]:
    return [Condition(*condition) for condition in conditions]


def query(
    selects: Sequence[int | Select],
    *conditions: tuple[int, str],
    options: int = 0,
    offset: int = 0,
    viewer: Viewer = ADMIN,
) -> list[tuple[object, ...]]:
    return run(CATALOG, build(select(*selects), where(*conditions), options, offset, viewer))


def names(*conditions: tuple[int, str], options: int = 0) -> list[object]:
    """Names of data objects, in order."""
    return [name for (name,) in query([DATA_NAME], *conditions, options=options)]


def refusal(*arguments: object, **options: int) -> QueryError:
    """What a query is refused with."""
    with pytest.raises(QueryError) as refused:
        query(*arguments, **options)  # type: ignore[arg-type]
    return refused.value


# Operators


@pytest.mark.parametrize(
    ("column", "condition", "found"),
    [
        (DATA_NAME, "= 'cell.tif'", ["cell.tif"]),
        (DATA_NAME, "<> 'cell.tif'", ["Secret.txt", "retina.png"]),
        (DATA_NAME, "!= 'cell.tif'", ["Secret.txt", "retina.png"]),
        (DATA_NAME, "< 'cell.tif'", ["Secret.txt"]),
        (DATA_NAME, "<= 'cell.tif'", ["Secret.txt", "cell.tif"]),
        (DATA_NAME, "> 'cell.tif'", ["retina.png"]),
        (DATA_NAME, ">= 'cell.tif'", ["cell.tif", "retina.png"]),
        (DATA_NAME, "like '%e%.t%'", ["Secret.txt", "cell.tif"]),
        (DATA_NAME, "like 'secret%'", []),
        (DATA_NAME, "like 'cell_tif'", ["cell.tif"]),
        (DATA_NAME, "like 'cell\\_tif'", []),
        (DATA_NAME, "like 'cell\\.tif'", ["cell.tif"]),
        (DATA_NAME, "not like '%.t%'", ["retina.png"]),
        (DATA_NAME, "in ('cell.tif','retina.png','nope')", ["cell.tif", "retina.png"]),
        (DATA_NAME, "between 'a' 'd'", ["cell.tif"]),
        (DATA_NAME, "begin_of 'cell.tif.bak'", ["cell.tif"]),
        (DATA_NAME, "= 'cell.tif' || = 'retina.png'", ["cell.tif", "retina.png"]),
        (DATA_NAME, "like '%.t%' && not like 'S%'", ["cell.tif"]),
        (DATA_NAME, "= 'retina.png' || like '%.t%' && like 'S%'", ["Secret.txt", "retina.png"]),
        (DATA_NAME, "IS NOT NULL", ["Secret.txt", "cell.tif", "retina.png"]),
        (DATA_NAME, "IS NULL", []),
        (COLL_NAME, "parent_of '/z/home/alice/deep'", ["cell.tif", "retina.png"]),
        (SIZE, "= '100'", ["cell.tif"]),
        (SIZE, "> '7'", ["cell.tif", "retina.png"]),  # as numbers: '100' is less than '7' as text
        (SIZE, "n> '7'", ["cell.tif", "retina.png"]),
        (SIZE, "in ('7','100')", ["Secret.txt", "cell.tif"]),
        (SIZE, "between '50' '200'", ["cell.tif"]),
        (AVU_VALUE, "> '200'", ["cell.tif", "retina.png"]),  # as text: 'open', 'sealed', '2500'
        (AVU_VALUE, "n> '200'", ["retina.png"]),
        (AVU_VALUE, "n>= '99.5' && < '1e3'", ["cell.tif"]),
        (MODIFIED, "between '01700000050' '01700000250'", ["cell.tif", "retina.png"]),
    ],
)
def test_an_operator_finds_what_it_says(column: int, condition: str, found: list[str]) -> None:
    assert names((column, condition)) == found


def test_conditions_must_all_hold() -> None:
    assert names((DATA_NAME, "like '%.t%'"), (SIZE, "n> '50'")) == ["cell.tif"]


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        (SIZE, "= 'big'"),
        (SIZE, "= ''"),
        (SIZE, "= '1.5'"),
        (SIZE, "> '99999999999999999999'"),
        (SIZE, "like '1%'"),
        (SIZE, "begin_of '100'"),
        (SIZE, "in ('1','x')"),
        (DATA_ID, "between '1' 'x'"),
        (AVU_VALUE, "n> 'many'"),
        (AVU_VALUE, "n> 'inf'"),
    ],
)
def test_a_number_is_compared_with_numbers_only(column: int, condition: str) -> None:
    assert refusal([DATA_NAME], (column, condition)).code == CAT_SQL_ERR == -806000


# What is selected


def test_duplicates_go_unless_the_client_wants_them() -> None:
    assert query([SIZE], (DATA_NAME, "= 'cell.tif'")) == [(100,)]
    assert query([SIZE], (DATA_NAME, "= 'cell.tif'"), options=QueryOption.NO_DISTINCT) == [(100,), (100,)]


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        (Aggregate.MIN, 7),
        (Aggregate.MAX, 2500),
        (Aggregate.SUM, 100 + 100 + 2500 + 7),
        (Aggregate.AVG, (100 + 100 + 2500 + 7) / 4),
        (Aggregate.COUNT, 4),
    ],
)
def test_an_aggregate_is_made_of_all_rows(aggregate: Aggregate, value: float) -> None:
    assert query([Select(SIZE, aggregate)]) == [(value,)]


def test_plain_columns_group_the_aggregated_ones() -> None:
    rows = query([COLL_NAME, Select(DATA_ID, Aggregate.COUNT), Select(SIZE, Aggregate.SUM)])

    assert rows == [("/z/home/alice", 3, 2700), ("/z/home/bob", 1, 7)]


@pytest.mark.parametrize("aggregate", [Aggregate.SUM, Aggregate.AVG])
def test_text_has_no_sum(aggregate: Aggregate) -> None:
    assert refusal([Select(DATA_NAME, aggregate)]).code == CAT_SQL_ERR


@pytest.mark.parametrize("option", [0, 1, 7, 15])
def test_other_options_are_the_column_itself(option: int) -> None:
    assert query([Select(DATA_NAME, option)], (SIZE, "= '7'")) == [("Secret.txt",)]


def test_rows_are_ordered_by_collection_name_and_replica() -> None:
    rows = query([REPLICA, DATA_NAME, COLL_NAME])

    assert rows == [
        (0, "cell.tif", "/z/home/alice"),
        (1, "cell.tif", "/z/home/alice"),
        (0, "retina.png", "/z/home/alice"),
        (0, "Secret.txt", "/z/home/bob"),
    ]


def test_the_order_that_the_client_asks_for_comes_first() -> None:
    up = query([DATA_NAME, Select(SIZE, SelectOption.ORDER_BY)])
    down = query([DATA_NAME, Select(SIZE, 1 | SelectOption.ORDER_BY_DESC)])

    assert [size for _, size in up] == [7, 100, 2500]
    assert down == list(reversed(up))


def test_the_reply_knows_its_columns() -> None:
    statement = build(select(DATA_NAME, 408), [], QueryOption.AUTO_CLOSE, 0, ADMIN)

    assert statement.columns == (DATA_NAME, 408)
    assert statement.auto_close
    assert statement.count is None


def test_an_offset_leaves_rows_out_and_the_total_counts_them() -> None:
    statement = build(select(DATA_NAME), [], QueryOption.RETURN_TOTAL_ROW_COUNT, 2, ADMIN)

    assert run(CATALOG, statement) == [("retina.png",)]
    assert statement.count is not None
    assert run(CATALOG, statement.count) == [(3,)]


def test_an_offset_behind_the_end_finds_nothing() -> None:
    assert query([DATA_NAME], offset=99) == []
    assert query([DATA_NAME], offset=-1) == query([DATA_NAME])


def test_upper_case_compares_without_case() -> None:
    assert names((DATA_NAME, "= 'CELL.TIF'")) == []
    assert names((DATA_NAME, "= 'CELL.TIF'"), options=QueryOption.UPPER_CASE_WHERE) == ["cell.tif"]
    assert names((DATA_NAME, "like 'S%' || in ('RETINA.PNG')"), options=QueryOption.UPPER_CASE_WHERE) == [
        "Secret.txt",
        "retina.png",
    ]


def test_numbers_have_no_upper_case() -> None:
    """Seen on real servers: irods/irods issue 8222."""
    assert refusal([DATA_NAME], (SIZE, "= '7'"), options=QueryOption.UPPER_CASE_WHERE).code == CAT_SQL_ERR
    assert names((SIZE, "n= '7'"), options=QueryOption.UPPER_CASE_WHERE) == ["Secret.txt"]


def test_a_hierarchy_is_the_way_from_the_root_to_the_leaf() -> None:
    assert query([RESC_HIER, 409], (DATA_NAME, "= 'cell.tif'")) == [
        ("root;disk", "disk"),
        ("root;tape", "tape"),
    ]
    assert names((RESC_HIER, "= 'root;tape'")) == ["Secret.txt", "cell.tif"]
    assert names((RESC_HIER, "not like '%disk'")) == ["Secret.txt", "cell.tif"]


@pytest.mark.parametrize("condition", ["in ('root;tape')", "<> 'x'", "> 'a'", "between 'a' 'b'", "IS NULL"])
def test_a_hierarchy_is_compared_in_four_ways_only(condition: str) -> None:
    assert refusal([DATA_NAME], (RESC_HIER, condition)).code == CAT_INVALID_ARGUMENT


def test_what_is_not_a_column_is_refused() -> None:
    assert refusal([99999]).code == CAT_UNKNOWN_TABLE
    assert refusal([DATA_NAME], (99999, "= 'a'")).code == CAT_UNKNOWN_TABLE


def test_limits_are_told_before_the_database_meets_them() -> None:
    assert refusal([DATA_NAME] * 51).code == CAT_INVALID_ARGUMENT
    assert refusal([DATA_NAME], offset=2**31).code == CAT_INVALID_ARGUMENT
    many = "in (" + ",".join(["'1'"] * 7000) + ")"
    assert refusal([DATA_NAME], *[(DATA_NAME, many)] * 5).code == CAT_BIND_VARIABLE_LIMIT_EXCEEDED


def test_thousands_of_alternatives_run() -> None:
    condition = " || ".join(["='cell.tif'"] * 2000)

    assert names((DATA_NAME, condition)) == ["cell.tif"]
    assert names(*[(DATA_NAME, "= 'cell.tif'")] * 2000) == ["cell.tif"]


# AVUs


def test_one_name_and_value_speak_of_one_avu() -> None:
    assert names((AVU_NAME, "= 'state'"), (AVU_VALUE, "= 'sealed'")) == ["cell.tif"]
    assert names((AVU_NAME, "= 'state'"), (AVU_VALUE, "= '100'")) == []
    assert names((AVU_NAME, "= 'bytes'"), (AVU_UNIT, "= 'B'"), (AVU_VALUE, "n> '500'")) == ["retina.png"]


def test_two_names_speak_of_two_avus_paired_with_the_values_in_order() -> None:
    state, size = (AVU_NAME, "= 'state'"), (AVU_NAME, "= 'bytes'")

    assert names(state, size) == ["cell.tif", "retina.png"]
    assert names(state, (AVU_VALUE, "= 'sealed'"), size, (AVU_VALUE, "= '100'")) == ["cell.tif"]
    assert names(state, size, (AVU_VALUE, "= 'sealed'"), (AVU_VALUE, "= '2500'")) == []
    assert names(size, state, (AVU_VALUE, "= 'sealed'"), (AVU_VALUE, "= '100'")) == []


def test_values_beyond_the_names_are_tests_of_the_first_avu() -> None:
    assert names((AVU_NAME, "= 'state'"), (AVU_VALUE, "like 's%'"), (AVU_VALUE, "like '%d'")) == ["cell.tif"]
    assert names((AVU_NAME, "= 'state'"), (AVU_VALUE, "like 's%'"), (AVU_VALUE, "like 'o%'")) == []


def test_each_test_of_a_compound_condition_is_a_value_to_pair() -> None:
    """handleMultiDataAVUConditions of general_query.cpp goes by the order in the SQL, where each test is."""
    state, size = (AVU_NAME, "= 'state'"), (AVU_NAME, "= 'bytes'")

    assert names(state, (AVU_VALUE, "like 's%' && like '%d'")) == ["cell.tif"]
    assert names(state, (AVU_VALUE, "like 's%' && like '%d'"), size, (AVU_VALUE, "= '100'")) == []
    assert names(size, (AVU_VALUE, "= '100'"), state, (AVU_VALUE, "like 's%' && like '%d'")) == []
    assert names(state, (AVU_VALUE, "like 's%' && = '100'"), size, (AVU_VALUE, "like '%d'")) == ["cell.tif"]


def test_the_unit_is_that_of_the_first_avu() -> None:
    state, size, unit = (AVU_NAME, "= 'state'"), (AVU_NAME, "= 'bytes'"), (AVU_UNIT, "= 'B'")

    assert names(size, state, unit) == ["cell.tif", "retina.png"]
    assert names(state, size, unit) == []


def test_two_avus_of_collections_are_two_and_those_of_others_are_refused() -> None:
    assert query([COLL_NAME], *[(COLL_AVU_NAME, "= 'ingest'")] * 2) == [("/z/home/alice",)]
    assert refusal([RESC_NAME], *[(RESC_AVU_NAME, "= 'site'")] * 2).code == CAT_INVALID_ARGUMENT
    assert refusal([USER_NAME], *[(USER_AVU_NAME, "= 'mail'")] * 2).code == CAT_INVALID_ARGUMENT


def test_two_avus_need_the_object_in_the_query() -> None:
    assert refusal([AVU_VALUE], *[(AVU_NAME, "= 'state'")] * 2).code == CAT_SQL_ERR


# Who sees what


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        (ALICE, [("/z/home/alice", "cell.tif"), ("/z/home/alice", "retina.png")]),
        (BOB, [("/z/home/alice", "retina.png"), ("/z/home/bob", "Secret.txt")]),
        (STRANGER, []),
    ],
)
def test_a_user_sees_what_he_or_his_group_may_read(user: int, seen: list[tuple[str, str]]) -> None:
    assert query([COLL_NAME, DATA_NAME], viewer=Viewer(user, is_admin=False)) == seen


def test_a_user_sees_the_collections_that_he_may_read() -> None:
    assert query([COLL_NAME], viewer=Viewer(BOB, is_admin=False)) == [
        ("/z/home",),
        ("/z/home/alice",),
        ("/z/home/bob",),
    ]
    assert query([COLL_NAME], viewer=Viewer(STRANGER, is_admin=False)) == []


def test_a_permission_below_reading_shows_nothing() -> None:
    rows = query([DATA_ID], viewer=Viewer(BOB, is_admin=False))

    assert (CELL,) not in rows
    assert set(rows) == {(RETINA,), (SECRET,)}


def test_an_admin_sees_all() -> None:
    assert len(query([COLL_ID, DATA_ID])) == 3


def test_a_condition_on_a_hidden_table_shows_nothing_either() -> None:
    """The size is asked for through the AVU alone: the object's permission still counts."""
    stranger = Viewer(STRANGER, is_admin=False)

    assert query([AVU_VALUE], (SIZE, "= '100'"), viewer=stranger) == []
    assert query([RESC_NAME], (DATA_NAME, "like '%'"), viewer=stranger) == []


def test_groups_are_found_by_their_members() -> None:
    assert sorted(query([GROUP_NAME], (USER_NAME, "= 'alice'"))) == [("alice",), ("lab",)]
    assert sorted(query([USER_NAME], (GROUP_NAME, "= 'lab'"))) == [("alice",), ("bob",), ("lab",)]


def test_users_and_resources_are_open_to_all() -> None:
    stranger = Viewer(STRANGER, is_admin=False)

    assert len(query([USER_NAME], viewer=stranger)) == 5
    assert len(query([RESC_NAME], viewer=stranger)) == 3


def test_a_ticket_shows_its_object_whatever_the_permissions() -> None:
    assert query([COLL_ID, DATA_ID], viewer=Viewer(STRANGER, is_admin=False, ticket="tk-cell")) == [
        (ALICE_COLLECTION, CELL)
    ]


def test_a_ticket_for_a_collection_shows_what_is_below_and_hides_the_rest() -> None:
    viewer = Viewer(BOB, is_admin=False, ticket="tk-alice")

    assert set(query([COLL_ID, DATA_ID], viewer=viewer)) == {
        (ALICE_COLLECTION, CELL),
        (ALICE_COLLECTION, RETINA),
    }
    # as the server has it: a path that begins like the ticket's, though it is a sibling
    assert set(query([COLL_ID], viewer=viewer)) == {(ALICE_COLLECTION,), (SIBLING_COLLECTION,)}
    assert query([COLL_ID], viewer=Viewer(ALICE, is_admin=False, ticket="no such")) == []


def test_with_a_ticket_data_objects_come_with_their_collection_only() -> None:
    viewer = Viewer(ALICE, is_admin=False, ticket="tk-cell")

    with pytest.raises(QueryError) as refused:
        query([DATA_ID], viewer=viewer)
    assert refused.value.code == CAT_SQL_ERR
    assert query([DATA_ID], (COLL_ID, "<> '0'"), viewer=viewer) == [(CELL,)]
    assert len(query([USER_NAME], viewer=viewer)) == 5


def test_an_admin_is_above_tickets() -> None:
    assert len(query([COLL_ID, DATA_ID], viewer=Viewer(1, is_admin=True, ticket="tk-cell"))) == 3


def test_ticket_strings_are_shown_to_their_owner_and_to_admins() -> None:
    bob = Viewer(BOB, is_admin=False)

    assert query([TICKET_STRING], viewer=bob) == [("tk-bob",)]
    assert len(query([TICKET_STRING])) == 3
    assert len(query([TICKET_ID], viewer=bob)) == 3


# Quotas


def test_the_quota_query_gives_a_users_and_his_groups_quotas_the_worst_first() -> None:
    statement = build([], where((USER_NAME, "bob#z")), QueryOption.QUOTA_QUERY, 0, ADMIN)

    rows = run(CATALOG, statement)
    assert statement.columns == (2000, 302, 2002, 2003, 2001)
    assert [row[3] for row in rows] == [
        10,
        10,
        10,
        -1,
        -5,
    ]  # the total comes once for each resource, as there
    assert rows[3:] == [(BOB, "tape", 50, -1, 12), (LAB, "disk", 50, -5, 11)]


def test_the_quota_query_keeps_to_a_resource_and_takes_the_local_zone() -> None:
    conditions = where((USER_NAME, "alice"), (RESC_NAME, "disk"))

    rows = run(CATALOG, build([], conditions, QueryOption.QUOTA_QUERY, 0, ADMIN))
    assert rows == [(LAB, "disk", 50, 10, 0), (LAB, "disk", 50, -5, 11)]


@pytest.mark.parametrize("conditions", [[], [(RESC_NAME, "disk")], [(USER_NAME, "a\0")]])
def test_the_quota_query_needs_a_user(conditions: list[tuple[int, str]]) -> None:
    with pytest.raises(QueryError) as refused:
        build([], where(*conditions), QueryOption.QUOTA_QUERY, 0, ADMIN)

    assert refused.value.code == CAT_INVALID_ARGUMENT


# Any text


ANY_CONDITION = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                *(
                    "= ",
                    "<>",
                    "n>",
                    "like ",
                    "not like ",
                    "in (",
                    "between ",
                    "begin_of ",
                    "parent_of ",
                    "IS NULL",
                ),
                *(
                    "'",
                    "''",
                    "'a'",
                    "'%'",
                    "||",
                    "&&",
                    ")",
                    "--",
                    ";",
                    "\\",
                    "?",
                    "1",
                    " ",
                    "or 1=1",
                    "\0",
                    "\ud800",
                ),
            ]
        )
    ).map("".join),
)


@UNTIMED
@given(
    column=st.sampled_from(sorted(BY_NUMBER)),
    text=ANY_CONDITION,
    options=st.sampled_from([0, 0x20, 0x200, 0x80]),
)
@example(column=DATA_NAME, text="= 'x') or 1=1 --'", options=0)
def test_any_text_as_a_condition_runs_or_is_refused(column: int, text: str, options: int) -> None:
    try:
        statement = build(select(column), where((column, text)), options, 0, Viewer(STRANGER, is_admin=False))
    except QueryError:
        return

    run(CATALOG, statement)
    assert_values_are_bound(statement)


def assert_values_are_bound(statement: Statement) -> None:
    """The SQL has no string of its own but the two that are always the same."""
    assert "'" not in statement.sql.replace("escape '\\'", "").replace("'local'", "")
    assert statement.sql.count("?") == len(statement.parameters)


@UNTIMED
@given(text=ANY_CONDITION)
def test_no_condition_shows_a_stranger_anything(text: str) -> None:
    try:
        statement = build(select(DATA_NAME), where((DATA_NAME, text)), 0, 0, Viewer(STRANGER, is_admin=False))
    except QueryError:
        return

    assert run(CATALOG, statement) == []


STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def catalog_of(*names: str) -> sqlite3.Connection:
    catalog = empty_catalog()
    for number, name in enumerate(names):
        row = (number, name)
        catalog.execute(
            "insert into R_DATA_MAIN(data_id, data_name, coll_id, data_repl_num) values(?, ?, 1, 0)", row
        )
    return catalog


def found(catalog: sqlite3.Connection, condition: str) -> list[object]:
    statement = build(select(DATA_NAME), where((DATA_NAME, condition)), 0, 0, ADMIN)
    return [name for (name,) in run(catalog, statement)]


def is_taken_for_a_compound(name: str) -> bool:
    """The server sees ``||`` and ``&&`` behind a quote in the name as connectives."""
    return bool(re.search(r"\|\||&&", re.sub("'[^']*'", "", f"'{name}'")))


@UNTIMED
@given(name=STORABLE, other=STORABLE)
@example(name="it's", other="its")
@example(name="a' or '1'='1", other="b")
@example(name="a || b", other="a")
def test_a_name_is_found_by_itself_and_nothing_else_is(name: str, other: str) -> None:
    assume(name != other)
    assume(
        not re.search(r"\|\||&&", re.sub("'[^']*'", "", f"'{name}'"))
    )  # the server takes it for a connective
    catalog = catalog_of(name, other)

    assert found(catalog, f"= '{name}'") == [name]
    assert found(catalog, f"<> '{name}'") == [other]


@UNTIMED
@given(name=STORABLE, other=STORABLE)
@example(name="a_c", other="abc")
@example(name="50%", other="50 percent")
@example(name="back\\slash", other="backslash")
def test_a_pattern_with_escaped_wildcards_finds_the_name_itself(name: str, other: str) -> None:
    assume(name != other)
    assume(not is_taken_for_a_compound(name))
    catalog = catalog_of(name, other)
    pattern = re.sub(r"([\\%_])", r"\\\1", name)

    assert found(catalog, f"like '{pattern}'") == [name]
    assert found(catalog, f"not like '{pattern}'") == [other]
