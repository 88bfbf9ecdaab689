"""Tickets through python-irodsclient: what they open, every restriction, who may change them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from irods import keywords as kw
from irods.exception import (
    CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
    CAT_INVALID_ARGUMENT,
    CAT_INVALID_GROUP,
    CAT_INVALID_USER,
    CAT_NO_ACCESS_PERMISSION,
    CAT_SUCCESS_BUT_WITH_NO_INFO,
    CAT_TICKET_EXPIRED,
    CAT_TICKET_INVALID,
    CAT_TICKET_USES_EXCEEDED,
    CAT_UNKNOWN_COLLECTION,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
)
from irods.models import Collection, DataObject
from irods.session import iRODSSession
from irods.ticket import Ticket

from omero_irods_sandbox.irods_zone.catalog.values import Ticket as TicketRow
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.data_objects import failure, read, write

_DATA: Final = b"for ticket holders"


@pytest.fixture
def path(session: iRODSSession, home: str) -> str:
    """A data object of the administrator's."""
    write(session, f"{home}/object", _DATA)
    return f"{home}/object"


@pytest.fixture
def holder(make_user: Callable[[str], iRODSSession], zone: Zone) -> iRODSSession:
    """Somebody without any permission."""
    return make_user("holder")


@pytest.fixture
def show(zone: Zone, holder: iRODSSession) -> Iterator[Callable[[Ticket], iRODSSession]]:
    """Let the holder connect anew and show a ticket."""
    opened: list[iRODSSession] = []

    def connect_with(ticket: Ticket) -> iRODSSession:
        opened.append(connect(zone, holder.username, f"{holder.username}-pw"))
        Ticket(opened[-1], ticket.string).supply()
        return opened[-1]

    yield connect_with
    for one in opened:
        one.cleanup()


def issue(session: iRODSSession, kind: str, path: str) -> Ticket:
    return Ticket(session).issue(kind, path)


def row(zone: Zone, ticket: Ticket) -> TicketRow:
    found = zone.catalog.tickets.find(ticket.string)
    assert found is not None
    return found


# -- reading


