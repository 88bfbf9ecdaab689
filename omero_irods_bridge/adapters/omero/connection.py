"""One session of a user with an OMERO server, and clients of it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import Glacier2
import omero
import omero.clients
import omero.sys

from omero_irods_bridge.adapters.omero.errors import (
    FOREIGN,
    LOG_IN,
    SessionExpired,
    is_not_up,
    omero_errors,
    translate,
)
from omero_irods_bridge.adapters.omero.login import (
    Login,
    SessionKey,
    StoredSession,
    UserPassword,
    stored_session,
)
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound
from omero_irods_bridge.ports import ServerIdentity

log = logging.getLogger(__name__)

KEEP_ALIVE_S: Final = 60
"""OMERO ends a session that was idle for ten minutes, unless told otherwise."""

_FOREVER: Final = 0
_SUDO_IDLE_MS: Final = 600_000
"""As OMERO has it for those who log in; it must be longer than ``KEEP_ALIVE_S``."""

_AGENT: Final = "omero-irods-bridge"
_ALL_GROUPS: Final = -1


class OmeroConnection:
    """A session, kept alive until :meth:`close`. Any thread may use it, and open clients of its own on it.

    A session that was ours ends with it; one that was joined (``omero login``, a key) stays.
    """

    def __init__(self, client: Any, properties: Mapping[str, str], *, is_ours: bool) -> None:
        self.client = client
        self._properties = properties
        self._is_ours = is_ours
        self._lock = threading.Lock()
        self._identity: ServerIdentity | None = None

    @property
    def identity(self) -> ServerIdentity:
        """Asked for once."""
        with self._lock:
            if self._identity is None:
                with omero_errors("asking who the server is"):
                    self._identity = _identity(self.client)
            return self._identity

    @property
    def session(self) -> Any:
        """The ServiceFactory proxy."""
        return self.client.getSession()

    @property
    def key(self) -> str:
        """Of the session, for who joins it; it is a secret."""
        return str(self.client.getSessionId())

    def all_groups(self) -> dict[str, str]:
        """The context of a call that sees all groups of the user; it cannot save (omero-semantics.md, 3)."""
        context: dict[str, str] = self.client.getContext(group=_ALL_GROUPS)
        return context

    @contextlib.contextmanager
    def another_client(self) -> Iterator[Any]:
        """A client with a network connection of its own in the same session, for one thread.

        It is kept alive too: the router ends a client that was idle (Glacier2.SessionTimeout), whatever the
        others of its session do.
        """
        client = self._joined_again(self._properties)
        try:
            with omero_errors("joining your session again"):
                client.enableKeepAlive(KEEP_ALIVE_S)
            yield client
        finally:
            close_client(client)

    @contextlib.contextmanager
    def as_user(self, user: str, group: str | None = None) -> Iterator[OmeroConnection]:
        """A session on behalf of another user, in a group of his, his default one when none is named.

        It ends with the block. Administrators may, with the privilege Sudo, and owners of a group in it; what
        the latter get may look into no other group, so that OMERO refuses them to delete. Under another
        name nobody has more rights than under his own (reference/omero-semantics.md, 3).

        Raises:
            AccessDenied: this user may not act as that one.
            NotFound: there is no such user or group.
        """
        with omero_errors(f"beginning a session for {user}"):
            service = self.session.getSessionService()
            made = _session_for(self.session, service, user, group)
        try:
            with omero_errors(f"beginning a session for {user}"):
                client = _joined(self._properties, made.uuid.val, is_ours=True)
            with OmeroConnection(client, self._properties, is_ours=True) as connection:
                with omero_errors(f"beginning a session for {user}"):
                    client.enableKeepAlive(KEEP_ALIVE_S)
                yield connection
        finally:
            with contextlib.suppress(*FOREIGN):
                service.closeSession(made)

    def over_tcp(self) -> OmeroConnection:
        """The same session without TLS, where the server offers that; this connection ends then."""
        router = self.session.getConfigService().getConfigValue("omero.router.insecure")
        if not router:
            log.info("the server offers no plain TCP")
            return self
        host = self.client.getProperty("omero.host")
        plain = {**self._properties, "Ice.Default.Router": router.replace("@omero.host@", host)}
        client = self._joined_again(plain)
        self.close()
        return OmeroConnection(client, plain, is_ours=self._is_ours)

    def _joined_again(self, properties: Mapping[str, str]) -> Any:
        try:
            with omero_errors("joining your session again"):
                return _joined(properties, self.client.getSessionId(), is_ours=self._is_ours)
        except AccessDenied:
            host = self.client.getProperty("omero.host")
            raise SessionExpired(f"Your session with {host} is over.", hint=LOG_IN) from None

    def close(self) -> None:
        """Never raises; done when it is closed already."""
        close_client(self.client)

    def __enter__(self) -> OmeroConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(
    login: Login,
    *,
    secure: bool = True,
    certificate: Path | None = None,
    keep_alive_s: int = KEEP_ALIVE_S,
) -> OmeroConnection:
    """Log in over TLS; without ``secure`` all but the login is plain TCP, where the server offers that.

    With ``certificate``, of the server or of who signed it (PEM), another server is not talked to; without it
    any server that answers is believed, as all clients of OMERO do.

    Raises:
        AccessDenied: wrong password, or nobody is logged in; SessionExpired when the session is over.
        Unreachable: nobody answers there.
    """
    if isinstance(login, StoredSession):
        login = stored_session(login)
    connection = _logged_in(login, _properties(login, certificate))
    try:
        with omero_errors(f"logging in to {login.host}:{login.port}"):
            connection = connection if secure else connection.over_tcp()
            connection.client.enableKeepAlive(keep_alive_s)
    except BaseException:
        connection.close()
        raise
    return connection


def _properties(login: SessionKey | UserPassword, certificate: Path | None) -> dict[str, str]:
    made = {"omero.host": login.host, "omero.port": str(login.port), "Ice.PrintStackTraces": "0"}
    if isinstance(login, UserPassword) and login.group:
        made["omero.group"] = login.group
    if certificate is not None:
        made |= {"IceSSL.VerifyPeer": "2", "IceSSL.CAs": str(certificate), "IceSSL.CheckCertName": "1"}
    return made


def _logged_in(login: SessionKey | UserPassword, properties: dict[str, str]) -> OmeroConnection:
    try:
        if isinstance(login, SessionKey):
            return OmeroConnection(_joined(properties, login.key, is_ours=False), properties, is_ours=False)
        client = _opened(properties, login.user, login.password)
        # The group is for the login alone: in a call it would be taken for an id (omero-semantics.md, 3).
        group = properties.pop("omero.group", None)
        if group is not None:
            client.getImplicitContext().remove("omero.group")
        return OmeroConnection(client, properties, is_ours=True)
    except (Glacier2.PermissionDeniedException, omero.WrappedCreateSessionException) as error:
        raise _not_let_in(login, error) from None  # the server repeats a key in its message
    except FOREIGN as error:
        raise translate(error, f"logging in to {login.host}:{login.port}") from error


def _not_let_in(login: SessionKey | UserPassword, error: Exception) -> BridgeError:
    if is_not_up(error):
        return translate(error, f"logging in to {login.host}:{login.port}")
    if isinstance(login, SessionKey):
        return SessionExpired(f"Your session with {login.host} is over.", hint=LOG_IN)
    group = f" in the group {login.group}" if isinstance(error, omero.WrappedCreateSessionException) else ""
    return AccessDenied(
        f"{login.host} does not let {login.user} in{group}.",
        hint="Check the user, the password and the group.",
    )


def _opened(properties: Mapping[str, str], name: str, password: str) -> Any:
    """A client with a session; none is left open when that fails."""
    client = omero.client(dict(properties))
    client.setAgent(_AGENT)
    try:
        client.createSession(name, password)
    except BaseException:
        close_client(client)
        raise
    return client


def _session_for(session: Any, service: Any, user: str, group: str | None) -> Any:
    """As long as it is used; BlitzGateway's way gives one that lasts a minute whatever happens in it."""
    principal = omero.sys.Principal(user, group or "", "User", None)
    try:
        return service.createSessionWithTimeouts(principal, _FOREVER, _SUDO_IDLE_MS)
    except omero.AuthenticationException as error:
        raise _not_begun(session.getAdminService(), user, group) from error


