"""Logging in to OMERO in each way, and what is said when that fails."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import Glacier2
import omero
import pytest

from omero_irods_bridge.adapters.omero.connection import KEEP_ALIVE_S, OmeroConnection, connect
from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.adapters.omero.login import SessionKey, StoredSession, UserPassword
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Unreachable
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.errors import internal_error, session_timeout
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client, Gateway, MakeUser, User

SOME_KEY = "0b1c2d3e-0000-0000-0000-00000000000f"


def by_password(server: OmeroServer, user: User, **more: Any) -> UserPassword:
    return UserPassword(server.host, user.name, user.password, server.ssl_port, **more)


def is_alive(server: OmeroServer, key: str) -> bool:
    client = omero.client(server.host, server.ssl_port)
    try:
        client.joinSession(key).detachOnDestroy()
    except Exception:  # noqa: BLE001
        return False
    finally:
        client.closeSession()
    return True


def endpoint(connection: OmeroConnection) -> str:
    return str(connection.session.ice_getConnection().type())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The omero command's store of sessions, in a folder of its own."""
    from omero.util.sessions import SessionsStore

    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path))
    return SessionsStore()


# -- who, where


def test_a_password_opens_a_session_that_ends_with_the_connection(server: OmeroServer, user: User) -> None:
    with connect(by_password(server, user)) as connection:
        key = connection.client.getSessionId()
        identity = connection.identity
        assert (identity.user, identity.user_id, identity.group_id) == (user.name, user.id, user.group_id)
        config = connection.session.getConfigService()
        assert (identity.uuid, identity.version) == (config.getDatabaseUuid(), config.getVersion())
        assert identity.host == server.host
        assert is_alive(server, key)
    assert not is_alive(server, key)


def test_a_session_that_was_joined_stays(server: OmeroServer, client: Client) -> None:
    key = client.getSessionId()
    for secure in (True, False):
        with connect(SessionKey(server.host, key, server.ssl_port), secure=secure) as connection:
            assert connection.client.getSessionId() == key
            with connection.another_client():
                pass
    assert is_alive(server, key)
    client.getSession().getAdminService().getEventContext()


@pytest.mark.parametrize("named", [True, False])
def test_the_session_of_the_omero_command_is_found(
    server: OmeroServer, user: User, store: Any, named: bool
) -> None:
    properties = {"omero.host": server.host, "omero.port": str(server.ssl_port)}
    client, key, _, _ = store.create(user.name, user.password, properties)
    client.closeSession()
    login = StoredSession(server.host, user.name) if named else StoredSession()
    with connect(login) as connection:
        assert connection.identity.user == user.name
        assert connection.client.getSessionId() == key
    assert is_alive(server, key)


@pytest.mark.parametrize("login", [StoredSession(), StoredSession("nowhere"), StoredSession("a", "b")])
def test_without_a_stored_session_one_is_told_to_log_in(store: Any, login: StoredSession) -> None:
    with pytest.raises(AccessDenied) as caught:
        connect(login)
    assert "omero login" in caught.value.hint


def test_an_account_without_a_home_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path / "file" / "omero"))
    with pytest.raises(AccessDenied, match="sessions of the omero command cannot be looked at") as told:
        connect(StoredSession())
    assert "OMERO_USERDIR" in told.value.hint


def test_a_stored_session_that_is_over_is_named(server: OmeroServer, user: User, store: Any) -> None:
    properties = {"omero.host": server.host, "omero.port": str(server.ssl_port)}
    client, key, _, _ = store.create(user.name, user.password, properties)
    client.closeSession()
    server.faults.expire_session(key)
    with pytest.raises(SessionExpired) as caught:
        connect(StoredSession())
    assert key not in caught.value.message + caught.value.hint


def test_a_login_may_choose_its_group_and_calls_are_not_bound_to_it(
    server: OmeroServer, make_group: Any, make_user: MakeUser
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    with connect(by_password(server, user, group=second.name)) as connection:
        assert connection.identity.group == second.name
        assert "omero.group" not in connection.client.getImplicitContext().getContext()


def test_every_client_is_kept_alive_for_the_router_counts_them_one_by_one(
    server: OmeroServer, user: User
) -> None:
    """Glacier2.SessionTimeout: see test_the_router_ends_a_client_that_is_idle_whatever_others_..."""
    with connect(by_password(server, user)) as connection, connection.another_client() as client:
        assert client.getProperty("omero.keep_alive") == str(KEEP_ALIVE_S)


# -- TLS


def test_connections_use_tls_unless_told_otherwise(server: OmeroServer, user: User) -> None:
    with connect(by_password(server, user)) as connection:
        assert endpoint(connection) == "ssl"
        with connection.another_client() as client:
            assert client.getSession().ice_getConnection().type() == "ssl"


def test_without_tls_only_the_login_is_encrypted_and_the_session_still_ends(
    server: OmeroServer, user: User
) -> None:
    with connect(by_password(server, user), secure=False) as connection:
        key = connection.client.getSessionId()
        assert endpoint(connection) == "tcp"
        with connection.another_client() as client:
            assert client.getSession().ice_getConnection().type() == "tcp"
        assert is_alive(server, key)
    assert not is_alive(server, key)


def test_a_server_is_checked_when_a_certificate_is_given(
    server: OmeroServer, user: User, tmp_path: Path
) -> None:
    (own,) = [
        path for path in Path(server.config.data).rglob("*.pem") if b"CERTIFICATE" in path.read_bytes()
    ][:1]
    with connect(by_password(server, user), certificate=own) as connection:
        assert connection.identity.user == user.name
    stranger = tmp_path / "other"
    with running_server(ServerConfig(data=stranger)) as other:
        foreign = next(stranger.rglob("*.pem"))
        assert other.host
        with pytest.raises(AccessDenied, match="certificate"):
            connect(by_password(server, user), certificate=foreign)


# -- what goes wrong


def test_a_wrong_password_is_refused_and_not_repeated(server: OmeroServer, user: User) -> None:
    login = UserPassword(server.host, user.name, "guess-my-secret", server.ssl_port)
    with pytest.raises(AccessDenied, match=f"does not let {user.name} in") as caught:
        connect(login)
    assert "guess-my-secret" not in f"{caught.value} {caught.value.hint} {login!r}"


def test_a_group_one_is_not_in_is_named(server: OmeroServer, user: User, make_group: Any) -> None:
    group = make_group()
    with pytest.raises(AccessDenied, match=f"in the group {group.name}"):
        connect(by_password(server, user, group=group.name))


def test_a_key_of_no_session_is_told_as_expired_and_not_repeated(server: OmeroServer) -> None:
    login = SessionKey(server.host, SOME_KEY, server.ssl_port)
    with pytest.raises(SessionExpired) as caught:
        connect(login)
    chain = f"{caught.value} {caught.value.__cause__} {login!r}"
    assert login.key not in chain


def test_nobody_there_is_unreachable_and_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match=r"logging in to 127\.0\.0\.1:\d+") as caught:
        connect(UserPassword("127.0.0.1", "a", "b", port))
    assert caught.value.retryable


