"""Sessions on behalf of others: who may, whose objects come of it, and that nothing of them is left."""

from __future__ import annotations

from typing import Any

import Glacier2
import Ice
import omero
import pytest

from omero_irods_bridge.adapters.omero import connection as omero_connection
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import LogIn
from tests.wire.bridge_write.test_saving import id_of
from tests.wire.omero_server.conftest import User

DATASET = [{"@": "Dataset:_1", "name": "d"}]


def is_over(server: OmeroServer, key: str) -> bool:
    client = omero.client(server.host, server.ssl_port)
    try:
        client.joinSession(key)
    except (Ice.Exception, Glacier2.PermissionDeniedException):
        return True
    else:
        return False
    finally:
        omero_connection.close_client(client)


@pytest.mark.parametrize("privileges", [["Sudo"], None])
def test_an_administrator_makes_objects_as_the_user_and_the_session_ends_with_the_block(
    server: OmeroServer, connect_as: LogIn, make_user: Any, user: User, privileges: list[str] | None
) -> None:
    admin = connect_as(make_user(admin=privileges is None, privileges=privileges))
    with admin.as_user(user.name) as acting:
        key = acting.client.getSessionId()
        assert (acting.identity.user, acting.identity.group_id) == (user.name, user.group_id)
        made = OmeroGraphWriter(acting).save(DATASET)["Dataset:_1"]
    found: Any = server.store.row("Dataset", id_of(made))
    assert (found["d_owner"], found["d_group"]) == (user.id, user.group_id)
    assert is_over(server, key)
    assert admin.identity.user != user.name
    assert not is_over(server, admin.client.getSessionId())


def test_the_group_is_that_which_is_named(connect_as: LogIn, make_user: Any, make_group: Any) -> None:
    one, two = make_group(), make_group()
    user = make_user(one, two)
    with connect_as(make_user(admin=True)).as_user(user.name, two.name) as acting:
        assert acting.identity.group_id == two.id
        key = OmeroGraphWriter(acting).save(DATASET)["Dataset:_1"]
        found = acting.session.getQueryService().get("Dataset", id_of(key))
        assert found.details.group.id.val == two.id


def test_another_client_of_such_a_session_is_the_same_user(
    connect_as: LogIn, make_user: Any, user: User
) -> None:
    with connect_as(make_user(admin=True)).as_user(user.name) as acting:
        with acting.another_client() as client:
            assert client.getSession().getAdminService().getEventContext().userId == user.id
        assert OmeroGraphWriter(acting).save(DATASET)


def test_what_the_user_may_he_may_through_an_administrator_too_deleting_included(
    server: OmeroServer, connect_as: LogIn, make_user: Any, user: User
) -> None:
    with connect_as(make_user(privileges=["Sudo"])).as_user(user.name) as acting:
        writer = OmeroGraphWriter(acting)
        key = id_of(writer.save(DATASET)["Dataset:_1"])
        writer.delete({"Dataset": [key]})
    assert server.store.row("Dataset", key) is None


def test_it_lasts_as_long_as_it_is_used_and_not_a_minute(
    connect_as: LogIn, make_user: Any, user: User
) -> None:
    with connect_as(make_user(admin=True)).as_user(user.name) as acting:
        service = acting.session.getSessionService()
        session = service.getSession(acting.client.getSessionId())
        assert session.timeToLive.val == 0
        assert session.timeToIdle.val > 2 * 1000 * omero_connection.KEEP_ALIVE_S


def test_users_without_the_right_may_not(
    connect_as: LogIn, make_user: Any, make_group: Any, user: User
) -> None:
    for who in (make_user(), make_user(privileges=["WriteOwned"])):
        with (
            pytest.raises(AccessDenied, match=f"a session for {user.name}"),
            connect_as(who).as_user(user.name),
        ):
            pass


def test_the_owner_of_a_group_may_in_that_group(connect_as: LogIn, make_user: Any, make_group: Any) -> None:
    group = make_group("rw----")
    member, leader = make_user(group), make_user(owner_of=[group])
    with connect_as(leader).as_user(member.name, group.name) as acting:
        assert acting.identity.user_id == member.id


@pytest.mark.parametrize(("name", "group"), [("nobody", None), (None, "nowhere"), ("nobody", "user")])
def test_who_is_not_there_is_not_found(
    connect_as: LogIn, make_user: Any, user: User, name: str | None, group: str | None
) -> None:
    admin = connect_as(make_user(admin=True))
    with pytest.raises(NotFound, match="no such user or group"), admin.as_user(name or user.name, group):
        pass


def test_an_error_in_the_block_ends_the_session_too(
    server: OmeroServer, connect_as: LogIn, make_user: Any, user: User
) -> None:
    admin = connect_as(make_user(admin=True))
    keys: list[str] = []

    def work(acting: OmeroConnection) -> None:
        keys.append(acting.client.getSessionId())
        raise BridgeError("it breaks")

    with pytest.raises(BridgeError, match="it breaks"), admin.as_user(user.name) as acting:
        work(acting)
    assert is_over(server, keys[0])


def test_a_session_that_cannot_be_joined_is_ended(
    server: OmeroServer, connect_as: LogIn, make_user: Any, user: User
) -> None:
    admin = connect_as(make_user(admin=True))
    before = {session.uuid for session in server.sessions.all()}
    server.faults.fail_call("Router.createSession")
    with pytest.raises(BridgeError, match=f"a session for {user.name}"), admin.as_user(user.name):
        pass
    assert {session.uuid for session in server.sessions.all()} == before


def test_a_server_that_fails_to_make_one_is_an_error(
    server: OmeroServer, connect_as: LogIn, make_user: Any, user: User
) -> None:
    admin = connect_as(make_user(admin=True))
    for operation in ("ServiceFactory.getSessionService", "ISession.createSessionWithTimeouts"):
        server.faults.fail_call(operation)
        with pytest.raises(BridgeError, match="injected fault"), admin.as_user(user.name):
            pass
