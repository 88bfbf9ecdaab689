"""May this object refer to that one?

Sources: OmeroInterceptor.evaluateLinkages; omero-semantics.md, section 4.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.omero_server.errors import group_violation, security_violation
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import USER_GROUP

_NEEDS_READ: Final = frozenset({"RenderingDef", "Thumbnail", "ChannelBinding", "QuantumDef"})
"""Everybody may look at what he may read in his own way (BasicACLVoter.neededRight)."""


@dataclass(frozen=True, slots=True)
class Owned:
    """An object as far as rights go."""

    entity: EntityType
    id: int
    owner_id: int
    group_id: int

    def __str__(self) -> str:
        return f"{self.entity.name}:{self.id}"


def owned(entity: EntityType, row: sqlite3.Row) -> Owned:
    """From a row of its table."""
    return Owned(entity, row["id"], row["d_owner"], row["d_group"])


def check_link(caller: Caller, source: Owned, target: Owned) -> None:
    """Refuse a reference from ``source`` to ``target``.

    Raises:
        GroupSecurityViolation: they are in different groups.
        SecurityViolation: the caller lacks the right on ``target``.
    """
    if caller.is_internal or source.entity.is_global or target.entity.is_global:
        return
    if target.group_id == USER_GROUP and source.group_id != USER_GROUP:
        return  # what belongs to the group "user" is everybody's: scripts, repositories
    if target.group_id != source.group_id:
        raise group_violation(
            f"MIXED GROUP: {source} in group {source.group_id} may not refer to {target}"
            f" in group {target.group_id}"
        )
    if source.owner_id == target.owner_id:
        return
    right = _needed(source.entity)
    if not is_allowed(caller, right, target.entity, target.owner_id, target.group_id):
        raise security_violation(
            f"{source.entity.name} may not be linked to {target}: {right.name} is not permitted"
        )


def _needed(entity: EntityType) -> Right:
    if entity.root in _NEEDS_READ:
        return Right.READ
    if entity.name.endswith("AnnotationLink") or entity.root in ("Roi", "Shape"):
        return Right.ANNOTATE
    return Right.LINK
