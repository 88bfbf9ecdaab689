"""Requests about groups and sessions, and the one that holds several others."""

from __future__ import annotations

from typing import Any

import omero.cmd
from omero.model import PermissionsI

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.requests.registry import (
    CommandFailed,
    Progress,
    command,
    execute,
    failure,
    graph_failed,
)
from omero_irods_sandbox.omero_server.security.caller import permission_bits
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.sessions.event_context import event_context
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session


@command(omero.cmd.DoAll)
def do_all(request: Any, call: Call, progress: Progress) -> Any:
    """Run several requests in order; the first that fails ends them (DoAllI)."""
    progress.expect(len(request.requests))
    response = omero.cmd.DoAllRsp([], [])
    for one in request.requests:
        try:
            response.responses.append(execute(one, call, Progress()))
        except CommandFailed as error:
            return failure(one, error)
        progress.step()
    return response


@command(omero.cmd.Chmod2)
def chmod(request: Any, call: Call, _progress: Progress) -> Any:
    """Change the permissions of groups: by their owners, or with the privilege ModifyGroup."""
    targets = request.targetObjects.items()
    groups = [id_ for name, ids in targets if name.endswith("ExperimenterGroup") for id_ in ids]
    if not all(call.caller.leads(group) or call.caller.may(Privilege.MODIFY_GROUP) for group in groups):
        raise graph_failed(f"not permitted to change the permissions of ExperimenterGroup{groups}")
    bits = permission_bits(str(PermissionsI(request.permissions)))
    if not request.dryRun:
        with call.store.work(call.caller) as work:
            for group in groups:
                work.update("ExperimenterGroup", group, d_permissions=bits)
    return omero.cmd.Chmod2Response({}, {})


@command(omero.cmd.UpdateSessionTimeoutRequest)
def update_session_timeout(request: Any, call: Call, _progress: Progress) -> Any:
    """Change when a session ends by itself; users may not go beyond the server's limits (omero.cmd.Admin)."""
    session = call.server.sessions.find(request.session)
    if session is None or not _may_manage(call, session):
        raise CommandFailed("cannot-update-session", f"no session {request.session} of the caller's")
    before = session.limits
    session.limits = Limits(
        idle_ms=before.idle_ms if request.timeToIdle is None else request.timeToIdle.val,
        live_ms=before.live_ms if request.timeToLive is None else request.timeToLive.val,
    )
    with call.store.work(call.server.internal_caller()) as work:
        work.update(
            "Session", session.id, timeToIdle=session.limits.idle_ms, timeToLive=session.limits.live_ms
        )
    return omero.cmd.OK()


def _may_manage(call: Call, session: Session) -> bool:
    return call.caller.is_admin or session.user_id == call.caller.user_id


@command(omero.cmd.CurrentSessionsRequest)
def current_sessions(_request: Any, call: Call, _progress: Progress) -> Any:
    """The sessions that are open: of everybody for whoever may read them, else the caller's own."""
    readable = call.caller.may(Privilege.READ_SESSION)
    sessions = [one for one in call.server.sessions.all() if readable or one.user_id == call.caller.user_id]
    return omero.cmd.CurrentSessionsResponse(
        sessions=[session_object(call, one) for one in sessions],
        contexts=[_context(call, one) for one in sessions],
        data=[{} for _ in sessions],
    )


def _context(call: Call, session: Session) -> Any:
    return event_context(Call(call.server, session, session.caller(call.server.directory), "", {}))


def session_object(call: Call, session: Session) -> IObject:
    """A session as omero.model.Session; its details name its user and group."""
    found = call.store.get("Session", session.id, call.server.internal_caller())
    found.details.owner = omero.model.ExperimenterI(session.user_id, False)
    found.details.group = omero.model.ExperimenterGroupI(session.group_id, False)
    return found
