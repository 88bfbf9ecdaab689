"""Making, changing and removing groups, and who owns them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import omero.cmd
from omero.rtypes import rbool

from omero_irods_sandbox.omero_server.administration import memberships
from omero_irods_sandbox.omero_server.administration.belongings import check_owns_nothing
from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.requests.handle import run_to_end
from omero_irods_sandbox.omero_server.security.caller import permission_bits
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import GUEST_GROUP, SYSTEM_GROUP, USER_GROUP
from omero_irods_sandbox.omero_server.services.service import Service

_DEFAULT_PERMISSIONS: Final = "rw----"


class GroupAdministration(Service):
    """For administrators with the privilege ModifyGroup, and for the owners of a group."""

    def createGroup(self, group: IObject, call: Call) -> int:
        """A group with the permissions of its details, private if there are none."""
        call.caller.require(Privilege.MODIFY_GROUP, "creating a group")
        if group.ldap is None:
            group.ldap = rbool(False)
        with call.store.work(call.caller.in_group(SYSTEM_GROUP)) as work:
            created = work.save(group)
            work.update("ExperimenterGroup", created, d_permissions=_bits(group, _DEFAULT_PERMISSIONS))
        return created

    def updateGroup(self, group: IObject, call: Call) -> None:
        """Name, description and configuration, and permissions where details have some."""
        self._check_owner(group, call)
        group.unloadCollections()  # members are changed by addGroups and removeGroups alone
        with call.store.work(call.server.internal_caller()) as work:
            work.save(group)
            if group.details is not None and group.details.permissions is not None:
                work.update(
                    "ExperimenterGroup", group.id.val, d_permissions=_bits(group, _DEFAULT_PERMISSIONS)
                )

    def deleteGroup(self, group: IObject, call: Call) -> None:
        """Groups that something belongs to stay."""
        call.caller.require(Privilege.MODIFY_GROUP, "deleting a group")
        group_id = group.id.val
        if group_id in (SYSTEM_GROUP, USER_GROUP, GUEST_GROUP):
            raise validation("the groups system, user and guest stay")
        with call.store.work(call.caller) as work:
            check_owns_nothing(call, "d_group", group_id)
            sql = 'select id from "GroupExperimenterMap" where parent_id = ?'
            work.delete("GroupExperimenterMap", [row[0] for row in work.database.tuples(sql, (group_id,))])
            work.delete("ExperimenterGroup", [group_id])

    def changePermissions(self, obj: IObject, permissions: object, call: Call) -> None:
        """Of groups only: what is in them has their permissions."""
        if type(obj).__name__ != "ExperimenterGroupI":
            raise api_usage("only groups have permissions of their own")
        request = omero.cmd.Chmod2({"ExperimenterGroup": [obj.id.val]}, None, False, str(permissions))
        response = run_to_end(call, request)
        if isinstance(response, omero.cmd.ERR):
            raise validation(response.parameters["message"])

    # -- owners

    def addGroupOwners(self, group: IObject, users: list[IObject], call: Call) -> None:
        """Whoever is not in the group is put into it."""
        self._check_owner(group, call)
        with call.store.work(call.caller) as work:
            for user in _ids(users):
                memberships.add(work, user, group.id.val)
                memberships.set_owner(work, user, group.id.val, is_owner=True)

    def removeGroupOwners(self, group: IObject, users: list[IObject], call: Call) -> None:
        """They stay in the group."""
        self._check_owner(group, call)
        with call.store.work(call.caller) as work:
            for user in _ids(users):
                memberships.set_owner(work, user, group.id.val, is_owner=False)

    def setGroupOwner(self, group: IObject, user: IObject, call: Call) -> None:
        self.addGroupOwners(group, [user], call)

    def unsetGroupOwner(self, group: IObject, user: IObject, call: Call) -> None:
        self.removeGroupOwners(group, [user], call)

    def _check_owner(self, group: IObject, call: Call) -> None:
        if not call.caller.leads(group.id.val):
            call.caller.require(Privilege.MODIFY_GROUP, "changing a group")


def _ids(objects: Iterable[IObject]) -> list[int]:
    return [int(obj.id.val) for obj in objects]


def _bits(group: IObject, default: str) -> int:
    permissions = None if group.details is None else group.details.permissions
    return permission_bits(default if permissions is None else str(permissions))
