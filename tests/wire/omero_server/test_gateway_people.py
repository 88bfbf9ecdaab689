"""The unmodified BlitzGateway looks at people and groups, and at enumerations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User


def ids(objects: Any) -> list[int]:
    """In the order they came."""
    return [one.getId() for one in objects]


def test_who_is_there(connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]) -> None:
    group = make_group("rwr---")
    member, leader = make_user(group), make_user(owner_of=[group])
    gateway = connect(member)
    assert (gateway.getUser().getId(), gateway.getUser().getName()) == (member.id, member.name)
    assert gateway.getGroupFromContext().getName() == group.name
    assert {one.getId() for one in gateway.listColleagues()} == {leader.id}
    leaders, members = gateway.getObject("ExperimenterGroup", group.id).groupSummary()
    assert (ids(leaders), ids(members)) == ([leader.id], [member.id])
    assert not gateway.isLeader()
    assert not gateway.isAdmin()
    as_leader = connect(leader)
    assert as_leader.isLeader()
    assert ids(as_leader.listOwnedGroups()) == [group.id]
    assert ids(as_leader.listStaffs()) == [member.id]


def test_groups_of_a_user(gateway: Gateway, user: User, root: Gateway) -> None:
    assert ids(gateway.getGroupsMemberOf()) == [user.group_id]
    assert gateway.getDefaultGroup(user.id).getId() == user.group_id
    assert user.group_id in ids(gateway.listGroups())
    assert user.id in ids(root.containedExperimenters(user.group_id))
    assert ids(root.findExperimenters(user.name)) == [user.id]


def test_root_makes_a_group(root: Gateway, user: User) -> None:
    made = root.createGroup("made by the gateway", owner_Ids=[user.id], member_Ids=[0], perms="rwra--")
    group = root.getObject("ExperimenterGroup", made)
    leaders, members = group.groupSummary()
    assert (ids(leaders), ids(members)) == ([user.id], [0])
    assert str(group.getDetails().getPermissions()) == "rwra--"


def test_the_group_of_the_session_is_changed_and_brought_back(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    gateway = connect(make_user(first, second))
    gateway.setGroupForSession(second.id)
    assert gateway.getEventContext().groupId == second.id
    assert gateway.getObject("Dataset", content.new(gateway, "Dataset")).details.group.id.val == second.id
    gateway.revertGroupForSession()
    assert gateway.getEventContext().groupId == first.id


def test_enumerations_have_their_values(gateway: Gateway) -> None:
    values = [one.getValue() for one in gateway.getEnumerationEntries("PixelsType")]
    assert {"uint8", "uint16", "float"} <= set(values)
    found = gateway.getEnumeration("PixelsType", "uint16")
    assert gateway.getEnumerationById("PixelsType", found.getId()).getValue() == "uint16"
    assert "PixelsType" in gateway.getEnumerations()
