"""Making, changing and removing users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omero.rtypes import rbool, unwrap

from omero_irods_sandbox.omero_server.administration import memberships
from omero_irods_sandbox.omero_server.administration.belongings import check_owns_nothing
from omero_irods_sandbox.omero_server.administration.privileges import keep_privileges
from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.security.privileges import ALL_PRIVILEGES, Privilege
from omero_irods_sandbox.omero_server.security.roles import GUEST_USER, ROOT_USER, SYSTEM_GROUP, USER_GROUP
from omero_irods_sandbox.omero_server.services.service import Service


class UserAdministration(Service):
    """For administrators with the privilege ModifyUser."""

    def createUser(self, user: IObject, group: str, call: Call) -> int:
        """A user in one group, by name, and in the group of all users."""
        return self._create(user, None, [self._group(group, call), USER_GROUP], call)

    def createSystemUser(self, user: IObject, call: Call) -> int:
        return self._create(user, None, [SYSTEM_GROUP, USER_GROUP], call)

    def createRestrictedSystemUser(self, user: IObject, privileges: list[IObject], call: Call) -> int:
        """A light administrator."""
        return self._create_restricted(user, privileges, None, call)

    def createRestrictedSystemUserWithPassword(
        self, user: IObject, privileges: list[IObject], password: RType, call: Call
    ) -> int:
        return self._create_restricted(user, privileges, unwrap(password), call)

    def _create_restricted(
        self, user: IObject, privileges: list[IObject], password: str | None, call: Call
    ) -> int:
        wanted = frozenset(Privilege(unwrap(one.value)) for one in privileges)
        if not wanted <= call.caller.privileges:
            call.caller.require(next(iter(wanted - call.caller.privileges)), "giving a privilege away")
        with call.store.work(call.caller) as work:
            created = self._create(user, password, [SYSTEM_GROUP, USER_GROUP], call)
            keep_privileges(work, created, wanted)
        return created

    def createExperimenter(self, user: IObject, default: IObject, groups: list[IObject], call: Call) -> int:
        return self._create(user, None, _ids([default, *groups]), call)

    def createExperimenterWithPassword(
        self, user: IObject, password: RType, default: IObject, groups: list[IObject], call: Call
    ) -> int:
        return self._create(user, unwrap(password), _ids([default, *groups]), call)

    def _create(self, user: IObject, password: str | None, groups: Iterable[int], call: Call) -> int:
        """Save the user and put him into groups, the first of which is his default.

        Without a password he cannot log in.
        """
        call.caller.require(Privilege.MODIFY_USER, "creating a user")
        groups = list(dict.fromkeys(groups))
        if SYSTEM_GROUP in groups and call.caller.privileges != ALL_PRIVILEGES:
            call.caller.require(Privilege.MODIFY_GROUP_MEMBERSHIP, "creating an administrator")
        if user.ldap is None:
            user.ldap = rbool(False)
        with call.store.work(call.caller.in_group(SYSTEM_GROUP)) as work:
            created = work.save(user)
            for group in groups:
                memberships.add(work, created, group)
            if password is not None:
                call.server.passwords.set(created, password)
        return created

    def _group(self, name: str, call: Call) -> int:
        found = call.server.directory.group_id(name)
        if found is None:
            raise api_usage(f"No such group: {name}")
        return found

    def updateExperimenter(self, user: IObject, call: Call) -> None:
        call.caller.require(Privilege.MODIFY_USER, "changing a user")
        user.unloadCollections()  # memberships are changed by addGroups and removeGroups alone
        with call.store.work(call.caller.in_group(SYSTEM_GROUP)) as work:
            work.save(user)

    def updateExperimenterWithPassword(self, user: IObject, password: RType, call: Call) -> None:
        self.updateExperimenter(user, call)
        call.server.passwords.set(user.id.val, unwrap(password))

    def deleteExperimenter(self, user: IObject, call: Call) -> None:
        """Users who own something stay: the database would not let them go."""
        call.caller.require(Privilege.MODIFY_USER, "deleting a user")
        user_id = user.id.val
        if user_id in (ROOT_USER, GUEST_USER):
            raise validation("root and guest stay")
        with call.store.work(call.caller) as work:
            check_owns_nothing(call, "d_owner", user_id)
            for group in call.server.directory.membership(user_id).member_of:
                memberships.remove(work, user_id, group)
            work.delete("Experimenter", [user_id])

    def changeUserPassword(self, name: str, password: RType, call: Call) -> None:
        user_id = call.server.directory.user_id(name)
        if user_id is None:
            raise api_usage(f"No such experimenter: {name}")
        if user_id != call.caller.user_id:
            call.caller.require(Privilege.MODIFY_USER, "changing a password")
        call.server.passwords.set(user_id, unwrap(password) or "")

    # -- memberships

    def addGroups(self, user: IObject, groups: list[IObject], call: Call) -> None:
        self._check_members(groups, call)
        with call.store.work(call.caller) as work:
            for group in _ids(groups):
                memberships.add(work, user.id.val, group)

    def removeGroups(self, user: IObject, groups: list[IObject], call: Call) -> None:
        self._check_members(groups, call)
        with call.store.work(call.caller) as work:
            for group in _ids(groups):
                memberships.remove(work, user.id.val, group)

    def setDefaultGroup(self, user: IObject, group: IObject, call: Call) -> None:
        """By the user himself, or by an administrator."""
        if user.id.val != call.caller.user_id:
            call.caller.require(Privilege.MODIFY_GROUP_MEMBERSHIP, "setting a user's default group")
        if group.id.val not in call.server.directory.membership(user.id.val).member_of:
            raise api_usage(f"User {user.id.val} is not a member of group {group.id.val}")
        with call.store.work(call.caller) as work:
            memberships.make_first(work, user.id.val, group.id.val)

    def _check_members(self, groups: list[IObject], call: Call) -> None:
        """Owners of a group choose its members; the others need the privilege."""
        if not all(call.caller.leads(group) for group in _ids(groups)):
            call.caller.require(Privilege.MODIFY_GROUP_MEMBERSHIP, "changing who is in a group")


def _ids(objects: Iterable[Any]) -> list[int]:
    return [int(obj.id.val) for obj in objects if obj is not None]
