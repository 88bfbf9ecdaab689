"""Users, passwords, groups and groupadmins through python-irodsclient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from irods.exception import (
    CAT_COLLECTION_NOT_EMPTY,
    CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
    CAT_INVALID_ARGUMENT,
    CAT_INVALID_AUTHENTICATION,
    CAT_INVALID_GROUP,
    CAT_INVALID_USER,
    CAT_INVALID_USER_TYPE,
    CAT_SQL_ERR,
    CAT_SUCCESS_BUT_WITH_NO_INFO,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
    PASSWORD_EXCEEDS_MAX_SIZE,
    SYS_NO_API_PRIV,
    SYS_NOT_ALLOWED,
    USER_INVALID_USERNAME_FORMAT,
)
from irods.message import (
    UserAdminRequest,
    iRODSMessage,
)
from irods.password_obfuscation import obfuscate_new_password, obfuscate_new_password_with_key
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.api.passwords import deobfuscate
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.admin_requests import USER_ADMIN, admin, user_admin
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.data_objects import failure

_GET_RESOURCE_INFO: Final = 10220

_numbers = count(1)


@pytest.fixture
def groupadmin(zone: Zone, session: iRODSSession) -> Iterator[iRODSSession]:
    user_name = f"leader{next(_numbers)}"
    session.users.create(user_name, "groupadmin")
    session.users.modify(user_name, "password", "leader-pw")
    with connect(zone, user_name, "leader-pw") as opened:
        yield opened
    session.users.remove(user_name)


def can_log_in(zone: Zone, user: str, password: str) -> bool:
    with connect(zone, user, password) as opened:
        try:
            return bool(opened.users.get(user).name == user)
        except (CAT_INVALID_AUTHENTICATION, CAT_INVALID_USER):
            return False


# -- users


def test_a_rodsuser_administers_nothing(make_user: Callable[[str], iRODSSession], name: str) -> None:
    with pytest.raises(SYS_NO_API_PRIV):
        make_user("user").users.create(name, "rodsuser")


def test_a_new_user_has_a_home_and_a_trash(zone: Zone, session: iRODSSession, account: str) -> None:
    for base in ("home", "trash/home"):
        collection = session.collections.get(f"/{zone.name}/{base}/{account}")
        assert (collection.owner_name, collection.owner_zone) == (account, zone.name)


def test_a_new_user_is_in_the_public_group(session: iRODSSession, account: str) -> None:
    assert session.groups.get("public").hasmember(account)


def test_a_user_exists_once(session: iRODSSession, account: str) -> None:
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        session.users.create(account, "rodsuser")


def test_a_user_that_could_not_be_made_leaves_nothing(zone: Zone, session: iRODSSession, name: str) -> None:
    zone.catalog.database.execute(
        "create trigger no_trash before insert on R_COLL_MAIN when new.coll_name like '%/trash/home/new%'"
        " begin select raise(abort, 'no'); end"
    )
    try:
        with pytest.raises(CAT_SQL_ERR):
            session.users.create(name, "rodsuser")
    finally:
        zone.catalog.database.execute("drop trigger no_trash")
    assert zone.catalog.users.find(name) is None
    assert not session.collections.exists(f"/{zone.name}/home/{name}")


@pytest.mark.parametrize("bad", ["a/b", "..", ".", "a b", "x" * 64, "a\u00e4", "#tempZone"])
def test_a_user_name_becomes_a_collection_name(session: iRODSSession, bad: str) -> None:
    with pytest.raises(USER_INVALID_USERNAME_FORMAT):
        admin(session, "add", "user", bad, "rodsuser")


def test_a_user_type_must_be_known(session: iRODSSession, name: str) -> None:
    with pytest.raises(CAT_INVALID_USER_TYPE):
        session.users.create(name, "emperor")


def test_a_group_is_not_made_as_a_user(session: iRODSSession, name: str) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        admin(session, "add", "user", name, "rodsgroup")


def test_a_removed_user_is_gone_with_home_and_trash(zone: Zone, session: iRODSSession, name: str) -> None:
    session.users.create(name, "rodsuser")
    session.users.remove(name)
    assert zone.catalog.users.find(name) is None
    assert not session.collections.exists(f"/{zone.name}/home/{name}")
    assert not session.collections.exists(f"/{zone.name}/trash/home/{name}")


def test_a_user_with_data_at_home_cannot_be_removed(
    session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("owner")
    made = user.collections.create(f"/{user.zone}/home/{user.username}/kept")
    with pytest.raises(CAT_COLLECTION_NOT_EMPTY):
        session.users.remove(user.username)
    assert session.users.get(user.username)
    made.remove(force=True)


def test_nobody_removes_himself(session: iRODSSession) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        session.users.remove(session.username)


def test_a_user_who_does_not_exist_cannot_be_removed(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_USER):
        admin(session, "rm", "user", "nobody")


@pytest.mark.parametrize("option", ["comment", "info"])
def test_comment_and_info_of_a_user_can_be_changed(session: iRODSSession, account: str, option: str) -> None:
    session.users.modify(account, option, "some text")
    assert getattr(session.users.get(account), option) == "some text"


def test_a_user_can_become_a_rodsadmin(session: iRODSSession, account: str) -> None:
    session.users.modify(account, "type", "rodsadmin")
    assert session.users.get(account).type == "rodsadmin"


@pytest.mark.parametrize(
    ("value", "error"), [("emperor", "CAT_INVALID_USER_TYPE"), ("rodsgroup", "SYS_NOT_ALLOWED")]
)
def test_a_user_cannot_become_anything(session: iRODSSession, account: str, value: str, error: str) -> None:
    assert failure(session.users.modify, account, "type", value) == code_of(error)


def test_the_servers_administrator_stays_one(session: iRODSSession) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        session.users.modify(session.username, "type", "rodsuser")


def test_a_user_has_authentication_names(session: iRODSSession, account: str) -> None:
    session.users.modify(account, "addAuth", "/CN=one")
    session.users.modify(account, "addAuth", "/CN=two")
    session.users.modify(account, "rmAuth", "/CN=one")
    assert session.users.get(account).dn == ["/CN=two"]


def test_an_authentication_name_that_is_not_there_cannot_be_removed(
    session: iRODSSession, account: str
) -> None:
    with pytest.raises(CAT_SUCCESS_BUT_WITH_NO_INFO):
        session.users.modify(account, "rmAuth", "/CN=none")


def test_what_a_user_does_not_have_cannot_be_changed(session: iRODSSession, account: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        session.users.modify(account, "shoe size", "44")


# -- passwords


@pytest.mark.parametrize("password", ["plain", "p\u00e4ss w\u00f6rd", "with \"'<>&\\ signs", "x" * 42, "abc"])
def test_a_rodsadmin_sets_a_password(zone: Zone, session: iRODSSession, account: str, password: str) -> None:
    session.users.modify(account, "password", password)
    assert can_log_in(zone, account, password)


def test_a_new_password_replaces_the_old_one(zone: Zone, session: iRODSSession, account: str) -> None:
    session.users.modify(account, "password", "first")
    session.users.modify(account, "password", "second")
    assert [can_log_in(zone, account, word) for word in ("first", "second")] == [False, True]


def test_a_password_that_is_too_long_is_refused(session: iRODSSession, account: str) -> None:
    with pytest.raises(PASSWORD_EXCEEDS_MAX_SIZE):
        session.users.modify(account, "password", "x" * 43)


def test_a_user_changes_his_password(zone: Zone, make_user: Callable[[str], iRODSSession]) -> None:
    user = make_user("changer")
    user.users.modify_password(f"{user.username}-pw", "changed")
    assert can_log_in(zone, user.username, "changed")
    assert not can_log_in(zone, user.username, f"{user.username}-pw")


def test_a_user_changes_no_other_password(
    make_user: Callable[[str], iRODSSession], session: iRODSSession
) -> None:
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        user_admin(make_user("user"), "userpw", session.username, "password", "anything")


def test_a_password_obfuscated_with_another_one_is_not_taken(
    zone: Zone, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("user")
    with user.pool.get_connection() as connection:
        obfuscated = obfuscate_new_password("changed", "another password", connection.client_signature)
        request = UserAdminRequest("userpw", user.username, "password", obfuscated)
        connection.send(iRODSMessage("RODS_API_REQ", msg=request, int_info=USER_ADMIN))
        with pytest.raises(PASSWORD_EXCEEDS_MAX_SIZE):
            connection.recv()
    assert can_log_in(zone, user.username, f"{user.username}-pw")


_passwords = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=42)
_plain_passwords = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=42)
_signatures = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(new=_passwords, old=_passwords, signature=_signatures)
def test_what_a_client_obfuscates_the_server_reads(new: str, old: str, signature: str) -> None:
    assert deobfuscate(obfuscate_new_password(new, old, signature), old, signature) == new


@given(new=_passwords, old=_plain_passwords, signature=_signatures)
def test_the_first_version_of_the_obfuscation_is_read_too(new: str, old: str, signature: str) -> None:
    assert deobfuscate(obfuscate_new_password_with_key(new, old), old, signature) == new


# -- groups


def test_a_group_has_members(session: iRODSSession, account: str, group: str) -> None:
    session.groups.addmember(group, account)
    assert [member.name for member in session.groups.get(group).members] == [account]


def test_a_member_can_leave(session: iRODSSession, account: str, group: str) -> None:
    session.groups.addmember(group, account)
    session.groups.removemember(group, account)
    assert session.groups.get(group).members == []


def test_a_member_is_one_once(session: iRODSSession, account: str, group: str) -> None:
    session.groups.addmember(group, account)
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        session.groups.addmember(group, account)


def test_who_is_no_member_cannot_leave(session: iRODSSession, account: str, group: str) -> None:
    assert failure(session.groups.removemember, group, account) == code_of("USER_NOT_IN_GROUP")


def test_a_group_is_no_member(session: iRODSSession, group: str) -> None:
    with pytest.raises(CAT_INVALID_USER):
        session.groups.addmember(group, "public")


def test_a_user_is_no_group(session: iRODSSession, account: str) -> None:
    with pytest.raises(CAT_INVALID_GROUP):
        session.groups.addmember(session.username, account)


def test_a_group_that_does_not_exist_cannot_be_removed(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_GROUP):
        admin(session, "rm", "group", "nobodies")


def test_a_group_cannot_be_changed_as_a_user(session: iRODSSession, group: str) -> None:
    with pytest.raises(SYS_NOT_ALLOWED):
        session.users.modify(group, "password", "secret")


# -- groupadmins


def test_a_groupadmin_makes_users_with_a_password(
    zone: Zone, session: iRODSSession, groupadmin: iRODSSession, name: str
) -> None:
    groupadmin.users.create_with_password(name, "initial")
    assert can_log_in(zone, name, "initial")
    session.users.remove(name)


@pytest.fixture
def team(session: iRODSSession, groupadmin: iRODSSession) -> Iterator[str]:
    """A group that a groupadmin has made; nobody is in it."""
    team_name = f"team{next(_numbers)}"
    groupadmin.groups.create(team_name, group_admin=True)
    yield team_name
    session.groups.remove(team_name)


def test_a_groupadmin_who_joins_a_new_group_fills_it(
    session: iRODSSession, groupadmin: iRODSSession, account: str, team: str
) -> None:
    for member in (groupadmin.username, account):
        groupadmin.groups.addmember(team, member, group_admin=True)
    assert {member.name for member in session.groups.get(team).members} == {groupadmin.username, account}


def test_a_groupadmin_who_does_not_join_a_new_group_adds_one_member_only(
    groupadmin: iRODSSession, account: str, team: str
) -> None:
    groupadmin.groups.addmember(team, account, group_admin=True)
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        groupadmin.groups.addmember(team, groupadmin.username, group_admin=True)


def test_a_groupadmin_changes_only_groups_that_he_is_in(
    session: iRODSSession, groupadmin: iRODSSession, account: str, group: str
) -> None:
    session.groups.addmember(group, account)
    for change in (groupadmin.groups.removemember, groupadmin.groups.addmember):
        with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
            change(group, account, group_admin=True)


def test_a_groupadmin_removes_nothing(groupadmin: iRODSSession, group: str) -> None:
    with pytest.raises(SYS_NO_API_PRIV):
        groupadmin.groups.remove(group)


def test_a_rodsuser_is_no_groupadmin(make_user: Callable[[str], iRODSSession], name: str) -> None:
    user = make_user("user")
    for arguments in (
        ("mkuser", name),
        ("mkgroup", name),
        ("modify", "group", "public", "add", user.username),
    ):
        with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
            user_admin(user, *arguments)
