"""omero.api.ISession."""

from __future__ import annotations

from typing import Any, Final

import omero
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.requests.simple import session_object
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service
from omero_irods_sandbox.omero_server.sessions.login import Principal, another_session, known_session, sudo
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session

_NO_SUCH_SESSION: Final = -2
_IS_CLOSED: Final = 0


def _principal(principal: Any) -> Principal:
    return Principal(principal.name or "", principal.group or "", principal.eventType or "User")


@service(omero.api.ISession, getter="getSessionService")
class SessionService(Service):
    """Sessions for others and for oneself, and what is kept in them."""

    # -- making

    def createSession(self, principal: Any, credentials: str, call: Call) -> IObject:
        """Sudo with the server's default limits; a sudoer needs no credentials of the other one."""
        return session_object(call, sudo(call, _principal(principal), call.server.default_limits))

    def createSessionWithTimeout(self, principal: Any, live_ms: int, call: Call) -> IObject:
        """Sudo; the session lives as long whether it is used or not, and is never idle."""
        return self.createSessionWithTimeouts(principal, live_ms, 0, call)

    def createSessionWithTimeouts(self, principal: Any, live_ms: int, idle_ms: int, call: Call) -> IObject:
        return session_object(call, sudo(call, _principal(principal), Limits(idle_ms, live_ms)))

    def createUserSession(self, live_ms: int, idle_ms: int, group: str, call: Call) -> IObject:
        """Limits of 0 are the server's defaults: a user cannot make a session that never ends."""
        defaults = call.server.default_limits
        limits = Limits(idle_ms or defaults.idle_ms, live_ms or defaults.live_ms)
        return session_object(call, another_session(call, group or "", limits))

    # -- finding and ending

    def getSession(self, uuid: str, call: Call) -> IObject:
        return session_object(call, known_session(call, uuid))

    def getReferenceCount(self, uuid: str, call: Call) -> int:
        return len(known_session(call, uuid).clients)

    def closeSession(self, session: IObject, call: Call) -> int:
        """References left: 0 when it ended, -2 when there was none."""
        uuid = unwrap(session.uuid) or ""
        found = call.server.sessions.find(uuid)
        if found is None:
            return _NO_SUCH_SESSION
        if found.user_id != call.caller.user_id and not call.caller.is_admin:
            raise security_violation("this is another user's session")
        call.server.sessions.close(uuid)
        return _IS_CLOSED

    def getMyOpenSessions(self, call: Call) -> list[IObject]:
        return [session_object(call, session) for session in self._mine(call)]

    def getMyOpenAgentSessions(self, agent: str, call: Call) -> list[IObject]:
        return [session_object(call, session) for session in self._mine(call) if session.agent == agent]

    def getMyOpenClientSessions(self, call: Call) -> list[IObject]:
        """Sessions of the programs users sit at."""
        agents = ("OMERO.insight", "OMERO.web", "OMERO.importer")
        return [session_object(call, session) for session in self._mine(call) if session.agent in agents]

    def _mine(self, call: Call) -> list[Session]:
        return [one for one in call.server.sessions.all() if one.user_id == call.caller.user_id]

    # -- what is kept in a session: the inputs and outputs of scripts

    def getInput(self, uuid: str, key: str, call: Call) -> RType:
        return known_session(call, uuid).inputs.get(key)

    def getInputKeys(self, uuid: str, call: Call) -> list[str]:
        return list(known_session(call, uuid).inputs)

    def getInputs(self, uuid: str, call: Call) -> dict[str, RType]:
        return dict(known_session(call, uuid).inputs)

    def setInput(self, uuid: str, key: str, value: RType, call: Call) -> None:
        _keep(known_session(call, uuid).inputs, key, value)

    def getOutput(self, uuid: str, key: str, call: Call) -> RType:
        return known_session(call, uuid).outputs.get(key)

    def getOutputKeys(self, uuid: str, call: Call) -> list[str]:
        return list(known_session(call, uuid).outputs)

    def getOutputs(self, uuid: str, call: Call) -> dict[str, RType]:
        return dict(known_session(call, uuid).outputs)

    def setOutput(self, uuid: str, key: str, value: RType, call: Call) -> None:
        _keep(known_session(call, uuid).outputs, key, value)


def _keep(values: dict[str, RType], key: str, value: RType) -> None:
    """Null takes a value away."""
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
