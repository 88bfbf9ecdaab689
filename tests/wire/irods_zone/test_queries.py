"""Queries through python-irodsclient: paging, visibility, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from irods.access import iRODSAccess
from irods.exception import (
    CAT_STATEMENT_TABLE_FULL,
    SYS_INVALID_ZONE_NAME,
)
from irods.models import Collection, CollectionMeta, DataObject
from irods.query import Query
from irods.results import ResultSet
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.api import query_results
from omero_irods_sandbox.irods_zone.api.statements import MAX_STATEMENTS
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.wire.xml import parse
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import write
from tests.wire.irods_zone.wire_client import WireClient

_GEN_QUERY: Final = 702
_COLUMNS: Final = 50
_COLL_ID: Final = 500
_COLL_NAME: Final = 501
_TOTAL: Final = 0x20
_AUTO_CLOSE: Final = 0x100
_HIERARCHY: Final = 422


@pytest.fixture
def five(session: iRODSSession, home: str) -> list[str]:
    """Five collections in ``home``."""
    return [session.collections.create(f"{home}/c{number}").path for number in range(5)]


@pytest.fixture
def wire(zone: Zone) -> Iterator[WireClient]:
    with WireClient(zone.host, zone.port) as client:
        client.log_in(zone.config.admin, zone.name, zone.password)
        yield client


def below(session: iRODSSession, home: str) -> Query:
    return session.query(Collection.name).filter(Collection.parent_name == home)


def names(rows: ResultSet) -> list[str]:
    return [row[Collection.name] for row in rows]


def gen_query(
    columns: list[int], condition: str = "", *, rows: int = 500, go_on: int = 0, options: int = 0
) -> bytes:
    """GenQueryInp_PI with at most one condition, on the collection's name."""
    selected = "".join(f"<inx>{column}</inx>" for column in columns)
    ways = "<ivalue>1</ivalue>" * len(columns)
    filters = (
        f"<isLen>1</isLen><inx>{_COLL_NAME}</inx><svalue>{condition}</svalue>"
        if condition
        else "<isLen>0</isLen>"
    )
    return (
        f"<GenQueryInp_PI><maxRows>{rows}</maxRows><continueInx>{go_on}</continueInx>"
        f"<partialStartIndex>0</partialStartIndex><options>{options}</options>"
        "<KeyValPair_PI><ssLen>0</ssLen></KeyValPair_PI>"
        f"<InxIvalPair_PI><iiLen>{len(columns)}</iiLen>{selected}{ways}</InxIvalPair_PI>"
        f"<InxValPair_PI>{filters}</InxValPair_PI></GenQueryInp_PI>"
    ).encode()


# -- pages


def test_a_full_page_can_be_continued(session: iRODSSession, home: str, five: list[str]) -> None:
    first = below(session, home).limit(2).execute()
    assert len(first) == 2
    assert first.continue_index > 0


def test_a_page_that_is_not_full_is_the_last(session: iRODSSession, home: str, five: list[str]) -> None:
    assert below(session, home).limit(6).execute().continue_index == 0


def test_all_pages_together_are_all_rows(session: iRODSSession, home: str, five: list[str]) -> None:
    pages = [names(page) for page in below(session, home).limit(2).get_batches()]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(name for page in pages for name in page) == five


def test_after_a_last_page_that_is_full_come_no_rows(
    session: iRODSSession, home: str, five: list[str]
) -> None:
    first = below(session, home).limit(5).execute()
    assert first.continue_index > 0
    assert len(below(session, home).limit(5).continue_index(first.continue_index).execute()) == 0


def test_rows_before_the_offset_are_left_out(session: iRODSSession, home: str, five: list[str]) -> None:
    assert names(below(session, home).order_by(Collection.name).offset(3).execute()) == five[3:]


def test_an_open_query_goes_on_with_what_was_there_when_it_began(
    session: iRODSSession, home: str, five: list[str]
) -> None:
    pages = below(session, home).limit(2).get_batches()
    first = names(next(pages))
    session.collections.create(f"{home}/c5")
    session.collections.remove(five[4], force=True)
    assert sorted(first + [name for page in pages for name in names(page)]) == five


def test_an_open_query_hides_nothing_new_from_the_next_one(
    session: iRODSSession, home: str, five: list[str]
) -> None:
    pages = below(session, home).limit(2).get_batches()
    next(pages)
    session.collections.create(f"{home}/c5")
    assert f"{home}/c5" in names(below(session, home).execute())
    pages.close()


