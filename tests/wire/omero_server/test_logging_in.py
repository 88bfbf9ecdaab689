"""Logging in, joining and leaving with the unmodified omero-py."""

from __future__ import annotations

import stat
from collections.abc import Callable

import Glacier2
import Ice
import omero
import omero.clients
import pytest
from omero.gateway import BlitzGateway

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client, Connect, Group, MakeUser, User


def log_in(server: OmeroServer, name: str, password: str, **properties: str) -> Client:
    """A client with a session over TLS."""
    client = omero.client({"omero.host": server.host, "omero.port": str(server.ssl_port), **properties})
    client.createSession(name, password)
    return client


def test_the_gateway_logs_in_over_tls_and_stays_there(connect: Connect, user: User) -> None:
    gateway = connect(user, secure=True)
    assert gateway.isSecure()
    assert gateway.getUser().getName() == user.name


def test_the_gateway_may_go_on_without_tls(connect: Connect, user: User) -> None:
    gateway = connect(user, secure=False)
    assert not gateway.isSecure()
    assert gateway.getUser().getName() == user.name


def test_plain_tcp_is_enough(server: OmeroServer, user: User) -> None:
    client = omero.client(f"tcp://{server.host}:{server.tcp_port}")
    client.createSession(user.name, user.password)
    assert client.getSession().getAdminService().getEventContext().userId == user.id
    client.closeSession()


def test_a_wrong_password_is_refused(server: OmeroServer, user: User) -> None:
    with pytest.raises(Glacier2.PermissionDeniedException, match="Password check failed"):
        log_in(server, user.name, "wrong")


def test_an_unknown_user_is_refused_as_a_wrong_password_is(server: OmeroServer) -> None:
    with pytest.raises(Glacier2.PermissionDeniedException, match="Password check failed"):
        log_in(server, "nobody", "wrong")


def test_a_user_who_is_in_no_group_of_users_is_refused(
    server: OmeroServer, root: BlitzGateway, user: User
) -> None:
    everybody = omero.model.ExperimenterGroupI(1, False)
    root.getAdminService().removeGroups(omero.model.ExperimenterI(user.id, False), [everybody])
    with pytest.raises(Glacier2.PermissionDeniedException, match="inactive"):
        log_in(server, user.name, user.password)


def test_a_login_may_choose_its_group(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    assert connect(user).getEventContext().groupId == first.id
    assert connect(user, second).getEventContext().groupId == second.id


def test_a_group_one_is_not_in_is_refused(
    server: OmeroServer, user: User, make_group: Callable[..., Group]
) -> None:
    with pytest.raises(Glacier2.CannotCreateSessionException, match="not a member"):
        log_in(server, user.name, user.password, **{"omero.group": make_group().name})


def test_joining_is_being_in_the_same_session(server: OmeroServer, client: Client, user: User) -> None:
    joined = omero.client(server.host, server.ssl_port)
    joined.joinSession(client.getSessionId())
    assert joined.getSessionId() == client.getSessionId()
    assert client.getSession().getSessionService().getReferenceCount(client.getSessionId()) == 2
    joined.closeSession()
    assert client.getSession().getAdminService().getEventContext().userId == user.id


def test_nobody_joins_with_a_password(server: OmeroServer, client: Client) -> None:
    other = omero.client(server.host, server.ssl_port)
    with pytest.raises(Glacier2.PermissionDeniedException, match="joinSession"):
        other.createSession(client.getSessionId(), "guess")


def test_a_session_ends_with_its_last_client(server: OmeroServer, user: User) -> None:
    client = log_in(server, user.name, user.password)
    key = client.getSessionId()
    client.closeSession()
    with pytest.raises(Glacier2.PermissionDeniedException):
        omero.client(server.host, server.ssl_port).joinSession(key)


def test_a_detached_session_outlives_its_client(server: OmeroServer, user: User) -> None:
    client = log_in(server, user.name, user.password)
    key = client.getSessionId()
    client.getSession().detachOnDestroy()
    client.closeSession()
    again = omero.client(server.host, server.ssl_port)
    again.joinSession(key)
    again.getSession().closeOnDestroy()
    again.closeSession()
    with pytest.raises(Glacier2.PermissionDeniedException):
        omero.client(server.host, server.ssl_port).joinSession(key)


def test_the_certificate_can_be_verified(server: OmeroServer, user: User) -> None:
    verify = {"IceSSL.VerifyPeer": "2", "IceSSL.CheckCertName": "1"}
    client = log_in(
        server, user.name, user.password, **verify, **{"IceSSL.CAs": str(server.certificate.authority)}
    )
    assert client.getSession().getAdminService().getEventContext().userId == user.id
    client.closeSession()


def test_another_certificate_is_not_trusted(server: OmeroServer, user: User) -> None:
    with pytest.raises(Ice.Exception):
        log_in(server, user.name, user.password, **{"IceSSL.VerifyPeer": "2"})


def test_secrets_are_for_the_owner_of_the_server_only(server: OmeroServer) -> None:
    for path in (server.root_password_file, server.certificate.bundle, server.config.data / "omero.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert server.root_password_file.read_text().strip() == server.root_password


def test_the_event_context_says_who_calls(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group, led = make_group("rwra--"), make_group()
    user = make_user(group, owner_of=[led])
    context = connect(user).getAdminService().getEventContext()
    assert (context.userId, context.userName, context.groupId) == (user.id, user.name, group.id)
    assert context.memberOfGroups == [group.id, led.id, 1]
    assert context.leaderOfGroups == [led.id]
    assert str(context.groupPermissions) == "rwra--"
    assert not context.isAdmin
    assert context.adminPrivileges == []


def test_a_call_in_a_group_one_is_not_in_is_refused(client: Client, make_group: Callable[..., Group]) -> None:
    query = client.getSession().getQueryService()
    with pytest.raises(omero.SecurityViolation, match="not a member"):
        query.findAll("Image", None, {"omero.group": str(make_group().id)})


def test_the_name_of_a_group_in_a_call_is_ignored(client: Client, make_group: Callable[..., Group]) -> None:
    query = client.getSession().getQueryService()
    assert query.findAll("Image", None, {"omero.group": make_group().name}) == []


def test_another_group_can_be_chosen_for_the_whole_session(
    server: OmeroServer, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    client = log_in(server, user.name, user.password)
    session = client.getSession()
    before = session.setSecurityContext(omero.model.ExperimenterGroupI(second.id, False))
    assert before.id.val == first.id
    assert session.getAdminService().getEventContext().groupId == second.id
    client.closeSession()


def test_the_group_stays_while_services_with_a_state_are_open(client: Client) -> None:
    session = client.getSession()
    store = session.createRawFileStore()
    group = session.getAdminService().getEventContext().groupId
    with pytest.raises(omero.SecurityViolation, match="close these services"):
        session.setSecurityContext(omero.model.ExperimenterGroupI(group, False))
    store.close()
    session.setSecurityContext(omero.model.ExperimenterGroupI(group, False))
