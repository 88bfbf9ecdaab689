"""Specific queries and GenQuery2 through python-irodsclient."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from irods.exception import (
    CAT_SQL_ERR,
    CAT_UNKNOWN_SPECIFIC_QUERY,
    SYS_LIBRARY_ERROR,
)
from irods.query import SpecificQuery
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.wire.xml import parse
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import write
from tests.wire.irods_zone.wire_client import WireClient


@pytest.fixture
def five(session: iRODSSession, home: str) -> list[str]:
    """Five collections in ``home``."""
    return [session.collections.create(f"{home}/c{number}").path for number in range(5)]


@pytest.fixture
def register(session: iRODSSession) -> Iterator[Callable[[str], str]]:
    """Register SQL as a specific query; its alias."""
    queries: list[SpecificQuery] = []

    def register_one(sql: str) -> str:
        queries.append(SpecificQuery(session, sql, f"test-query-{len(queries)}"))
        queries[-1].register()
        return f"test-query-{len(queries) - 1}"

    yield register_one
    for query in queries:
        query.remove()


@pytest.fixture
def wire(zone: Zone) -> Iterator[WireClient]:
    with WireClient(zone.host, zone.port) as client:
        client.log_in(zone.config.admin, zone.name, zone.password)
        yield client


@pytest.fixture
def user(make_user: Callable[[str], iRODSSession]) -> iRODSSession:
    return make_user("viewer")


# -- specific queries


def rows_of(session: iRODSSession, alias: str, *arguments: str) -> list[list[str]]:
    query = SpecificQuery(session, alias=alias, args=list(arguments))
    return [list(row.values()) for row in query]


def test_a_specific_query_runs_by_its_alias(session: iRODSSession, register: Callable[[str], str]) -> None:
    assert rows_of(session, register("select 'a', 1")) == [["a", "1"]]


def test_a_specific_query_runs_by_its_text(session: iRODSSession, register: Callable[[str], str]) -> None:
    register("select 'by text'")
    assert rows_of(session, "select 'by text'") == [["by text"]]


def test_sql_that_is_not_registered_does_not_run(session: iRODSSession) -> None:
    with pytest.raises(CAT_UNKNOWN_SPECIFIC_QUERY):
        rows_of(session, "select 1")


def test_arguments_are_bound_and_never_part_of_the_sql(
    session: iRODSSession, register: Callable[[str], str]
) -> None:
    alias = register("select ?, ?")
    assert rows_of(session, alias, "' or 1=1 --", "%") == [["' or 1=1 --", "%"]]


@pytest.mark.parametrize("arguments", [(), ("one", "two")])
def test_as_many_arguments_as_the_sql_has_are_needed(
    session: iRODSSession, register: Callable[[str], str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(CAT_SQL_ERR):
        rows_of(session, register("select ?"), *arguments)


def test_a_specific_query_comes_in_pages(
    session: iRODSSession, register: Callable[[str], str], home: str, five: list[str]
) -> None:
    alias = register("select coll_name from R_COLL_MAIN where parent_coll_name = ? order by coll_name")
    query = SpecificQuery(session, alias=alias, args=[home])
    first = query.execute(limit=2)
    query._continue_index = first.continue_index
    assert [row[0] for page in (first, query.execute(limit=2)) for row in page] == five[:4]


def test_a_specific_query_can_begin_at_an_offset(
    session: iRODSSession, register: Callable[[str], str], home: str, five: list[str]
) -> None:
    alias = register("select coll_name from R_COLL_MAIN where parent_coll_name = ? order by coll_name")
    rows = SpecificQuery(session, alias=alias, args=[home]).execute(offset=3)
    assert [row[0] for row in rows] == five[3:]


def test_everybody_may_run_a_specific_query(user: iRODSSession, register: Callable[[str], str]) -> None:
    assert rows_of(user, register("select 'for all'")) == [["for all"]]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from R_USER_MAIN",
        "update R_COLL_MAIN set coll_name = 'x'",
        "insert into R_META_MAIN(meta_id) values (1)",
        "create table T(x)",
        "drop table R_DATA_MAIN",
        "attach database '/tmp/other.sqlite' as other",
        "pragma writable_schema = on",
        "vacuum",
        "begin",
        "with doomed as (select 1) delete from R_COLL_MAIN",
    ],
)
def test_a_specific_query_can_only_select(
    zone: Zone, session: iRODSSession, register: Callable[[str], str], sql: str
) -> None:
    before = zone.catalog.database.value("select count(*) from R_USER_MAIN")
    with pytest.raises(CAT_SQL_ERR):
        rows_of(session, register(sql))
    assert zone.catalog.database.value("select count(*) from R_USER_MAIN") == before


@pytest.mark.parametrize(
    "sql",
    [
        "select rcat_password from R_USER_PASSWORD",
        "select (select max(rcat_password) from r_user_password)",
        "select count(*) from R_USER_PASSWORD",
    ],
)
def test_a_specific_query_sees_no_passwords(
    session: iRODSSession, register: Callable[[str], str], sql: str
) -> None:
    with pytest.raises(CAT_SQL_ERR):
        rows_of(session, register(sql))


def test_a_specific_query_without_an_end_holds_up_nobody(
    session: iRODSSession, register: Callable[[str], str], home: str
) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
    query = SpecificQuery(session, alias=register(endless))
    page = query.execute(limit=3)
    session.collections.create(f"{home}/meanwhile")
    assert [row[0] for row in page] == ["1", "2", "3"]


# -- GenQuery2


def test_genquery2_gives_rows_of_text(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/object", b"12345")
    rows = session.genquery2(f"select DATA_NAME, DATA_SIZE where COLL_NAME = '{home}'")
    assert rows == [["object", "5"]]


def test_genquery2_gives_an_empty_list_when_there_is_nothing(session: iRODSSession) -> None:
    assert session.genquery2("select COLL_NAME where COLL_NAME = 'nowhere'") == []


def test_genquery2_shows_its_sql_without_running_it(session: iRODSSession) -> None:
    sql = session.genquery2_object().get_sql("select COLL_NAME where COLL_NAME = 'x'")
    assert re.match("select .* from .*R_COLL_MAIN", sql, re.IGNORECASE | re.DOTALL)


def test_genquery2_lists_its_columns(session: iRODSSession) -> None:
    assert session.genquery2_object().get_column_mappings()["COLL_NAME"] == {"R_COLL_MAIN": "coll_name"}


def test_genquery2_refuses_what_it_cannot_read(session: iRODSSession) -> None:
    with pytest.raises(SYS_LIBRARY_ERROR):
        session.genquery2("select nonsense from")


def test_genquery2_shows_a_user_only_what_he_may_read(user: iRODSSession, home: str) -> None:
    assert user.genquery2(f"select COLL_NAME where COLL_NAME = '{home}'") == []


def test_genquery2_answers_with_json_in_a_string(wire: WireClient, home: str) -> None:
    query = (
        f"<Genquery2Input_PI><query_string>select COLL_NAME where COLL_NAME = '{home}'</query_string>"
        "<zone></zone><sql_only>0</sql_only><column_mappings>0</column_mappings></Genquery2Input_PI>"
    )
    result = parse(wire.call(10221, query.encode()).message)
    assert json.loads(result.string("myStr")) == [[home]]
