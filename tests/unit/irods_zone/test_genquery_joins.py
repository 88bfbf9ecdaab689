"""Tables link up when there is a way between them, and only then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.genquery.columns import BY_NUMBER, TABLES, from_clause
from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_FAILED_TO_LINK_TABLES,
    CAT_TOO_MANY_TABLES,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.genquery1 import Condition, Select, build
from omero_irods_sandbox.irods_zone.genquery.joins import CYCLERS, LINKS, link
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer
from tests.unit.irods_zone.genquery_catalog import ADMIN, ALICE, UNTIMED, new_catalog, run

CATALOG = new_catalog()


def test_a_table_alone_needs_no_link() -> None:
    assert link(["R_DATA_MAIN", "R_DATA_MAIN"]).tables == ("R_DATA_MAIN",)
    assert link(["R_DATA_MAIN"]).conditions == ()


def test_neighbours_are_linked_by_their_key() -> None:
    linked = link(["R_COLL_MAIN", "R_DATA_MAIN"])

    assert linked.conditions == ("R_COLL_MAIN.coll_id = R_DATA_MAIN.coll_id",)


def test_tables_between_two_others_are_walked_through() -> None:
    linked = link(["R_COLL_MAIN", "R_RESC_MAIN", "r_data_meta_main"])

    assert set(linked.tables) == {
        "R_COLL_MAIN",
        "R_DATA_MAIN",
        "R_RESC_MAIN",
        "r_data_metamap",
        "r_data_meta_main",
    }
    assert len(linked.conditions) == len(linked.tables) - 1


@pytest.mark.parametrize(
    "tables",
    [
        ["R_ZONE_MAIN", "R_DATA_MAIN"],
        ["R_QUOTA_MAIN", "R_QUOTA_USAGE"],  # both have a user: r_quota_user_main, a cycler
        ["r_quota_user_main", "r_quota_resc_main"],
        ["R_RULE_EXEC", "R_TOKN_MAIN"],
        [],
    ],
)
def test_tables_without_a_way_between_them_are_refused(tables: list[str]) -> None:
    with pytest.raises(QueryError) as refusal:
        link(tables)

    assert refusal.value.code == CAT_FAILED_TO_LINK_TABLES == -825000


def test_a_cycler_is_reached_but_never_walked_through() -> None:
    linked = link(["r_quota_user_main", "R_QUOTA_MAIN", "r_quota_resc_main"])

    assert set(linked.tables) == {"r_quota_user_main", "R_QUOTA_MAIN", "r_quota_resc_main"}


def test_without_the_cyclers_there_is_one_way_at_most() -> None:
    parents = {table: table for table in TABLES}

    def root(table: str) -> str:
        return table if parents[table] == table else root(parents[table])

    for left, right, _ in LINKS:
        if not {left, right} & CYCLERS:
            assert root(left) != root(right), f"{left} - {right} closes a cycle"
            parents[root(left)] = root(right)


@UNTIMED
@given(st.lists(st.sampled_from(sorted(TABLES)), min_size=1, max_size=8))
def test_linked_tables_are_a_tree_that_holds_all_asked_for(tables: list[str]) -> None:
    linked, refusal = None, None
    try:
        linked = link(tables)
    except QueryError as error:
        refusal = error

    if linked is None:
        assert refusal is not None
        assert refusal.code == CAT_FAILED_TO_LINK_TABLES
        return
    assert set(tables) <= set(linked.tables)
    assert len(linked.conditions) == len(linked.tables) - 1
    where = " and ".join(["1", *linked.conditions])
    CATALOG.execute(f"select 1 from {', '.join(from_clause(linked.tables))} where {where}")


@UNTIMED
@given(
    selected=st.lists(st.sampled_from(sorted(BY_NUMBER)), min_size=1, max_size=8),
    conditions=st.lists(st.sampled_from(sorted(BY_NUMBER)), max_size=6),
    viewer=st.sampled_from(
        [ADMIN, Viewer(ALICE, is_admin=False), Viewer(ALICE, is_admin=False, ticket="tk-alice")]
    ),
)
def test_any_columns_either_make_a_query_that_runs_or_are_refused(
    selected: list[int], conditions: list[int], viewer: Viewer
) -> None:
    wanted = [Condition(number, "= '1'") for number in conditions]
    try:
        statement = build([Select(number) for number in selected], wanted, 0x20, 0, viewer)
    except QueryError:
        return

    assert statement.count is not None
    rows = run(CATALOG, statement)
    assert all(len(row) == len(selected) for row in rows)
    assert run(CATALOG, statement.count) == [(len(rows),)]


def test_more_tables_than_sqlite_joins_are_refused() -> None:
    names = [Condition(600, "= 'a'")] * 40

    with pytest.raises(QueryError) as refusal:
        build([Select(403)], names, 0, 0, ADMIN)

    assert refusal.value.code == CAT_TOO_MANY_TABLES
