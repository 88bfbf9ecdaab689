"""One call: who made it, in which group, over which connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.model.types import Current
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session
    from omero_irods_sandbox.omero_server.store.store import Store

CLIENT_ID = "omero.client.uuid"
SESSION_ID = "omero.session.uuid"
GROUP = "omero.group"
USER = "omero.user"
"""Keys of the Ice context (constants/Constants.ice)."""

DOOR_PREFIX = "session-"
"""How the category of a ServiceFactory's identity begins; the client's id follows."""


@dataclass(frozen=True, slots=True)
class Call:
    """The last argument of every operation; without ``connection`` and ``identity`` when called in Python."""

    server: OmeroServer
    session: Session
    caller: Caller
    client_id: str
    context: Mapping[str, str]
    connection: Any = None
    identity: Any = None

    @property
    def store(self) -> Store:
        return self.server.store

    def in_group(self, group_id: int) -> Call:
        """The same call in another group; what the server does for itself need not be permitted."""
        return replace(self, caller=self.caller.in_group(group_id))


def call_of(server: OmeroServer, current: Current) -> Call:
    """The call that ``current`` describes; its session counts as used.

    Raises:
        SessionException: the session is over, or never was.
        ObjectNotExistException: the router has ended the client.
        SecurityViolation: the user may not call in the group asked for.
    """
    session = server.sessions.used(_session_id(current), current.ctx.get(CLIENT_ID, ""))
    return Call(
        server,
        session,
        _caller(server, session, current.ctx),
        current.ctx.get(CLIENT_ID, ""),
        current.ctx,
        current.con,
        current.id,
    )


def _session_id(current: Current) -> str:
    """Clients call their ServiceFactory before they know the session's id: the name of its identity."""
    if current.id.category.startswith(DOOR_PREFIX):
        return str(current.id.name)
    return str(current.ctx.get(SESSION_ID) or current.id.category)


def _caller(server: OmeroServer, session: Session, context: Mapping[str, str]) -> Caller:
    caller = session.caller(server.directory)
    user_id = _number(context.get(USER))
    if user_id is not None and user_id != caller.user_id and caller.may(Privilege.SUDO):
        caller = replace(caller, user_id=user_id)
    group_id = _number(context.get(GROUP))
    if group_id is None:
        return caller
    check_group(session, caller, group_id)
    return caller.in_group(group_id)


def check_group(session: Session, caller: Caller, group_id: int) -> None:
    """Refuse a group that the caller may not work in.

    Raises:
        SecurityViolation: he is not in it, or his session was made for other groups only.
    """
    check_permitted_group(session, group_id)
    if group_id == ALL_GROUPS or caller.is_admin or caller.is_in(group_id):
        return
    rights = caller.groups.get(group_id)
    if rights is None or not rights.world_readable:
        raise security_violation(f"User {caller.user_id} is not a member of group {group_id}")


def check_permitted_group(session: Session, group_id: int) -> None:
    """Keep a session that a group's owner made by sudo within its groups.

    Source: BasicSecuritySystem.isGroupContextPermitted; all groups at once is none of them.

    Raises:
        SecurityViolation: the session was made for other groups only.
    """
    if session.permitted_groups is not None and group_id not in session.permitted_groups:
        raise security_violation(f"this session may not use group {group_id}")


def _number(text: str | None) -> int | None:
    """Anything that is no number is ignored (BasicEventContext.parseId)."""
    try:
        return int(text) if text else None
    except ValueError:
        return None
