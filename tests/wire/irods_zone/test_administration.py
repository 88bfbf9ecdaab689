"""Zones, specific queries, quotas and the rest of administration through python-irodsclient."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import pytest
from irods.exception import (
    CAT_INVALID_ARGUMENT,
    CAT_INVALID_ZONE,
    CAT_SUCCESS_BUT_WITH_NO_INFO,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
    SYS_INVALID_INPUT_PARAM,
    SYS_NO_API_PRIV,
    SYS_NOT_ALLOWED,
)
from irods.message import (
    STR_PI,
    FileOpenRequest,
    StringStringMap,
    iRODSMessage,
)
from irods.query import SpecificQuery
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.admin_requests import admin
from tests.wire.irods_zone.data_objects import failure, write

_GET_RESOURCE_INFO: Final = 10220
_numbers = count(1)


# -- zones


@pytest.fixture
def remote(session: iRODSSession) -> Iterator[str]:
    zone_name = f"remote{next(_numbers)}"
    session.zones.create(zone_name, "remote")
    yield zone_name
    session.zones.remove(zone_name)


def test_a_remote_zone_can_be_made_known(session: iRODSSession, remote: str) -> None:
    assert session.zones.get(remote).type == "remote"


def test_a_zone_exists_once(session: iRODSSession, remote: str) -> None:
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        session.zones.create(remote, "remote")


def test_there_is_one_local_zone(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        session.zones.create("second", "local")


def test_a_zone_name_has_no_slash(session: iRODSSession) -> None:
    with pytest.raises(SYS_INVALID_INPUT_PARAM):
        session.zones.create("a/b", "remote")


def test_the_comment_of_a_zone_can_be_changed(zone: Zone, session: iRODSSession, remote: str) -> None:
    admin(session, "modify", "zone", remote, "comment", "far away")
    comment = "select r_comment from R_ZONE_MAIN where zone_name = ?"
    assert zone.catalog.database.value(comment, remote) == "far away"


def test_the_local_zone_stays(zone: Zone, session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        session.zones.remove(zone.name)


def test_a_zone_that_is_not_known_cannot_be_removed(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_ZONE):
        session.zones.remove("nowhere")


def test_a_user_of_a_remote_zone_is_not_the_local_one_of_that_name(
    session: iRODSSession, account: str, remote: str
) -> None:
    session.users.create(account, "rodsuser", remote)
    assert session.users.get(account, remote).id != session.users.get(account).id
    session.users.remove(account, remote)


def test_a_user_of_a_zone_that_is_not_known_is_refused(session: iRODSSession, name: str) -> None:
    with pytest.raises(CAT_INVALID_ZONE):
        session.users.create(name, "rodsuser", "nowhere")


def test_a_remote_zone_has_no_groups_here(session: iRODSSession, name: str, remote: str) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        admin(session, "add", "group", f"{name}#{remote}")


# -- specific queries


def test_an_alias_is_given_once(session: iRODSSession) -> None:
    query = SpecificQuery(session, "select 1", "once")
    query.register()
    with pytest.raises(CAT_INVALID_ARGUMENT, match="Alias is not unique"):
        query.register()
    query.remove()


def test_a_specific_query_can_be_removed_by_its_text(session: iRODSSession) -> None:
    SpecificQuery(session, "select 'short life'", "short").register()
    SpecificQuery(session, "select 'short life'").remove()
    with pytest.raises(CAT_SUCCESS_BUT_WITH_NO_INFO):
        SpecificQuery(session, alias="short").remove()


def test_only_a_rodsadmin_registers_specific_queries(make_user: Callable[[str], iRODSSession]) -> None:
    with pytest.raises(SYS_NO_API_PRIV):
        SpecificQuery(make_user("user"), "select 1", "mine").register()


# -- AVUs that nobody has


def test_unused_avus_can_be_swept(zone: Zone, session: iRODSSession, home: str) -> None:
    swept, kept = f"swept {home}", f"kept {home}"
    metadata = session.collections.get(home).metadata
    metadata.add(swept, "value")
    metadata.add(kept, "value")
    metadata.remove(swept, "value")
    admin(session, "rm", "unusedAVUs")
    count_of = "select count(*) from R_META_MAIN where meta_attr_name = ?"
    assert [zone.catalog.database.value(count_of, name) for name in (swept, kept)] == [0, 1]


# -- quotas


def quota(zone: Zone, group: str) -> list[tuple[int, int, int]]:
    """Resource id, limit and what is over it, of each quota of the group."""
    rows = zone.catalog.database.rows(
        "select resc_id, quota_limit, quota_over from R_QUOTA_MAIN where user_id = ? order by resc_id",
        zone.catalog.users.group(group).id,
    )
    return [(row[0], row[1], row[2]) for row in rows]


def test_a_group_has_a_quota(zone: Zone, session: iRODSSession, group: str) -> None:
    session.groups.get(group).set_quota(1000)
    assert quota(zone, group) == [(0, 1000, -1000)]


def test_a_quota_can_be_for_one_resource(zone: Zone, session: iRODSSession, group: str) -> None:
    session.groups.get(group).set_quota(1000, resource="demoResc")
    demo = zone.catalog.resources.get("demoResc").id
    assert quota(zone, group) == [(demo, 1000, -1000)]


def test_a_quota_can_be_taken_away(zone: Zone, session: iRODSSession, group: str) -> None:
    session.groups.get(group).set_quota(1000)
    session.groups.get(group).remove_quota()
    assert quota(zone, group) == []


def test_a_quota_compares_the_limit_with_what_the_members_have(
    zone: Zone, session: iRODSSession, make_user: Callable[[str], iRODSSession], group: str
) -> None:
    member = make_user("member")
    path = f"/{zone.name}/home/{member.username}/object"
    session.groups.addmember(group, member.username)
    session.groups.get(group).set_quota(100)
    write(member, path, b"x" * 130)
    session.users.calculate_usage()
    assert quota(zone, group) == [(0, 100, 30)]
    member.data_objects.unlink(path, force=True)
    session.users.calculate_usage()
    assert quota(zone, group) == [(0, 100, -100)]


def test_a_user_has_no_quota(session: iRODSSession, account: str) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        session.users.get(account).set_quota(1000)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("group", "nobodies", "total", "5"), "CAT_INVALID_GROUP"),
        (("group", "public", "noResc", "5"), "CAT_INVALID_RESOURCE"),
        (("group", "public", "total", "much"), "SYS_INVALID_INPUT_PARAM"),
        (("user", "nobody", "total", "0"), "CAT_INVALID_USER"),
    ],
)
def test_a_quota_is_of_somebody_somewhere(
    session: iRODSSession, arguments: tuple[str, ...], error: str
) -> None:
    assert failure(admin, session, "set-quota", *arguments) == code_of(error)


# -- the rest


@pytest.mark.parametrize("arguments", [("paint", "user"), ("add", "moon"), ("", "")])
def test_what_is_not_known_is_refused(session: iRODSSession, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        admin(session, *arguments)


def test_the_server_says_what_it_can(session: iRODSSession) -> None:
    assert session.library_features()["IRODS_LIBRARY_FEATURE_GENQUERY2"] == 202404


def test_the_server_gives_hints(session: iRODSSession) -> None:
    hints = session.client_hints
    assert hints["hash_scheme"] == "SHA256"
    assert "ls" in hints["specific_queries"]


def redirect(session: iRODSSession, path: str, **keywords: str) -> dict[str, str]:
    body = FileOpenRequest(
        objPath=path,
        createMode=0,
        openFlags=0,
        offset=0,
        dataSize=-1,
        numThreads=0,
        oprType=0,
        KeyValPair_PI=StringStringMap(keywords),
    )
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=_GET_RESOURCE_INFO))
        found: dict[str, str] = json.loads(connection.recv().get_main_message(STR_PI).myStr)
        return found


def test_the_server_says_where_a_new_object_would_go(zone: Zone, session: iRODSSession, home: str) -> None:
    assert redirect(session, f"{home}/new", getResourceInfoOpType="CREATE") == {
        "host": zone.host,
        "resource_hierarchy": "demoResc",
    }


def test_the_server_says_where_an_object_is(zone: Zone, session: iRODSSession, home: str) -> None:
    write(session, f"{home}/object", b"data")
    found = redirect(session, f"{home}/object", getResourceInfoOpType="OPEN")
    assert found["resource_hierarchy"] == "demoResc"


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({}, "SYS_INVALID_INPUT_PARAM"),
        ({"getResourceInfoOpType": "PAINT"}, "INVALID_OPERATION"),
        ({"getResourceInfoOpType": "OPEN"}, "OBJ_PATH_DOES_NOT_EXIST"),
    ],
)
def test_nothing_can_be_said_about_what_is_not_there(
    session: iRODSSession, home: str, keywords: dict[str, str], error: str
) -> None:
    assert failure(redirect, session, f"{home}/nothing", **keywords) == code_of(error)


def test_a_user_is_not_told_where_an_object_is_that_he_may_not_read(
    make_user: Callable[[str], iRODSSession], session: iRODSSession, home: str
) -> None:
    write(session, f"{home}/object", b"data")
    code = failure(redirect, make_user("spy"), f"{home}/object", getResourceInfoOpType="OPEN")
    assert code == code_of("OBJ_PATH_DOES_NOT_EXIST")
