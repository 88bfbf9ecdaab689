"""Permissions through python-irodsclient: levels, trees, inheritance, groups, admin mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from irods.access import iRODSAccess
from irods.exception import (
    CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
    CAT_INVALID_ARGUMENT,
    CAT_INVALID_USER,
    CAT_NO_ACCESS_PERMISSION,
)
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import read, write
from tests.wire.irods_zone.wire_client import WireClient, json_buffer, read_json_buffer

_ATOMIC: Final = 20005


@pytest.fixture
def user(make_user: Callable[[str], iRODSSession]) -> iRODSSession:
    return make_user("friend")


@pytest.fixture
def tree(session: iRODSSession, home: str) -> list[str]:
    """A collection, a collection in it, and a data object in each; collections first."""
    session.collections.create(f"{home}/a/b")
    paths = [f"{home}/a", f"{home}/a/b", f"{home}/a/object", f"{home}/a/b/object"]
    for path in paths[2:]:
        write(session, path, b"data")
    return paths


def level(zone: Zone, user: iRODSSession, path: str) -> int:
    """What the user has on the object by himself or a group, 0 for nothing."""
    catalog = zone.catalog
    return catalog.permissions.level(catalog.users.get(user.username), catalog.object_id(path))


def grant(session: iRODSSession, access: str, path: str, user: iRODSSession | str, **options: bool) -> None:
    name = user if isinstance(user, str) else user.username
    session.acls.set(iRODSAccess(access, path, name), **options)


# -- levels


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ("read", AccessLevel.READ_OBJECT),
        ("read_object", AccessLevel.READ_OBJECT),
        ("read object", AccessLevel.READ_OBJECT),
        ("write", AccessLevel.MODIFY_OBJECT),
        ("modify_object", AccessLevel.MODIFY_OBJECT),
        ("own", AccessLevel.OWN),
        ("read_metadata", AccessLevel.READ_METADATA),
        ("create_metadata", AccessLevel.CREATE_METADATA),
        ("modify_metadata", AccessLevel.MODIFY_METADATA),
        ("delete_metadata", AccessLevel.DELETE_METADATA),
        ("create_object", AccessLevel.CREATE_OBJECT),
        ("delete_object", AccessLevel.DELETE_OBJECT),
    ],
)
def test_a_level_has_this_name(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str, access: str, expected: AccessLevel
) -> None:
    grant(session, access, home, user)
    assert level(zone, user, home) == expected


def test_a_level_that_does_not_exist_is_refused(session: iRODSSession, user: iRODSSession, home: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT, match="access level 'rule' is invalid"):
        grant(session, "rule", home, user)


def test_null_takes_everything_away(zone: Zone, session: iRODSSession, user: iRODSSession, home: str) -> None:
    grant(session, "own", home, user)
    grant(session, "null", home, user)
    assert level(zone, user, home) == 0


def test_a_lower_level_replaces_a_higher_one(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    grant(session, "own", home, user)
    grant(session, "read", home, user)
    assert level(zone, user, home) == AccessLevel.READ_OBJECT


def test_the_list_of_permissions_shows_them(session: iRODSSession, user: iRODSSession, home: str) -> None:
    grant(session, "read", home, user)
    listed = {(acl.user_name, acl.access_name) for acl in session.acls.get(session.collections.get(home))}
    assert listed == {(session.username, "own"), (user.username, "read_object")}


def test_who_may_read_can_read(session: iRODSSession, user: iRODSSession, tree: list[str]) -> None:
    grant(session, "read", tree[0], user)
    grant(session, "read", tree[2], user)
    assert read(user, tree[2]) == b"data"


# -- who may


def test_only_the_owner_gives_permissions(session: iRODSSession, user: iRODSSession, home: str) -> None:
    grant(session, "write", home, user)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        grant(user, "own", home, user)


def test_a_second_owner_gives_permissions_too(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    grant(session, "own", home, user)
    grant(user, "read", home, "public")
    assert level(zone, user, home) == AccessLevel.OWN


def test_a_rodsadmin_does_not_own_what_others_own(session: iRODSSession, user: iRODSSession) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        grant(session, "read", f"/{user.zone}/home/{user.username}", session)


def test_a_rodsadmin_gives_permissions_in_admin_mode(
    zone: Zone, session: iRODSSession, user: iRODSSession
) -> None:
    path = f"/{user.zone}/home/{user.username}"
    grant(session, "read", path, session, admin=True)
    assert level(zone, session, path) == AccessLevel.READ_OBJECT
    grant(session, "null", path, session, admin=True)


def test_admin_mode_is_for_rodsadmins(user: iRODSSession, home: str) -> None:
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        grant(user, "own", home, user, admin=True)


def test_the_user_must_exist(session: iRODSSession, home: str) -> None:
    with pytest.raises(CAT_INVALID_USER):
        grant(session, "read", home, "nobody")


def test_the_object_must_exist(session: iRODSSession, home: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT, match="not a collection and not a dataObj"):
        grant(session, "read", f"{home}/nothing", "public")


# -- groups


def test_a_member_has_what_his_group_has(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    group = session.groups.create("friends")
    try:
        group.addmember(user.username)
        grant(session, "write", home, "friends")
        assert level(zone, user, home) == AccessLevel.MODIFY_OBJECT
        group.removemember(user.username)
        assert level(zone, user, home) == 0
    finally:
        group.remove()


def test_the_highest_of_ones_own_and_ones_groups_levels_counts(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    grant(session, "own", home, "public")
    grant(session, "read", home, user)
    assert level(zone, user, home) == AccessLevel.OWN


# -- trees


def test_without_recursion_only_the_collection_changes(
    zone: Zone, session: iRODSSession, user: iRODSSession, tree: list[str]
) -> None:
    grant(session, "read", tree[0], user)
    assert [level(zone, user, path) for path in tree[1:]] == [0, 0, 0]


def test_with_recursion_everything_below_changes(
    zone: Zone, session: iRODSSession, user: iRODSSession, tree: list[str]
) -> None:
    grant(session, "read", tree[0], user, recursive=True)
    assert {level(zone, user, path) for path in tree} == {AccessLevel.READ_OBJECT}


def test_recursion_takes_away_too(
    zone: Zone, session: iRODSSession, user: iRODSSession, tree: list[str]
) -> None:
    grant(session, "read", tree[0], user, recursive=True)
    grant(session, "null", tree[0], user, recursive=True)
    assert {level(zone, user, path) for path in tree} == {0}


def test_recursion_stays_in_the_tree(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str, tree: list[str]
) -> None:
    """Even where the tree's name is a pattern that matches a neighbour."""
    wild, neighbour = (session.collections.create(f"{home}/{name}/in").path for name in ("_", "x"))
    grant(session, "read", f"{home}/_", user, recursive=True)
    assert level(zone, user, wild) == AccessLevel.READ_OBJECT
    assert level(zone, user, neighbour) == 0
    assert level(zone, user, home) == 0


