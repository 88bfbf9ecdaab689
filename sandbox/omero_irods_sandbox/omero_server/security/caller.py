"""The user on whose behalf an operation runs, and the group it runs in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from omero.model import PermissionsI

from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.security.privileges import ALL_PRIVILEGES, Privilege
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS, ROOT_USER, SYSTEM_GROUP


@dataclass(frozen=True, slots=True)
class GroupRights:
    """A group's permissions, e.g. ``rwra--``; ``bits`` as ``perm1`` of omero.model.Permissions has them."""

    bits: int
    name: str
    group_readable: bool
    group_annotatable: bool
    group_writable: bool
    world_readable: bool

    @property
    def is_private(self) -> bool:
        return not self.group_readable


@lru_cache(maxsize=64)
def group_rights(bits: int) -> GroupRights:
    """The rights that a group's permission bits stand for."""
    permissions = PermissionsI(bits)
    return GroupRights(
        bits,
        str(permissions),
        group_readable=permissions.isGroupRead(),
        group_annotatable=permissions.isGroupAnnotate(),
        group_writable=permissions.isGroupWrite(),
        world_readable=permissions.isWorldRead(),
    )


def permission_bits(name: str) -> int:
    """``rwra--`` as bits."""
    return int(PermissionsI(name).getPerm1())


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``group_id`` is that of the call, ALL_GROUPS for all; new objects never go there."""

    user_id: int
    group_id: int
    session_group_id: int
    is_admin: bool
    privileges: frozenset[Privilege]
    """What an administrator may do, after those were taken off that he or his sudoer lacks."""
    member_of: tuple[int, ...]
    """In order: the first is the default group."""
    leader_of: frozenset[int]
    groups: Mapping[int, GroupRights]
    """Every group there is."""
    session_id: int | None = None
    event_type: str = "User"
    is_internal: bool = False
    """The server itself: no filters, no checks, and owner and group as the server says."""

    @classmethod
    def internal(cls, groups: Mapping[int, GroupRights], group_id: int = ALL_GROUPS) -> Caller:
        """The server acting for itself."""
        return cls(
            user_id=ROOT_USER,
            group_id=group_id,
            session_group_id=SYSTEM_GROUP,
            is_admin=True,
            privileges=ALL_PRIVILEGES,
            member_of=(SYSTEM_GROUP,),
            leader_of=frozenset({SYSTEM_GROUP}),
            groups=groups,
            event_type="Internal",
            is_internal=True,
        )

    def in_group(self, group_id: int) -> Caller:
        """The same user in another group."""
        return replace(self, group_id=group_id)

    def may(self, privilege: Privilege) -> bool:
        return self.is_admin and privilege in self.privileges

    def require(self, privilege: Privilege, what: str) -> None:
        """Refuse unless the caller is an administrator with this privilege.

        Raises:
            SecurityViolation: naming ``what`` was to be done.
        """
        if not self.may(privilege):
            raise security_violation(f"{what}: needs an administrator with the privilege {privilege.value}")

    def is_in(self, group_id: int) -> bool:
        return group_id in self.member_of

    def leads(self, group_id: int) -> bool:
        return group_id in self.leader_of

    def rights(self, group_id: int) -> GroupRights:
        """A group's permissions; one that was made after this call began counts as private."""
        return self.groups.get(group_id) or group_rights(permission_bits("rw----"))

    @property
    def writing_group(self) -> int:
        """Where new objects go: never ALL_GROUPS."""
        return self.session_group_id if self.group_id == ALL_GROUPS else self.group_id