@pytest.mark.parametrize(
    "said",
    [
        Glacier2.PermissionDeniedException("internal server error"),
        Glacier2.CannotCreateSessionException("internal server error"),
        omero.WrappedCreateSessionException("Server not fully initialized", True, 1000, "ApiUsageException"),
    ],
    ids=["no verifier", "no manager", "it starts"],
)
@pytest.mark.parametrize("by_key", [False, True])
def test_a_server_behind_the_router_that_is_not_up_is_no_word_about_who_asks(
    server: OmeroServer, user: User, said: Exception, by_key: bool
) -> None:
    server.faults.fail_call("Router.createSession", said, times=3)
    login = SessionKey(server.host, SOME_KEY, server.ssl_port) if by_key else by_password(server, user)
    with pytest.raises(Unreachable, match="did not answer") as caught:
        connect(login)
    assert caught.value.retryable


def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"logging in to no\.such\.host\.invalid:4064"):
        connect(UserPassword("no.such.host.invalid", "a", "b"))


def test_a_host_that_makes_no_sense_is_told(server: OmeroServer) -> None:
    with pytest.raises(BridgeError):
        connect(UserPassword("", "a", "b"))


def test_a_session_that_ends_is_told_by_whatever_asks_next(server: OmeroServer, user: User) -> None:
    with connect(by_password(server, user)) as connection:
        server.faults.expire_session(connection.client.getSessionId())
        with pytest.raises(SessionExpired), connection.another_client():
            pass
        with pytest.raises(SessionExpired):
            str(connection.identity)


def test_closing_twice_is_closing(server: OmeroServer, user: User) -> None:
    connection = connect(by_password(server, user))
    connection.close()
    connection.close()


def test_closing_is_quiet_when_the_server_is_gone(tmp_path: Path) -> None:
    with running_server(ServerConfig(data=tmp_path)) as server:
        login = UserPassword(server.host, "root", server.root_password, server.ssl_port)
        connection = connect(login)
    connection.close()


def test_a_process_that_was_connected_ends_without_complaints(server: OmeroServer, user: User) -> None:
    code = (
        "import sys\n"
        "from omero_irods_bridge.adapters.omero.connection import connect\n"
        "from omero_irods_bridge.adapters.omero.login import UserPassword\n"
        "host, port, name, password = sys.argv[1:]\n"
        "with connect(UserPassword(host, name, password, int(port))) as connection:\n"
        "    with connection.another_client(): print(connection.identity.user)\n"
    )
    arguments = [server.host, str(server.ssl_port), user.name, user.password]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == (user.name, "")


def test_an_idle_connection_is_kept_alive(server: OmeroServer, user: User) -> None:
    calls = server.counters.calls("ServiceFactory.keepAlive")
    with connect(by_password(server, user), keep_alive_s=6):
        for _ in range(200):
            if server.counters.calls("ServiceFactory.keepAlive") > calls:
                return
            time.sleep(0.1)
    pytest.fail("nothing kept the session alive")


def test_gateways_and_the_bridge_share_a_session(server: OmeroServer, gateway: Gateway) -> None:
    with connect(SessionKey(server.host, gateway.c.getSessionId(), server.ssl_port)) as connection:
        assert connection.identity.user == gateway.getUser().getName()


@pytest.mark.parametrize("make", [session_timeout, internal_error])
def test_keys_in_what_the_server_says_are_not_repeated(
    server: OmeroServer, user: User, make: Callable[[str], Exception]
) -> None:
    with connect(by_password(server, user)) as connection:
        key = connection.client.getSessionId()
        server.faults.fail_call("IAdmin.getEventContext", make(f"Session {key} is not well"))
        with pytest.raises(BridgeError) as caught:
            str(connection.identity)
    assert key not in f"{caught.value} {caught.value.hint}"
    if isinstance(caught.value, SessionExpired):
        assert key not in "".join(traceback.format_exception(caught.value))
