"""What administrators may do."""

from __future__ import annotations

from collections.abc import Iterable

from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.privileges import ALL_PRIVILEGES, CONFIG_PREFIX, Privilege
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, SYSTEM_GROUP
from omero_irods_sandbox.omero_server.services.service import Service
from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork


class PrivilegeAdministration(Service):
    """Privileges are kept in the user's configuration: those he lacks (AdminImpl.setAdminPrivileges)."""

    def getCurrentAdminPrivileges(self, call: Call) -> list[IObject]:
        """The caller's, less those that his sudoer lacks."""
        return _objects(call, call.caller.privileges if call.caller.is_admin else ())

    def getAdminPrivileges(self, user: IObject, call: Call) -> list[IObject]:
        return _objects(call, call.server.directory.membership(user.id.val).privileges)

    def getAdminsWithPrivileges(self, privileges: list[IObject], call: Call) -> list[IObject]:
        """Administrators who have all of these."""
        wanted = {Privilege(unwrap(one.value)) for one in privileges}
        rows = call.store.database.tuples(
            'select child_id from "GroupExperimenterMap" where parent_id = ? order by child_id',
            (SYSTEM_GROUP,),
        )
        directory = call.server.directory
        found = [user for (user,) in rows if wanted <= directory.membership(user).privileges]
        return [call.store.get("Experimenter", user, call.caller) for user in found]

    def setAdminPrivileges(self, user: IObject, privileges: list[IObject], call: Call) -> None:
        """By an administrator who has himself all that changes; root keeps all."""
        call.caller.require(Privilege.MODIFY_USER, "changing privileges")
        wanted = frozenset(Privilege(unwrap(one.value)) for one in privileges)
        changed = wanted ^ call.server.directory.membership(user.id.val).privileges
        if user.id.val == ROOT_USER or not changed <= call.caller.privileges:
            raise security_violation("these privileges may not be changed")
        with call.store.work(call.caller) as work:
            keep_privileges(work, user.id.val, wanted)


def keep_privileges(work: UnitOfWork, user_id: int, privileges: frozenset[Privilege]) -> None:
    """Write down which privileges a user lacks; the rest of his configuration stays."""
    rows = work.database.tuples(
        "select name, value from named_value where root = 'Experimenter' and owner_id = ?"
        " and field = 'config' order by position",
        (user_id,),
    )
    others = [(name, value) for name, value in rows if not name.startswith(CONFIG_PREFIX)]
    lacking = [
        (CONFIG_PREFIX + privilege.value, "false") for privilege in sorted(ALL_PRIVILEGES - privileges)
    ]
    work.named_values("Experimenter", user_id, "config", others + lacking)


def _objects(call: Call, privileges: Iterable[Privilege]) -> list[IObject]:
    names = sorted(privilege.value for privilege in privileges)
    if not names:
        return []
    return call.store.objects(
        "select p from AdminPrivilege p where p.value in (:names)", call.caller, names=names
    )
