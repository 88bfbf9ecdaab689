"""Looking users and groups up: everybody may."""

from __future__ import annotations

from typing import Any, Final

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import (
    GUEST_GROUP,
    GUEST_USER,
    ROOT_USER,
    SYSTEM_GROUP,
    USER_GROUP,
)
from omero_irods_sandbox.omero_server.services.service import Service
from omero_irods_sandbox.omero_server.sessions.event_context import event_context

_USERS: Final = (
    "select distinct e from Experimenter e left outer join fetch e.groupExperimenterMap m"
    " left outer join fetch m.parent"
)
_GROUPS: Final = (
    "select distinct g from ExperimenterGroup g left outer join fetch g.groupExperimenterMap m"
    " left outer join fetch m.child"
)


class Lookup(Service):
    """Users with their groups, groups with their members."""

    def getEventContext(self, call: Call) -> Any:
        return event_context(call)

    def getSecurityRoles(self, call: Call) -> Any:
        return omero.sys.Roles(
            rootId=ROOT_USER, rootName="root", guestId=GUEST_USER, guestName="guest",
            systemGroupId=SYSTEM_GROUP, systemGroupName="system",
            userGroupId=USER_GROUP, userGroupName="user",
            guestGroupId=GUEST_GROUP, guestGroupName="guest",
        )  # fmt: skip

    def canUpdate(self, obj: IObject, call: Call) -> bool:
        entity = MODEL.entity_of(obj)
        row = call.store.row(entity.name, obj.id.val)
        return row is not None and is_allowed(call.caller, Right.EDIT, entity, row["d_owner"], row["d_group"])

    # -- users

    def getExperimenter(self, id: int, call: Call) -> IObject:
        return _one(call, f"{_USERS} where e.id = :value", id, "experimenter")

    def lookupExperimenter(self, name: str, call: Call) -> IObject:
        return _one(call, f"{_USERS} where e.omeName = :value", name, "experimenter")

    def lookupExperimenters(self, call: Call) -> list[IObject]:
        return call.store.objects(_USERS, call.caller)

    def containedExperimenters(self, group_id: int, call: Call) -> list[IObject]:
        members = "select x.child.id from GroupExperimenterMap x where x.parent.id = :group"
        return call.store.objects(f"{_USERS} where e.id in ({members})", call.caller, group=group_id)

    # -- groups

    def getGroup(self, id: int, call: Call) -> IObject:
        return _one(call, f"{_GROUPS} where g.id = :value", id, "group")

    def lookupGroup(self, name: str, call: Call) -> IObject:
        return _one(call, f"{_GROUPS} where g.name = :value", name, "group")

    def lookupGroups(self, call: Call) -> list[IObject]:
        return call.store.objects(_GROUPS, call.caller)

    def containedGroups(self, user_id: int, call: Call) -> list[IObject]:
        groups = "select x.parent.id from GroupExperimenterMap x where x.child.id = :user"
        return call.store.objects(f"{_GROUPS} where g.id in ({groups})", call.caller, user=user_id)

    def getDefaultGroup(self, user_id: int, call: Call) -> IObject:
        return self.getGroup(call.server.directory.default_group(user_id), call)

    def getMemberOfGroupIds(self, user: IObject, call: Call) -> list[int]:
        return list(call.server.directory.membership(user.id.val).member_of)

    def getLeaderOfGroupIds(self, user: IObject, call: Call) -> list[int]:
        return sorted(call.server.directory.membership(user.id.val).leader_of)

    # -- LDAP, which nobody is in

    def lookupLdapAuthExperimenter(self, id: int, call: Call) -> str:
        return ""

    def lookupLdapAuthExperimenters(self, call: Call) -> list[Any]:
        return []


def _one(call: Call, query: str, value: object, what: str) -> IObject:
    found = call.store.objects(query, call.caller, value=value)
    if not found:
        raise api_usage(f"No such {what}: {value}")
    return found[0]