def test_a_data_object_has_no_tree(session: iRODSSession, user: iRODSSession, tree: list[str]) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT, match="recursion was requested"):
        grant(session, "read", tree[2], user, recursive=True)


# -- inheritance


def inherits(session: iRODSSession, path: str) -> bool:
    return str(session.collections.get(path).inheritance) in ("1", "True")


def test_what_is_made_in_a_collection_inherits_its_permissions(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    grant(session, "read", home, user)
    session.acls.set(iRODSAccess("inherit", home))
    write(session, f"{home}/object", b"data")
    session.collections.create(f"{home}/collection")
    levels = {level(zone, user, f"{home}/{name}") for name in ("object", "collection")}
    assert levels == {AccessLevel.READ_OBJECT}


def test_a_new_collection_hands_down_what_it_inherited(session: iRODSSession, home: str) -> None:
    session.acls.set(iRODSAccess("inherit", home))
    session.collections.create(f"{home}/collection")
    assert inherits(session, f"{home}/collection")


def test_what_is_there_already_does_not_inherit(
    zone: Zone, session: iRODSSession, user: iRODSSession, tree: list[str]
) -> None:
    grant(session, "read", tree[0], user)
    session.acls.set(iRODSAccess("inherit", tree[0]))
    assert level(zone, user, tree[1]) == 0


def test_inheritance_can_be_switched_off(
    zone: Zone, session: iRODSSession, user: iRODSSession, home: str
) -> None:
    grant(session, "read", home, user)
    session.acls.set(iRODSAccess("inherit", home))
    session.acls.set(iRODSAccess("noinherit", home))
    session.collections.create(f"{home}/collection")
    assert level(zone, user, f"{home}/collection") == 0


@pytest.mark.parametrize(("recursive", "expected"), [(False, False), (True, True)])
def test_inheritance_is_switched_below_only_recursively(
    session: iRODSSession, tree: list[str], recursive: bool, expected: bool
) -> None:
    session.acls.set(iRODSAccess("inherit", tree[0]), recursive=recursive)
    assert inherits(session, tree[0])
    assert inherits(session, tree[1]) is expected


def test_a_data_object_cannot_hand_anything_down(session: iRODSSession, tree: list[str]) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="either the collection does not exist"):
        session.acls.set(iRODSAccess("inherit", tree[2]))