def test_a_session_has_at_most_fifty_open_queries(session: iRODSSession, home: str, five: list[str]) -> None:
    for _ in range(MAX_STATEMENTS):
        below(session, home).limit(1).execute()
    with pytest.raises(CAT_STATEMENT_TABLE_FULL):
        below(session, home).limit(1).execute()


def test_a_closed_query_makes_room_for_another(session: iRODSSession, home: str, five: list[str]) -> None:
    handles = [below(session, home).limit(1).execute().continue_index for _ in range(MAX_STATEMENTS)]
    below(session, home).continue_index(handles[7]).close()
    assert below(session, home).limit(1).execute().continue_index == handles[7]


def test_a_query_that_was_read_to_the_end_is_closed(
    session: iRODSSession, home: str, five: list[str]
) -> None:
    for _ in range(2 * MAX_STATEMENTS):
        assert len(list(below(session, home).limit(2).get_results())) == 5


def test_a_query_that_was_closed_has_no_more_rows(session: iRODSSession, home: str, five: list[str]) -> None:
    handle = below(session, home).limit(1).execute().continue_index
    below(session, home).continue_index(handle).close()
    assert len(below(session, home).continue_index(handle).execute()) == 0


# -- the form of the reply


def test_no_rows_are_an_error_with_an_empty_result(wire: WireClient) -> None:
    reply = wire.call(_GEN_QUERY, gen_query([_COLL_ID], "= 'nowhere'"))
    result = parse(reply.message)
    assert reply.int_info == code_of("CAT_NO_ROWS_FOUND")
    assert (result.integer("rowCnt"), result.integer("attriCnt")) == (0, 0)
    assert len(result.all("SqlResult_PI")) == _COLUMNS


def test_closing_is_answered_with_an_empty_result(wire: WireClient, five: list[str]) -> None:
    opened = parse(wire.call(_GEN_QUERY, gen_query([_COLL_ID], rows=1)).message)
    reply = wire.call(_GEN_QUERY, gen_query([], rows=0, go_on=opened.integer("continueInx")))
    assert (reply.int_info, parse(reply.message).integer("rowCnt")) == (0, 0)


def test_the_columns_not_asked_for_follow_empty(wire: WireClient, home: str) -> None:
    result = parse(wire.call(_GEN_QUERY, gen_query([_COLL_ID, _COLL_NAME], f"= '{home}'")).message)
    columns = [(one.integer("attriInx"), one.integer("reslen")) for one in result.all("SqlResult_PI")]
    assert columns == [(_COLL_ID, 50), (_COLL_NAME, 50)] + [(0, 0)] * (_COLUMNS - 2)


def test_the_total_counts_the_rows_of_all_pages(wire: WireClient, home: str, five: list[str]) -> None:
    request = gen_query([_COLL_NAME], f"like '{home}/%'", rows=2, options=_TOTAL)
    result = parse(wire.call(_GEN_QUERY, request).message)
    assert (result.integer("rowCnt"), result.integer("totalRowCount")) == (2, 5)


def test_no_rows_at_all_can_be_asked_for_to_learn_the_total(
    wire: WireClient, home: str, five: list[str]
) -> None:
    request = gen_query([_COLL_NAME], f"like '{home}/%'", rows=0, options=_TOTAL)
    result = parse(wire.call(_GEN_QUERY, request).message)
    assert (result.integer("rowCnt"), result.integer("totalRowCount")) == (0, 5)


def test_a_query_that_closes_itself_keeps_nothing_open(wire: WireClient, home: str, five: list[str]) -> None:
    request = gen_query([_COLL_NAME], f"like '{home}/%'", rows=2, options=_AUTO_CLOSE)
    for _ in range(MAX_STATEMENTS + 1):
        result = parse(wire.call(_GEN_QUERY, request).message)
        assert (result.integer("rowCnt"), result.integer("continueInx")) == (2, -1)


def test_the_columns_are_as_wide_as_the_longest_value_of_any() -> None:
    result = parse(query_results.encode((_COLL_ID, _COLL_NAME), [(1, "n" * 60), (2, "n" * 60)]))
    assert [one.integer("reslen") for one in result.all("SqlResult_PI")[:2]] == [61, 61]


