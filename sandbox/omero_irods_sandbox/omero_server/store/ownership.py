"""Whose a saved object is (BasicSecuritySystem.newTransientDetails and checkManagedDetails)."""

from __future__ import annotations

from typing import Any

from omero_irods_sandbox.omero_server.errors import group_violation, security_violation
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.store.links import Owned


def _given(obj: IObject, part: str) -> int | None:
    """The id of the owner or the group that an object's details name."""
    found = None if obj.details is None else getattr(obj.details, part)
    return None if found is None or found.id is None else int(found.id.val)


def of_new(caller: Caller, obj: IObject) -> tuple[int, int]:
    """Owner and group of a new object.

    Raises:
        SecurityViolation: it shall belong to somebody else and the caller is neither a leader nor privileged.
        GroupSecurityViolation: it shall go into another group than that of the call.
    """
    owner_id, group_id = _given(obj, "owner"), _given(obj, "group")
    if caller.is_internal:
        return (
            caller.user_id if owner_id is None else owner_id,
            caller.writing_group if group_id is None else group_id,
        )
    group = caller.writing_group
    if group_id not in (None, group):
        raise group_violation(f"cannot create in group {group_id}: the group of this call is {group}")
    if owner_id in (None, caller.user_id):
        return caller.user_id, group
    if not (caller.leads(group) or caller.may(Privilege.WRITE_OWNED)):
        raise security_violation(f"user {caller.user_id} may not create for user {owner_id}")
    assert owner_id is not None
    return owner_id, group


def of_known(caller: Caller, obj: IObject, before: Owned) -> dict[str, Any]:
    """The columns of owner and group when a known object's details change them.

    Raises:
        SecurityViolation: the caller may not give it away; groups are changed by Chgrp2 only.
    """
    owner_id, group_id = _given(obj, "owner"), _given(obj, "group")
    if before.entity.is_global or caller.is_internal:
        return {}
    if group_id not in (None, before.group_id):
        raise security_violation(f"the group of {before} is changed by Chgrp2, not by saving")
    if owner_id in (None, before.owner_id):
        return {}
    if not is_allowed(caller, Right.CHOWN, before.entity, before.owner_id, before.group_id):
        raise security_violation(f"{before} may not be given to user {owner_id}")
    return {"d_owner": owner_id}


def check_creation(caller: Caller, entity: EntityType, obj: IObject) -> None:
    """Refuse to create what clients may not.

    Raises:
        SecurityViolation: a type of the system's, a file of a repository, or a group he is not in.
    """
    if caller.is_internal:
        return
    if entity.is_global:
        if not is_allowed(caller, Right.EDIT, entity, None, None):
            raise security_violation(f"creating a {entity.name} needs an administrator")
        return
    if not caller.is_in(caller.writing_group):
        caller.require(Privilege.WRITE_OWNED, f"creating a {entity.name} in group {caller.writing_group}")
    if entity.root == "OriginalFile" and obj.repo is not None:
        raise security_violation(
            "the repository of an OriginalFile is set by the repository (OriginalFile.repo)"
        )


def check_change(caller: Caller, entity: EntityType, changed: dict[str, Any]) -> None:
    """Refuse changes that clients may not make to what they may otherwise edit.

    Raises:
        SecurityViolation: a file would change its repository, or move up in it.
    """
    if caller.is_internal or entity.root != "OriginalFile":
        return
    if "repo" in changed:
        raise security_violation(
            "the repository of an OriginalFile is set by the repository (OriginalFile.repo)"
        )
    parts = str(changed.get("path", "")).split("/")
    if not caller.is_admin and {".", ".."} & set(parts):
        raise security_violation("the path of an OriginalFile must not hold . or ..")