def _not_begun(admin: Any, user: str, group: str | None) -> BridgeError:
    """OMERO does not tell what went wrong (SessionBean.creationExceptionHandler of omero-server)."""
    where = f" in the group {group}" if group else ""
    try:
        admin.lookupExperimenter(user)
        if group:
            admin.lookupGroup(group)
    except omero.ApiUsageException:
        return NotFound(f"OMERO has no such user or group: {user}{where}.")
    return BridgeError(
        f"OMERO begins no session for {user}{where}.",
        hint="See whether the account is active; the log of the OMERO server (Blitz-0.log) says more.",
    )


def _joined(properties: Mapping[str, str], key: str, *, is_ours: bool) -> Any:
    """A client of a session that is there; OMERO counts how many there are and ends it with the last.

    The one that somebody else has opened is left alone whatever the count is.
    """
    client = _opened(properties, key, key)
    try:
        if not is_ours:
            client.getSession().detachOnDestroy()
    except BaseException:
        close_client(client)
        raise
    return client


def _identity(client: Any) -> ServerIdentity:
    session = client.getSession()
    context, config = session.getAdminService().getEventContext(), session.getConfigService()
    return ServerIdentity(
        host=client.getProperty("omero.host"),
        uuid=config.getDatabaseUuid(),
        version=config.getVersion(),
        user=context.userName,
        user_id=context.userId,
        group=context.groupName,
        group_id=context.groupId,
    )


def close_client(client: Any) -> None:
    """End a client; never raises. The communicator goes too, else Ice complains at the end of the process."""
    with contextlib.suppress(*FOREIGN, Glacier2.SessionNotExistException):
        client.closeSession()
