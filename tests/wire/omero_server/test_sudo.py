"""Sessions on behalf of others (omero-semantics.md, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omero
import omero.clients
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client, Connect, Gateway, Group, MakeUser, User


def sudo(gateway: Gateway, user: User, group: str = "") -> str:
    """The id of a session for ``user``."""
    service = gateway.c.sf.getSessionService()
    principal = omero.sys.Principal(user.name, group, "Test", None)
    return str(service.createSessionWithTimeouts(principal, 0, 60_000).uuid.val)


def joined(server: OmeroServer, key: str) -> Client:
    client = omero.client(server.host, server.ssl_port)
    client.joinSession(key)
    return client


def saved_dataset(client: Client, **context: str) -> Any:
    dataset = omero.model.DatasetI()
    dataset.name = omero.rtypes.rstring("made by sudo")
    return client.getSession().getUpdateService().saveAndReturnObject(dataset, context)


def test_an_administrator_acts_as_another(server: OmeroServer, root: Gateway, user: User) -> None:
    client = joined(server, sudo(root, user))
    context = client.getSession().getAdminService().getEventContext()
    assert (context.userId, context.sudoerId.val, context.sudoerName.val) == (user.id, 0, "root")
    assert saved_dataset(client).details.owner.id.val == user.id
    client.closeSession()


def test_the_privilege_sudo_alone_is_enough(
    server: OmeroServer, connect: Connect, make_user: MakeUser, user: User
) -> None:
    light = connect(make_user(privileges=["Sudo"]))
    client = joined(server, sudo(light, user))
    dataset = saved_dataset(client)
    assert (dataset.details.owner.id.val, dataset.details.group.id.val) == (user.id, user.group_id)
    client.closeSession()


def test_without_the_privilege_there_is_no_sudo(connect: Connect, make_user: MakeUser, user: User) -> None:
    light = connect(make_user(privileges=["WriteOwned", "ReadSession"]))
    with pytest.raises(omero.SecurityViolation, match="may not sudo"):
        sudo(light, user)


def test_a_member_cannot_act_as_another(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwrw--")
    with pytest.raises(omero.SecurityViolation, match="may not sudo"):
        sudo(connect(make_user(group)), make_user(group), group.name)


def test_the_owner_of_a_group_acts_as_a_member_in_that_group(
    server: OmeroServer, connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group, other = make_group("rw----"), make_group("rw----")
    member, leader = make_user(other, group), make_user(owner_of=[group])
    with pytest.raises(omero.SecurityViolation, match="may not sudo"):
        sudo(connect(leader), member)  # the default group is not his
    client = joined(server, sudo(connect(leader), member, group.name))
    assert saved_dataset(client).details.group.id.val == group.id
    query = client.getSession().getQueryService()
    for forbidden in (other.id, -1):
        with pytest.raises(omero.SecurityViolation, match=f"may not use group {forbidden}"):
            query.findAll("Dataset", None, {"omero.group": str(forbidden)})
    client.closeSession()


def test_the_owner_of_a_group_cannot_delete_as_a_member(
    server: OmeroServer, connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    """Delete2 looks into all groups, which such a session may not."""
    group = make_group("rw----")
    member, leader = make_user(group), make_user(owner_of=[group])
    client = joined(server, sudo(connect(leader), member, group.name))
    dataset = saved_dataset(client)
    request = omero.cmd.Delete2(targetObjects={"Dataset": [dataset.id.val]})
    callback = client.submit(request, failonerror=False)
    assert isinstance(callback.getResponse(), omero.cmd.ERR)
    callback.close(True)
    assert client.getSession().getQueryService().find("Dataset", dataset.id.val) is not None
    client.closeSession()


def test_the_owner_of_a_group_cannot_act_as_an_administrator(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group()
    boss = make_user(group, admin=True)
    with pytest.raises(omero.SecurityViolation, match="may not sudo"):
        sudo(connect(make_user(owner_of=[group])), boss, group.name)


def test_sudo_as_an_administrator_gives_no_more_than_one_has(
    server: OmeroServer, connect: Connect, make_user: MakeUser
) -> None:
    light, full = connect(make_user(privileges=["Sudo", "Chgrp"])), make_user(admin=True)
    client = joined(server, sudo(light, full))
    assert client.getSession().getAdminService().getEventContext().adminPrivileges == ["Chgrp", "Sudo"]
    client.closeSession()


def test_sudo_through_sudo_keeps_the_first_sudoer(
    server: OmeroServer, connect: Connect, make_user: MakeUser, user: User
) -> None:
    light = make_user(privileges=["Sudo"])
    first = joined(server, sudo(connect(light), make_user(admin=True)))
    service = first.getSession().getSessionService()
    made = service.createSessionWithTimeouts(omero.sys.Principal(user.name, "", "Test", None), 0, 60_000)
    second = joined(server, made.uuid.val)
    assert second.getSession().getAdminService().getEventContext().sudoerId.val == light.id
    second.closeSession()
    first.closeSession()


@pytest.mark.parametrize("group", ["", "user"])
def test_nobody_acts_as_a_user_who_is_not_there(root: Gateway, group: str) -> None:
    with pytest.raises(omero.AuthenticationException, match="Error creating session"):
        sudo(root, User(0, "nobody", "", 0), group)


def test_a_group_that_is_not_there_is_named(root: Gateway, user: User) -> None:
    with pytest.raises(omero.AuthenticationException, match="Error creating session"):
        sudo(root, user, "nowhere")


def test_another_session_of_ones_own_needs_a_password_session(
    server: OmeroServer, client: Client, root: Gateway, user: User
) -> None:
    made = client.getSession().getSessionService().createUserSession(0, 0, "")
    assert (made.timeToIdle.val, made.details.owner.id.val) == (600_000, user.id)
    without = joined(server, sudo(root, user))
    with pytest.raises(omero.SecurityViolation, match="password"):
        without.getSession().getSessionService().createUserSession(0, 0, "")
    without.closeSession()


def test_light_administrators_are_told_what_they_may(connect: Connect, make_user: MakeUser) -> None:
    gateway = connect(make_user(privileges=["Sudo", "WriteOwned"]))
    assert sorted(gateway.getCurrentAdminPrivileges()) == ["Sudo", "WriteOwned"]
    assert not gateway.isFullAdmin()
    assert gateway.isAdmin()


def test_what_one_lacks_cannot_be_given_away(connect: Connect, make_user: MakeUser) -> None:
    light = connect(make_user(privileges=["ModifyUser"]))
    other = make_user(privileges=["ModifyUser"])
    sudo_privilege = omero.model.AdminPrivilegeI()
    sudo_privilege.value = omero.rtypes.rstring("Sudo")
    with pytest.raises(omero.SecurityViolation, match="may not be changed"):
        light.getAdminService().setAdminPrivileges(
            omero.model.ExperimenterI(other.id, False), [sudo_privilege]
        )


def test_creating_for_others_needs_write_owned(connect: Connect, make_user: MakeUser, user: User) -> None:
    def save(gateway: Gateway) -> Any:
        dataset = omero.model.DatasetI()
        dataset.name = omero.rtypes.rstring("for another")
        dataset.details.owner = omero.model.ExperimenterI(user.id, False)
        update = gateway.getUpdateService()
        return update.saveAndReturnObject(dataset, {"omero.group": str(user.group_id)})

    assert save(connect(make_user(privileges=["WriteOwned"]))).details.owner.id.val == user.id
    with pytest.raises(omero.SecurityViolation, match="WriteOwned"):
        save(connect(make_user(privileges=["Sudo"])))
