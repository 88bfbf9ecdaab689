"""When sessions end, and what a client is told then. The server's own clock is put forward by the tests."""

from __future__ import annotations

import Ice
import omero
import omero.clients
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client, Gateway, User


def test_a_session_nobody_uses_times_out(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    server.clock.advance(601)
    with pytest.raises(omero.SessionTimeoutException, match="timed out"):
        query.findAll("Image", None)


def test_using_a_session_keeps_it(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    for _ in range(3):
        server.clock.advance(400)
        query.findAll("Image", None)


def test_keeping_alive_is_using(server: OmeroServer, client: Client) -> None:
    for _ in range(3):
        server.clock.advance(400)
        assert client.getSession().keepAlive(None)


def test_a_fault_can_end_a_session_at_once(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    server.faults.expire_session(client.getSessionId())
    with pytest.raises(omero.SessionTimeoutException):
        query.findAll("Image", None)


def test_a_session_that_was_closed_is_said_to_be_removed(
    server: OmeroServer, client: Client, root: Gateway
) -> None:
    query = client.getSession().getQueryService()
    session = omero.model.SessionI()
    session.uuid = omero.rtypes.rstring(client.getSessionId())
    assert root.c.sf.getSessionService().closeSession(session) == 0
    with pytest.raises(omero.RemovedSessionException):
        query.findAll("Image", None)
    assert root.c.sf.getSessionService().closeSession(session) == -2


def test_time_to_live_ends_a_session_in_use(server: OmeroServer, root: Gateway, user: User) -> None:
    principal = omero.sys.Principal(user.name, "", "Test", None)
    made = root.c.sf.getSessionService().createSessionWithTimeouts(principal, 1_000_000, 0)
    client = omero.client(server.host, server.ssl_port)
    client.joinSession(made.uuid.val)
    query = client.getSession().getQueryService()
    for _ in range(2):
        server.clock.advance(450)
        query.findAll("Image", None)
    server.clock.advance(450)
    with pytest.raises(omero.SessionTimeoutException):
        query.findAll("Image", None)
    client.closeSession()


def test_the_one_timeout_form_is_how_long_a_session_lives(
    server: OmeroServer, root: Gateway, user: User
) -> None:
    """So BlitzGateway.suConn dies after its minute, keepAlive or not."""
    gateway = root.suConn(user.name, ttl=60_000)
    gateway.keepAlive()
    server.clock.advance(61)
    assert not gateway.keepAlive()
    gateway.c.closeSession()


def test_limits_can_be_changed_while_the_session_lives(server: OmeroServer, client: Client) -> None:
    request = omero.cmd.UpdateSessionTimeoutRequest()
    request.session = client.getSessionId()
    request.timeToIdle = omero.rtypes.rlong(2_000_000)
    callback = client.submit(request)
    assert isinstance(callback.getResponse(), omero.cmd.OK)
    callback.close(True)
    server.clock.advance(1500)
    later = omero.client(server.host, server.ssl_port)
    later.joinSession(client.getSessionId()).getQueryService().findAll("Image", None)
    later.closeSession()


def test_the_router_ends_a_client_that_is_idle_whatever_others_of_its_session_do(
    server: OmeroServer, client: Client
) -> None:
    idle = omero.client(server.host, server.ssl_port)
    service = idle.joinSession(client.getSessionId()).getQueryService()
    for _ in range(2):
        server.clock.advance(400)
        client.getSession().keepAlive(None)
    with pytest.raises(Ice.ObjectNotExistException):
        service.findAll("Image", None)
    assert client.getSession().keepAlive(None)


def test_a_session_says_its_limits(client: Client) -> None:
    found = client.getSession().getSessionService().getSession(client.getSessionId())
    assert (found.timeToIdle.val, found.timeToLive.val) == (600_000, 0)
    assert found.uuid.val == client.getSessionId()


def test_sessions_are_seen_by_who_may_see_them(server: OmeroServer, client: Client, root: Gateway) -> None:
    def seen(by: Client) -> set[str]:
        callback = by.submit(omero.cmd.CurrentSessionsRequest())
        response = callback.getResponse()
        callback.close(True)
        return {session.uuid.val for session in response.sessions}

    assert seen(client) == {client.getSessionId()}
    assert {client.getSessionId(), root.c.getSessionId()} <= seen(root.c)


def test_inputs_and_outputs_are_kept_in_the_session(client: Client) -> None:
    session, key = client.getSession().getSessionService(), client.getSessionId()
    client.setInput("a", omero.rtypes.rint(1))
    client.setOutput("b", omero.rtypes.rstring("two"))
    assert client.getInput("a").val == 1
    assert session.getInputKeys(key) == ["a"]
    assert session.getOutputs(key)["b"].val == "two"
    client.setInput("a", None)
    assert session.getInputKeys(key) == []
