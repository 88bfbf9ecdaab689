"""The Glacier2 router that clients believe they talk through.

Every proxy of a client is routed, so its requests arrive here with the identity of
their target; router and services are in one object adapter, and nothing has to be
forwarded (omero-wire.md, section 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import Glacier2
import Ice

from omero_irods_sandbox.omero_server.dispatch.call import CLIENT_ID, GROUP
from omero_irods_sandbox.omero_server.model.types import Current, Proxy
from omero_irods_sandbox.omero_server.sessions.login import log_in

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

IDENTITY: Final = "OMERO.Glacier2/router"

_CATEGORY: Final = "callback"
_AGENT: Final = "omero.agent"


class Router:
    """Glacier2::Router."""

    needs_session = False

    def __init__(self, server: OmeroServer) -> None:
        self._server = server

    def createSession(self, user: str, password: str, current: Current) -> Proxy:
        """Log in or join. Clients take the session's id from the name of the proxy's identity."""
        client_id = current.ctx.get(CLIENT_ID)
        if not client_id:
            raise Glacier2.CannotCreateSessionException(f"No {CLIENT_ID} key provided in context.")
        context = current.ctx
        session = log_in(self._server, user, password, context.get(GROUP, ""), context.get(_AGENT, ""))
        return Glacier2.SessionPrx.uncheckedCast(self._server.open_door(session, client_id))

    def destroySession(self, current: Current) -> None:
        if not self._server.sessions.leave(current.ctx.get(CLIENT_ID, "")):
            raise Glacier2.SessionNotExistException

    def createSessionFromSecureConnection(self, current: Current) -> Proxy:
        raise Glacier2.PermissionDeniedException("log in with a name and a password")

    def refreshSession(self, current: Current) -> None:
        self._server.sessions.refresh(current.ctx.get(CLIENT_ID, ""))

    def getSessionTimeout(self, current: Current) -> int:
        """Seconds."""
        return self._server.default_limits.idle_ms // 1000

    def getACMTimeout(self, current: Current) -> int:
        """Seconds."""
        return 60

    def getCategoryForClient(self, current: Current) -> str:
        return _CATEGORY

    def getClientProxy(self, current: Current) -> None:
        """Null: use the router's own endpoints."""

    def getServerProxy(self, current: Current) -> Proxy:
        """Any proxy with the router's endpoints."""
        return self._server.proxy(Ice.Identity(_CATEGORY, _CATEGORY))

    def addProxies(self, proxies: list[Any], current: Current) -> list[Any]:
        """None is thrown out for the sake of a new one."""
        return []

    def addProxy(self, proxy: Any, current: Current) -> None:
        """As addProxies."""