def test_only_the_owner_switches_inheritance(session: iRODSSession, user: iRODSSession, home: str) -> None:
    grant(session, "write", home, user)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        user.acls.set(iRODSAccess("inherit", home))


# -- many at once


@pytest.fixture
def wire(zone: Zone) -> Iterator[WireClient]:
    with WireClient(zone.host, zone.port) as client:
        client.log_in(zone.config.admin, zone.name, zone.password)
        yield client


def atomic(wire: WireClient, path: str, *operations: object, **more: object) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the reply; python-irodsclient has no method for this operation."""
    request = {"logical_path": path, "operations": list(operations)}
    reply = wire.call(_ATOMIC, json_buffer(request | more))
    return reply.int_info, read_json_buffer(reply.message)


def change(user: iRODSSession | str, access: str) -> dict[str, str]:
    return {"entity_name": user if isinstance(user, str) else user.username, "acl": access}


def test_several_permissions_change_in_one_call(
    zone: Zone, wire: WireClient, user: iRODSSession, home: str
) -> None:
    assert atomic(wire, home, change("public", "read"), change(user, "own")) == (0, {})
    assert level(zone, user, home) == AccessLevel.OWN


def test_one_bad_change_undoes_those_before_it(
    zone: Zone, wire: WireClient, user: iRODSSession, home: str
) -> None:
    bad = change("nobody", "read")
    status, reply = atomic(wire, home, change(user, "read"), bad)
    assert status == code_of("SYS_INVALID_INPUT_PARAM")
    assert (reply["operation"], reply["operation_index"]) == (bad, 1)
    assert level(zone, user, home) == 0


def test_a_level_of_a_bad_name_is_refused(wire: WireClient, user: iRODSSession, home: str) -> None:
    assert atomic(wire, home, change(user, "rule"))[0] == code_of("SYS_INVALID_INPUT_PARAM")


def test_an_object_that_does_not_exist_is_refused(wire: WireClient, home: str) -> None:
    status, _ = atomic(wire, f"{home}/nothing", change("public", "read"))
    assert status == code_of("OBJ_PATH_DOES_NOT_EXIST")


@pytest.mark.parametrize(("mode", "expected"), [(False, "CAT_NO_ACCESS_PERMISSION"), (True, "")])
def test_several_permissions_of_others_need_admin_mode(
    wire: WireClient, user: iRODSSession, mode: bool, expected: str
) -> None:
    path = f"/{user.zone}/home/{user.username}"
    status, _ = atomic(wire, path, change("public", "null"), admin_mode=mode)
    assert status == (code_of(expected) if expected else 0)
