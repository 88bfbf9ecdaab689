"""Who may do what (omero-semantics.md, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

import omero_irods_sandbox.omero_server  # noqa: F401
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.security.caller import (
    Caller,
    GroupRights,
    group_rights,
    permission_bits,
)
from omero_irods_sandbox.omero_server.security.privileges import ALL_PRIVILEGES, NO_PRIVILEGES, Privilege
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed, restrictions
from omero_irods_sandbox.omero_server.store.store import Store
from tests.unit.omero_server.builders import named

IMAGE, PIXELS = MODEL.entity("Image"), MODEL.entity("Pixels")
OWNER, OTHER, GROUP, STRANGE_GROUP = 10, 11, 5, 6
PERMISSIONS = ("rw----", "rwr---", "rwra--", "rwrw--")
NOBODY: frozenset[Right] = frozenset()
ALL = frozenset(Right)


def caller(
    permissions: str,
    *,
    leads: bool = False,
    member: bool = True,
    privileges: frozenset[Privilege] | None = None,
) -> Caller:
    return Caller(
        user_id=OTHER,
        group_id=GROUP,
        session_group_id=GROUP,
        is_admin=privileges is not None,
        privileges=privileges or NO_PRIVILEGES,
        member_of=((GROUP,) if member else (STRANGE_GROUP,)) + ((0,) if privileges is not None else ()),
        leader_of=frozenset({GROUP}) if leads else frozenset(),
        groups={
            GROUP: group_rights(permission_bits(permissions)),
            STRANGE_GROUP: group_rights(permission_bits("rw----")),
        },
    )


def rights(asking: Caller, owner: int = OWNER) -> frozenset[Right]:
    return frozenset(right for right in Right if is_allowed(asking, right, IMAGE, owner, GROUP))


MEMBER = {
    "rw----": NOBODY,
    "rwr---": {Right.READ},
    "rwra--": {Right.READ, Right.ANNOTATE},
    "rwrw--": {Right.READ, Right.ANNOTATE, Right.EDIT, Right.LINK, Right.DELETE},
}
BY_RANK = {
    "rw----": ALL - {Right.LINK, Right.ANNOTATE},
    "rwr---": ALL,
    "rwra--": ALL,
    "rwrw--": ALL,
}


@pytest.mark.parametrize("permissions", PERMISSIONS)
def test_members_on_the_image_of_another(permissions: str) -> None:
    assert rights(caller(permissions)) == MEMBER[permissions]


@pytest.mark.parametrize("permissions", PERMISSIONS)
def test_owners_of_the_group_on_the_image_of_a_member(permissions: str) -> None:
    assert rights(caller(permissions, leads=True)) == BY_RANK[permissions] - {Right.CHGRP}


@pytest.mark.parametrize("permissions", PERMISSIONS)
def test_administrators_on_the_image_of_anybody(permissions: str) -> None:
    assert rights(caller(permissions, member=False, privileges=ALL_PRIVILEGES)) == BY_RANK[permissions]


@pytest.mark.parametrize("permissions", PERMISSIONS)
def test_users_on_their_own_image(permissions: str) -> None:
    assert rights(caller(permissions), OTHER) == ALL - {Right.CHOWN}


@pytest.mark.parametrize("permissions", PERMISSIONS)
def test_strangers_see_nothing(permissions: str) -> None:
    assert rights(caller(permissions, member=False)) == NOBODY


@pytest.mark.parametrize(
    ("privilege", "gives"),
    [
        (Privilege.WRITE_OWNED, {Right.EDIT, Right.LINK, Right.ANNOTATE}),
        (Privilege.DELETE_OWNED, {Right.DELETE}),
        (Privilege.CHGRP, {Right.CHGRP}),
        (Privilege.CHOWN, {Right.CHOWN}),
        (Privilege.SUDO, NOBODY),
        (Privilege.READ_SESSION, NOBODY),
    ],
)
def test_light_administrators_have_what_their_privileges_give(
    privilege: Privilege, gives: set[Right]
) -> None:
    light = caller("rwr---", member=False, privileges=frozenset({privilege}))
    assert rights(light) == {Right.READ, *gives}


def test_pixels_follow_their_image_and_are_never_moved_alone() -> None:
    boss = caller("rwrw--", leads=True, privileges=ALL_PRIVILEGES)
    assert not is_allowed(boss, Right.CHGRP, PIXELS, OWNER, GROUP)
    assert not is_allowed(boss, Right.CHOWN, PIXELS, OWNER, GROUP)


def test_restrictions_say_what_is_not_allowed_in_the_order_clients_expect() -> None:
    """[link, edit, delete, annotate, chgrp, chown] (omero.constants.permissions)."""
    assert restrictions(caller("rwra--"), IMAGE, OWNER, GROUP) == [True, True, True, False, True, True]


def test_what_belongs_to_all_users_is_read_by_all() -> None:
    assert is_allowed(caller("rw----", member=False), Right.READ, IMAGE, OWNER, 1)


def test_queries_show_exactly_what_may_be_read(
    store: Store, make_group: Callable[[str], int], make_caller: Callable[..., Caller], root: Caller
) -> None:
    groups = [make_group(permissions) for permissions in (*PERMISSIONS, "rwr-r-")]
    callers = [make_caller(group, owner=owner) for group, owner in product(groups, (False, True))]
    callers += [make_caller(group) for group in groups]
    for one in callers:
        with store.work(one) as work:
            work.save(named("Image"))
    images = store.database.rows('select id, d_owner, d_group from "Image"')
    everybody = [*callers, root]
    for one, group in product(everybody, [-1, *groups]):
        # A caller knows the groups there were when he was made.
        asking = replace(one, group_id=group, groups=_all(store))
        expected = {
            row["id"]
            for row in images
            if group in (-1, row["d_group"])
            and is_allowed(asking, Right.READ, IMAGE, row["d_owner"], row["d_group"])
        }
        assert {image.id.val for image in store.objects("select i from Image i", asking)} == expected


def _all(store: Store) -> dict[int, GroupRights]:
    rows = store.database.tuples('select id, d_permissions from "ExperimenterGroup"')
    return {id_: group_rights(bits) for id_, bits in rows}
