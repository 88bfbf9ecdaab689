"""The caller as omero.sys.EventContext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import omero
from omero.model import PermissionsI
from omero.rtypes import rlong, rstring

from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


def event_context(call: Call) -> Any:
    """Who is calling, in which group (the session's when the call is in all), and what he may."""
    caller, session, directory = call.caller, call.session, call.server.directory
    group_id = session.group_id if caller.group_id == ALL_GROUPS else caller.group_id
    sudoer = session.sudoer_id
    return omero.sys.EventContext(
        shareId=-1,
        sessionId=session.id,
        sessionUuid=session.uuid,
        userId=caller.user_id,
        userName=directory.user_name(caller.user_id),
        sudoerId=None if sudoer is None else rlong(sudoer),
        sudoerName=None if sudoer is None else rstring(directory.user_name(sudoer)),
        groupId=group_id,
        groupName=directory.group_name(group_id),
        isAdmin=caller.is_admin,
        adminPrivileges=sorted(privilege.value for privilege in caller.privileges) if caller.is_admin else [],
        eventId=-1,
        eventType=caller.event_type,
        memberOfGroups=list(caller.member_of),
        leaderOfGroups=sorted(caller.leader_of),
        groupPermissions=PermissionsI(caller.groups[group_id].bits),
    )