def test_a_ticket_lets_who_has_no_permission_read(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    assert read(show(issue(session, "read", path)), path) == _DATA


def test_without_the_ticket_nothing_can_be_read(
    session: iRODSSession, path: str, holder: iRODSSession
) -> None:
    issue(session, "read", path)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        read(holder, path)


def test_a_ticket_shows_its_object_in_queries(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    write(session, f"{path}-2", _DATA)
    reader = show(issue(session, "read", path))
    rows = reader.query(Collection.name, DataObject.name).filter(DataObject.name > "").execute()
    assert [f"{row[Collection.name]}/{row[DataObject.name]}" for row in rows] == [path]


def test_a_ticket_for_one_object_opens_no_other(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    write(session, f"{path}-2", _DATA)
    reader = show(issue(session, "read", path))
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        read(reader, f"{path}-2")


def test_a_ticket_for_a_collection_opens_everything_below(
    session: iRODSSession, home: str, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    session.collections.create(f"{home}/deep/down")
    write(session, f"{home}/deep/down/object", _DATA)
    reader = show(issue(session, "read", home))
    assert read(reader, path) == _DATA
    assert read(reader, f"{home}/deep/down/object") == _DATA


def test_a_ticket_for_a_collection_opens_no_neighbour(
    session: iRODSSession, home: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    session.collections.create(f"{home}/a")
    session.collections.create(f"{home}/ab")
    write(session, f"{home}/ab/object", _DATA)
    reader = show(issue(session, "read", f"{home}/a"))
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        read(reader, f"{home}/ab/object")


def test_a_ticket_that_does_not_exist_opens_nothing(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        read(show(Ticket(session, "no-such-ticket")), path)


def test_a_deleted_ticket_opens_nothing(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path)
    reader = show(ticket)
    assert read(reader, path) == _DATA
    ticket.delete()
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        read(reader, path)


def test_a_ticket_goes_with_its_object(zone: Zone, session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    session.data_objects.unlink(path, force=True)
    assert zone.catalog.tickets.find(ticket.string) is None


# -- writing


def test_a_read_ticket_lets_nobody_write(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        write(show(issue(session, "read", path)), path, b"changed")
    assert read(session, path) == _DATA


def test_a_write_ticket_lets_who_has_no_permission_write(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    write(show(issue(session, "write", path)), path, b"changed")
    assert read(session, path) == b"changed"


def test_a_write_ticket_lets_read_too(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    assert read(show(issue(session, "write", path)), path) == _DATA


# -- limits


def test_a_ticket_can_be_used_so_often(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("uses", 2)
    for _ in range(2):
        read(show(ticket), path)
    with pytest.raises(CAT_TICKET_USES_EXCEEDED):
        read(show(ticket), path)


def test_no_limit_of_uses_is_no_limit(
    zone: Zone, session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("uses", 1).modify("uses", "0")
    for _ in range(3):
        read(show(ticket), path)
    assert row(zone, ticket).uses_count == 0


def test_a_refused_use_does_not_count(
    zone: Zone, session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("uses", 5).modify("add", "user", session.username)
    assert failure(read, show(ticket), path) == code_of("CAT_TICKET_USER_EXCLUDED")
    assert row(zone, ticket).uses_count == 0


def test_so_many_files_and_one_can_be_written(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    """One more than the limit says: so it is on a real server."""
    ticket = issue(session, "write", path).modify("write-file", 1)
    for _ in range(2):
        write(show(ticket), path, b"changed")
    assert failure(write, show(ticket), path, b"again") == code_of("CAT_TICKET_WRITE_USES_EXCEEDED")


def test_a_new_ticket_is_good_for_ten_written_files(zone: Zone, session: iRODSSession, path: str) -> None:
    assert row(zone, issue(session, "write", path)).write_file_limit == 10


def test_after_so_many_bytes_nothing_more_can_be_written(
    zone: Zone, session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "write", path).modify("write-bytes", 10)
    write(show(ticket), path, b"x" * 25)
    assert row(zone, ticket).write_byte_count == 25
    assert failure(write, show(ticket), path, b"again") == code_of("CAT_TICKET_WRITE_BYTES_EXCEEDED")


def test_reading_does_not_count_as_writing(
    zone: Zone, session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "write", path)
    read(show(ticket), path)
    assert (row(zone, ticket).write_file_count, row(zone, ticket).write_byte_count) == (0, 0)


@pytest.mark.parametrize("what", ["uses", "write-file", "write-bytes"])
@pytest.mark.parametrize("value", ["many", "-1", "1.5", ""])
def test_a_limit_is_a_number(session: iRODSSession, path: str, what: str, value: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        issue(session, "write", path).modify(what, value)


# -- expiry


def test_a_ticket_opens_nothing_after_its_time(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("expire", int(time.time()) - 10)
    with pytest.raises(CAT_TICKET_EXPIRED):
        read(show(ticket), path)


def test_a_ticket_opens_until_its_time(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("expire", int(time.time()) + 3600)
    assert read(show(ticket), path) == _DATA


def test_the_time_of_a_ticket_can_be_taken_away(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("expire", int(time.time()) - 10).modify("expire", "0")
    assert read(show(ticket), path) == _DATA


def change(ticket: Ticket, *arguments: str) -> None:
    """``mod`` as icommands send it: PRC makes numbers of dates. Raises what PRC raises."""
    ticket._api_request("mod", *arguments)


def test_a_time_can_be_a_date_in_utc(zone: Zone, session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    change(ticket, "expire", "2001-09-09.01:46:40")
    assert row(zone, ticket).expiry_time == "01000000000"


def test_a_time_that_is_none_is_refused(zone: Zone, session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    assert failure(change, ticket, "expire", "soon") == code_of("SYS_INTERNAL_ERR")
    assert row(zone, ticket).expiry_time == ""


# -- for whom


def test_a_ticket_can_be_for_one_user(
    session: iRODSSession, path: str, holder: iRODSSession, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("add", "user", session.username)
    assert failure(read, show(ticket), path) == code_of("CAT_TICKET_USER_EXCLUDED")
    ticket.modify("add", "user", holder.username)
    assert read(show(ticket), path) == _DATA


def test_the_user_of_a_ticket_can_be_named_with_his_zone(
    session: iRODSSession, path: str, holder: iRODSSession, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("add", "user", f"{holder.username}#{holder.zone}")
    assert read(show(ticket), path) == _DATA


def test_a_ticket_can_be_for_one_group(
    session: iRODSSession, path: str, holder: iRODSSession, show: Callable[[Ticket], iRODSSession]
) -> None:
    group = session.groups.create("ticketers")
    try:
        ticket = issue(session, "read", path).modify("add", "group", "ticketers")
        assert failure(read, show(ticket), path) == code_of("CAT_TICKET_GROUP_EXCLUDED")
        group.addmember(holder.username)
        assert read(show(ticket), path) == _DATA
    finally:
        group.remove()


def test_a_ticket_can_be_for_one_host(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession]
) -> None:
    ticket = issue(session, "read", path).modify("add", "host", "127.0.0.2")
    assert failure(read, show(ticket), path) == code_of("CAT_TICKET_HOST_EXCLUDED")
    ticket.modify("add", "host", "localhost")
    assert read(show(ticket), path) == _DATA


@pytest.mark.parametrize(("what", "name"), [("user", "rods"), ("group", "public"), ("host", "127.0.0.2")])
def test_a_restriction_can_be_lifted(
    session: iRODSSession, path: str, show: Callable[[Ticket], iRODSSession], what: str, name: str
) -> None:
    ticket = issue(session, "read", path).modify("add", what, name).modify("remove", what, name)
    assert read(show(ticket), path) == _DATA


@pytest.mark.parametrize("what", ["user", "group", "host"])
def test_a_restriction_that_is_not_there_cannot_be_lifted(
    session: iRODSSession, path: str, what: str
) -> None:
    name = {"user": "rods", "group": "public", "host": "127.0.0.2"}[what]
    with pytest.raises(CAT_SUCCESS_BUT_WITH_NO_INFO):
        issue(session, "read", path).modify("remove", what, name)


def test_user_and_group_of_a_restriction_must_exist(session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    with pytest.raises(CAT_INVALID_USER):
        ticket.modify("add", "user", "nobody")
    with pytest.raises(CAT_INVALID_GROUP):
        ticket.modify("add", "group", session.username)


def test_the_host_of_a_restriction_must_have_an_address(session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    assert failure(ticket.modify, "add", "host", "no host at all") == code_of("CAT_HOSTNAME_INVALID")


# -- whose


def test_only_the_owner_issues_a_ticket(
    session: iRODSSession, home: str, path: str, holder: iRODSSession
) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        issue(holder, "read", home)
    with pytest.raises(CAT_UNKNOWN_COLLECTION):
        issue(holder, "read", path)


def test_a_ticket_is_for_something(session: iRODSSession, home: str) -> None:
    with pytest.raises(CAT_UNKNOWN_COLLECTION):
        issue(session, "read", f"{home}/nothing")


def test_a_ticket_string_is_given_once(session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        Ticket(session, ticket.string).issue("read", path)


def test_a_number_is_no_ticket_string(session: iRODSSession, path: str) -> None:
    with pytest.raises(CAT_TICKET_INVALID):
        Ticket(session, "12345").issue("read", path)


def test_a_ticket_can_be_named_by_its_id(zone: Zone, session: iRODSSession, path: str) -> None:
    ticket = issue(session, "read", path)
    Ticket(session, str(row(zone, ticket).id)).modify("uses", 7)
    assert row(zone, ticket).uses_limit == 7


def use_of(action: str) -> Callable[..., Any]:
    return {"mod": lambda t, **o: t.modify("uses", 5, **o), "delete": lambda t, **o: t.delete(**o)}[action]


@pytest.mark.parametrize("action", ["mod", "delete"])
def test_only_who_issued_a_ticket_changes_it(
    session: iRODSSession, path: str, holder: iRODSSession, action: str
) -> None:
    ticket = issue(session, "read", path)
    with pytest.raises(CAT_TICKET_INVALID):
        use_of(action)(Ticket(holder, ticket.string))


@pytest.mark.parametrize("action", ["mod", "delete"])
def test_a_rodsadmin_who_asks_for_it_changes_every_ticket(
    session: iRODSSession, holder: iRODSSession, action: str
) -> None:
    ticket = issue(holder, "read", f"/{holder.zone}/home/{holder.username}")
    use_of(action)(Ticket(session, ticket.string), **{kw.ADMIN_KW: ""})


@pytest.mark.parametrize("action", ["mod", "delete"])
def test_who_is_no_rodsadmin_cannot_ask_for_it(
    session: iRODSSession, path: str, holder: iRODSSession, action: str
) -> None:
    ticket = issue(session, "read", path)
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        use_of(action)(Ticket(holder, ticket.string), **{kw.ADMIN_KW: ""})


def test_what_a_ticket_does_not_have_cannot_be_changed(session: iRODSSession, path: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        issue(session, "read", path).modify("colour", "red")


def test_what_is_no_ticket_operation_is_refused(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        Ticket(session, "any")._api_request("paint")
