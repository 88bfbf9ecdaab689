"""Rights on objects, one by one and as SQL (BasicACLVoter; omero-semantics.md, section 4)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS, USER_GROUP


class Right(IntEnum):
    """In the order of ``restrictions`` in omero.model.Permissions; READ stands before them."""

    READ = -1
    LINK = 0
    EDIT = 1
    DELETE = 2
    ANNOTATE = 3
    CHGRP = 4
    CHOWN = 5


_RESTRICTIONS: Final = tuple(right for right in Right if right is not Right.READ)

_ADMIN_NEEDS: Final = {
    Right.LINK: Privilege.WRITE_OWNED,
    Right.EDIT: Privilege.WRITE_OWNED,
    Right.DELETE: Privilege.DELETE_OWNED,
    Right.ANNOTATE: Privilege.WRITE_OWNED,
    Right.CHGRP: Privilege.CHGRP,
    Right.CHOWN: Privilege.CHOWN,
}

_MOVABLE: Final = frozenset(
    {
        "Annotation", "Dataset", "Experiment", "Fileset", "Folder", "Image", "Instrument", "LightSource",
        "OriginalFile", "Plate", "PlateAcquisition", "Project", "Roi", "Screen", "Well",
    }
)  # fmt: skip
"""Root classes that Chgrp2 and Chown2 take as targets."""

_GLOBAL_NEEDS: Final = {
    "Experimenter": Privilege.MODIFY_USER,
    "ExperimenterGroup": Privilege.MODIFY_GROUP,
    "GroupExperimenterMap": Privilege.MODIFY_GROUP_MEMBERSHIP,
}


def is_allowed(
    caller: Caller, right: Right, entity: EntityType, owner_id: int | None, group_id: int | None
) -> bool:
    """Whether ``caller`` has ``right`` on an object of this class, owner and group."""
    if caller.is_internal:
        return True
    if entity.is_global or group_id is None:
        return right is Right.READ or _may_change_global(caller, entity)
    if right is Right.READ:
        return _may_read(caller, owner_id, group_id)
    if right in (Right.CHGRP, Right.CHOWN) and entity.root not in _MOVABLE:
        return False
    return _may_write(caller, right, owner_id, group_id)


def _may_write(caller: Caller, right: Right, owner_id: int | None, group_id: int) -> bool:
    if right is Right.CHOWN:
        return caller.leads(group_id) or caller.may(Privilege.CHOWN)
    return owner_id == caller.user_id or _may_on_foreign(caller, right, group_id)


def _may_on_foreign(caller: Caller, right: Right, group_id: int) -> bool:
    rights = caller.rights(group_id)
    if right is Right.CHGRP:
        return caller.may(Privilege.CHGRP)
    if rights.is_private and right in (Right.LINK, Right.ANNOTATE):
        return False  # who reads by rank would make a mixture that the owner's rank does not allow
    if caller.leads(group_id) or caller.may(_ADMIN_NEEDS[right]):
        return True
    if not caller.is_in(group_id):
        return False
    return rights.group_writable or (right is Right.ANNOTATE and rights.group_annotatable)


def _may_read(caller: Caller, owner_id: int | None, group_id: int) -> bool:
    if group_id == USER_GROUP or caller.is_admin or caller.leads(group_id):
        return True
    rights = caller.rights(group_id)
    if rights.world_readable:
        return True
    return caller.is_in(group_id) and (rights.group_readable or owner_id == caller.user_id)


def _may_change_global(caller: Caller, entity: EntityType) -> bool:
    needed = _GLOBAL_NEEDS.get(entity.root)
    return caller.is_admin if needed is None else caller.may(needed)


def restrictions(
    caller: Caller, entity: EntityType, owner_id: int | None, group_id: int | None
) -> list[bool]:
    """What ``details.permissions.restrictions`` says to the caller: True means not allowed."""
    return [not is_allowed(caller, right, entity, owner_id, group_id) for right in _RESTRICTIONS]


def readable_sql(caller: Caller, entity: EntityType, alias: str) -> str | None:
    """A condition on the table ``alias`` that keeps what the caller may read here; None keeps all."""
    if caller.is_internal:
        return None
    if entity.root == "Session":
        # Whoever knows a session's uuid is in it.
        return None if caller.may(Privilege.READ_SESSION) else f"{alias}.d_owner = {caller.user_id}"
    if entity.is_global:
        return None
    if caller.is_admin:
        return _in_current_group(caller, alias)
    whole, own = _readable_groups(caller)
    condition = f"{alias}.d_group IN ({_listed(whole)})"
    if own:
        condition = (
            f"({condition} OR ({alias}.d_owner = {caller.user_id} AND {alias}.d_group IN ({_listed(own)})))"
        )
    return condition


def _in_current_group(caller: Caller, alias: str) -> str | None:
    if caller.group_id == ALL_GROUPS:
        return None
    return f"{alias}.d_group IN ({caller.group_id}, {USER_GROUP})"


def _readable_groups(caller: Caller) -> tuple[list[int], list[int]]:
    """Groups of which all is readable, and those of which the caller's own is."""
    whole, own = [USER_GROUP], []
    for group_id, rights in caller.groups.items():
        if caller.group_id not in (ALL_GROUPS, group_id):
            continue
        is_member = caller.is_in(group_id)
        if caller.leads(group_id) or rights.world_readable or (is_member and rights.group_readable):
            whole.append(group_id)
        elif is_member:
            own.append(group_id)
    return whole, own


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids))