def test_the_columns_grow_by_more_than_a_later_row_needs() -> None:
    result = parse(query_results.encode((_COLL_NAME,), [("n",), ("n" * 60,)]))
    assert result.all("SqlResult_PI")[0].integer("reslen") == 61 + 50


def test_the_width_is_counted_in_bytes() -> None:
    result = parse(query_results.encode((_COLL_NAME,), [("ä" * 30,)]))
    assert result.all("SqlResult_PI")[0].integer("reslen") == 61


def test_the_resource_hierarchy_has_a_width_of_its_own() -> None:
    result = parse(query_results.encode((_COLL_ID, _HIERARCHY), [(1, "demoResc")]))
    assert [one.integer("reslen") for one in result.all("SqlResult_PI")[:2]] == [50, 9]


def test_values_that_are_not_there_are_empty() -> None:
    result = parse(query_results.encode((_COLL_ID,), [(None,)]))
    assert result.all("SqlResult_PI")[0].strings("value") == [""]


def test_as_many_options_as_columns_are_needed(wire: WireClient) -> None:
    request = gen_query([_COLL_ID, _COLL_NAME]).replace(b"<ivalue>1</ivalue>", b"", 1)
    assert wire.call(_GEN_QUERY, request).int_info == code_of("USER_PACKSTRUCT_INPUT_ERR")


def test_an_unknown_column_is_refused(wire: WireClient) -> None:
    assert wire.call(_GEN_QUERY, gen_query([99_999])).int_info == code_of("CAT_UNKNOWN_TABLE")


# -- zones


@pytest.mark.parametrize("hint", ["tempZone", "/tempZone/home", "TEMPZONE"])
def test_a_hint_at_this_zone_changes_nothing(session: iRODSSession, home: str, hint: str) -> None:
    query = session.query(Collection.name).filter(Collection.name == home).add_keyword("zone", hint)
    assert names(query.execute()) == [home]


@pytest.mark.parametrize("hint", ["otherZone", "/otherZone/home"])
def test_another_zone_cannot_be_asked(session: iRODSSession, hint: str) -> None:
    with pytest.raises(SYS_INVALID_ZONE_NAME):
        session.query(Collection.name).add_keyword("zone", hint).execute()


# -- who sees what


@pytest.fixture
def user(make_user: Callable[[str], iRODSSession]) -> iRODSSession:
    return make_user("viewer")


def sees(session: iRODSSession, path: str) -> bool:
    return len(session.query(Collection.name).filter(Collection.name == path).execute()) == 1


def test_a_user_does_not_see_what_he_may_not_read(user: iRODSSession, home: str) -> None:
    assert not sees(user, home)


def test_a_user_sees_what_he_may_read(session: iRODSSession, user: iRODSSession, home: str) -> None:
    session.acls.set(iRODSAccess("read", home, user.username))
    assert sees(user, home)


def test_less_than_the_permission_to_read_shows_nothing(
    session: iRODSSession, user: iRODSSession, home: str
) -> None:
    session.acls.set(iRODSAccess("read_metadata", home, user.username))
    assert not sees(user, home)


def test_a_user_sees_what_his_group_may_read(session: iRODSSession, user: iRODSSession, home: str) -> None:
    group = session.groups.create("viewers")
    try:
        group.addmember(user.username)
        session.acls.set(iRODSAccess("read", home, "viewers"))
        assert sees(user, home)
    finally:
        group.remove()


def test_a_user_does_not_see_data_objects_in_a_collection_that_he_may_read(
    session: iRODSSession, user: iRODSSession, home: str
) -> None:
    write(session, f"{home}/secret", b"data")
    session.acls.set(iRODSAccess("read", home, user.username))
    query = user.query(DataObject.name).filter(Collection.name == home)
    assert len(query.execute()) == 0


def test_a_user_cannot_tell_which_avus_a_collection_has_that_he_may_not_read(
    session: iRODSSession, user: iRODSSession, home: str
) -> None:
    session.collections.get(home).metadata.add("secret", "value")
    query = user.query(CollectionMeta.value).filter(Collection.name == home)
    assert len(query.execute()) == 0


def test_a_rodsadmin_sees_everything(session: iRODSSession, user: iRODSSession, zone: Zone) -> None:
    path = f"/{zone.name}/home/{user.username}/own"
    made = user.collections.create(path)
    assert sees(session, path)
    made.remove(force=True)
