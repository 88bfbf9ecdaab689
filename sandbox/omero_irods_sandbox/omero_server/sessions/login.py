"""Who gets a session: by password, by joining, by sudo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import Glacier2
import omero

from omero_irods_sandbox.omero_server.errors import api_usage, removed_session, security_violation
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import GUEST_USER, USER_GROUP
from omero_irods_sandbox.omero_server.sessions.registry import SessionRequest
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer

_NOT_BEGUN: Final = "Error creating session."
"""What SessionBean.creationExceptionHandler of omero-server makes of all that is no refusal."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a session is wanted for; ``group`` by name, empty for the user's default."""

    name: str
    group: str = ""
    event_type: str = "User"


def log_in(server: OmeroServer, name: str, password: str, group: str, agent: str) -> Session:
    """A session for a user and his password, or the session whose id is given as both.

    Raises:
        PermissionDeniedException: there is no such user, or the password is another one.
        WrappedCreateSessionException: the user is not in the group.
    """
    joined = server.sessions.find(name)
    if joined is not None:
        if name != password:
            raise Glacier2.PermissionDeniedException("username and password must be equal; use joinSession")
        return joined  # the group asked for does not matter: a session keeps its own
    user_id = server.directory.user_id(name)
    if user_id is None or not server.passwords.check(user_id, password):
        raise Glacier2.PermissionDeniedException(f"Password check failed for '{name}': []")
    if user_id != GUEST_USER and not server.directory.is_active(user_id):
        raise Glacier2.PermissionDeniedException(f"User '{name}' is inactive: not in the group \"user\"")
    wanted = SessionRequest(
        user_id, _login_group(server, user_id, name, group), server.default_limits, agent, has_password=True
    )
    return server.sessions.create(wanted)


def _login_group(server: OmeroServer, user_id: int, name: str, group: str) -> int:
    if not group:
        return server.directory.default_group(user_id)
    group_id = server.directory.group_id(group)
    membership = server.directory.membership(user_id)
    if group_id is None or not (membership.is_admin or group_id in membership.member_of):
        raise omero.WrappedCreateSessionException(
            f"User {name} is not a member of group {group}", False, -1, "ome.conditions.SecurityViolation"
        )
    return group_id


def sudo(call: Call, principal: Principal, limits: Limits) -> Session:
    """A session for another user, made by who has the privilege Sudo or by the owner of a group.

    Raises:
        AuthenticationException: there is no such user or group; it does not say so (SessionBean).
        SecurityViolation: the caller may not act for this user.
    """
    directory = call.server.directory
    if call.server.sessions.find(principal.name) is not None:
        raise api_usage("a session is joined, not made anew")
    user_id = directory.user_id(principal.name)
    if user_id is None:
        raise omero.AuthenticationException(_NOT_BEGUN)
    group_id = _sudo_group(call, principal.group) if principal.group else directory.default_group(user_id)
    permitted = None
    if not call.caller.may(Privilege.SUDO):
        permitted = _groups_led(call, user_id, group_id)
    target = directory.membership(user_id)
    if not (target.is_admin or group_id in target.member_of):
        raise security_violation(f"User {principal.name} is not a member of group {group_id}")
    # Sudo through sudo keeps the first one's rights (SessionBean).
    first = call.session.sudoer_id
    sudoer = call.session.user_id if first is None else first
    wanted = SessionRequest(
        user_id, group_id, limits, call.session.agent, sudoer, permitted, principal.event_type or "User"
    )
    return call.server.sessions.create(wanted)


def _sudo_group(call: Call, name: str) -> int:
    group_id = call.server.directory.group_id(name)
    if group_id is None:
        raise omero.AuthenticationException(_NOT_BEGUN)
    return group_id


def _named_group(call: Call, name: str) -> int:
    group_id = call.server.directory.group_id(name)
    if group_id is None:
        raise api_usage(f"No such group: {name}")
    return group_id


def _groups_led(call: Call, user_id: int, group_id: int) -> frozenset[int]:
    """The groups that a group's owner may use on behalf of a member: those he owns.

    Raises:
        SecurityViolation: he does not own the group, or the user is an administrator.
    """
    caller, target = call.caller, call.server.directory.membership(user_id)
    if caller.is_admin or target.is_admin or not caller.leads(group_id):
        raise security_violation(f"User {caller.user_id} may not sudo for user {user_id} in group {group_id}")
    return (caller.leader_of & frozenset(target.member_of)) | {USER_GROUP}


def another_session(call: Call, group: str, limits: Limits) -> Session:
    """One more session of the caller's own.

    Raises:
        SecurityViolation: his session was not made with a password.
    """
    if not call.session.has_password:
        raise security_violation("a session made without a password cannot make another one")
    group_id = _named_group(call, group) if group else call.session.group_id
    return call.server.sessions.create(
        SessionRequest(call.session.user_id, group_id, limits, call.session.agent, has_password=True)
    )


def known_session(call: Call, key: str) -> Session:
    """A session that the caller knows the id of.

    Raises:
        RemovedSessionException: there is none.
    """
    found = call.server.sessions.find(key)
    if found is None:
        raise removed_session(f"No session with uuid: {key}")
    return found
