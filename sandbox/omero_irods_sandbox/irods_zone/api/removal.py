"""Removing data objects, and single replicas of them.

Source: rsDataObjUnlink.cpp and rsDataObjTrim.cpp; recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import irods.keywords as kw

from omero_irods_sandbox.irods_zone.api import logical_locking, replica_choice
from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input
from omero_irods_sandbox.irods_zone.api.readable import readable_replicas
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.renaming import is_in_trash, move_to_trash
from omero_irods_sandbox.irods_zone.api.vault_changes import (
    VaultChanges,
    delete_data_objects,
    is_in_vault,
    remove_vault_files,
)
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of
from omero_irods_sandbox.irods_zone.catalog.permissions import require_admin
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_UNREGISTER: Final = 26
"""UNREG_OPR of ``dataObjInpOut.h``: the catalog forgets, the file stays."""

_DEFAULT_COPIES: Final = 2
"""DEF_MIN_COPY_CNT: how many replicas a trim leaves."""


@operation(615, "data_obj_unlink", rules=data_object_input)
def unlink(session: Session, request: Request) -> Reply:
    """Move a data object to the trash; delete it with ``forceFlag`` or in the trash; or unregister it.

    Deleting and unregistering take all replicas. Files outside a vault always stay.
    """
    catalog, keywords = session.catalog, request.body.key_values()
    path = normalized(request.body.string("objPath"))
    keep_files = is_unregistration(request)
    with VaultChanges() as changes, catalog.transaction():
        replicas = _removable(session, path, keywords)
        if keep_files:
            require_may_unregister(session, replicas)
        if keep_files or is_final(catalog, path, keywords):
            delete_data_objects(catalog, replicas, changes, keep_files=keep_files)
            catalog.collections.mark_modified(parent_of(path))
        else:
            move_to_trash(catalog, session.user, path, changes)
    return Reply()


def is_unregistration(request: Request) -> bool:
    """Whether the request takes something out of the catalog and leaves the files."""
    keyword = request.body.key_values().get(kw.OPR_TYPE_KW)
    return request.body.integer("oprType") == _UNREGISTER or keyword == str(_UNREGISTER)


def is_final(catalog: Catalog, path: str, keywords: dict[str, str]) -> bool:
    """Whether a removal deletes, instead of moving to the trash."""
    return kw.FORCE_FLAG_KW in keywords or is_in_trash(catalog, path)


def acts_as_admin(session: Session, path: str, keywords: dict[str, str]) -> bool:
    """Whether the removal of ``path`` is to pass over access levels.

    Raises:
        ZoneError: CAT_INSUFFICIENT_PRIVILEGE_LEVEL when the user is no rodsadmin;
            SYS_INVALID_FILE_PATH when the trash is to be emptied and ``path`` is not in it.
    """
    empties_trash = {kw.RMTRASH_KW, kw.ADMIN_RMTRASH_KW} & keywords.keys()
    if empties_trash and not is_in_trash(session.catalog, path):
        raise ZoneError("SYS_INVALID_FILE_PATH", f"Not in the trash: {path}")
    as_admin = bool({kw.ADMIN_KW, kw.ADMIN_RMTRASH_KW} & keywords.keys())
    if as_admin:
        require_admin(session.user)
    return as_admin


def require_may_unregister(session: Session, replicas: Iterable[Replica]) -> None:
    """Raises ZoneError CANT_UNREG_IN_VAULT_FILE when a user would leave a vault file that nobody owns."""
    if session.user.is_admin:
        return
    vaults = session.catalog.resources.vaults()
    for replica in replicas:
        if is_in_vault(replica, vaults):
            raise ZoneError("CANT_UNREG_IN_VAULT_FILE", f"The file is in a vault, remove it: {replica.path}")


def _removable(session: Session, path: str, keywords: dict[str, str]) -> list[Replica]:
    """All replicas of a data object that the user may remove.

    Raises:
        ZoneError: among others CAT_NO_ROWS_FOUND for what is not there and, as recorded, for a user
            who may only read; for what is open HIERARCHY_ERROR, or LOCKED_DATA_OBJECT_ACCESS with force.
    """
    if session.catalog.collections.find(path) is not None:
        raise ZoneError("USER_INPUT_PATH_ERR", f"Not a data object but a collection: {path}")
    replicas = session.catalog.data_objects.replicas(path)
    if not replicas:
        raise ZoneError("CAT_NO_ROWS_FOUND", f"Data object does not exist: {path}")
    as_admin = acts_as_admin(session, path, keywords)
    level = session.catalog.permissions.level(session.user, replicas[0].data_id)
    if not as_admin and level < AccessLevel.DELETE_OBJECT:
        raise ZoneError("CAT_NO_ROWS_FOUND", f"No right to remove {path}")
    if kw.FORCE_FLAG_KW not in keywords:
        logical_locking.require_one_at_rest(replicas)
    logical_locking.require_unlocked(replicas)
    return replicas


@operation(632, "data_obj_trim", rules=data_object_input)
def trim(session: Session, request: Request) -> Reply:
    """Remove replicas but ``copies`` of them (2), stale ones first, and never the last good one.

    ``rescName`` narrows which, ``replNum`` says which one, as long as there are more than
    ``copies``; unregistering keeps the files. The reply's ``int_info`` is 1 when something
    was removed, or with ``dryrun`` would be.
    """
    catalog, keywords = session.catalog, request.body.key_values()
    path = normalized(request.body.string("objPath"))
    keep_files = is_unregistration(request)
    with VaultChanges() as changes, catalog.transaction():
        as_admin = kw.ADMIN_KW in keywords
        replicas = readable_replicas(session, path, as_admin=as_admin)
        logical_locking.require_one_at_rest(replicas)
        superfluous = _superfluous(catalog, replicas, keywords)
        if not superfluous or kw.DRYRUN_KW in keywords:
            return Reply(int_info=int(bool(superfluous)))
        data_id = replicas[0].data_id
        catalog.permissions.require(session.user, data_id, AccessLevel.DELETE_OBJECT, as_admin=as_admin)
        if keep_files:
            require_may_unregister(session, superfluous)
        else:
            remove_vault_files(catalog, superfluous, changes)
        for replica in superfluous:
            catalog.data_objects.delete_replica(replica.data_id, replica.number)
    return Reply(int_info=1)


def _superfluous(catalog: Catalog, replicas: list[Replica], keywords: dict[str, str]) -> list[Replica]:
    """What a trim removes. Source: ``get_list_of_replicas_to_trim``.

    Raises:
        ZoneError: SYS_REPLICA_DOES_NOT_EXIST, or USER_INCOMPATIBLE_PARAMS when ``replNum`` names the last
            good replica; that one silently stays in all other cases.
    """
    candidates = _candidates(catalog, replicas, keywords)
    count = len(replicas) - _copies_to_keep(keywords)
    if count <= 0:
        return []
    if kw.REPL_NUM_KW in keywords:
        return [_named(replicas, replica_choice.replica_number(keywords))]
    spare = sum(replica.is_good for replica in replicas) - 1
    stale = [replica for replica in candidates if replica.status is ReplicaStatus.STALE]
    good = [replica for replica in reversed(candidates) if replica.is_good]
    return (stale + good[: max(0, spare)])[:count]


def _candidates(catalog: Catalog, replicas: list[Replica], keywords: dict[str, str]) -> list[Replica]:
    if kw.RESC_NAME_KW not in keywords:
        return replicas
    if kw.REPL_NUM_KW in keywords:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", "Name the replica by number or by resource, not by both.")
    leaf_ids = catalog.resources.leaf_ids(keywords[kw.RESC_NAME_KW])
    return [replica for replica in replicas if replica.resource_id in leaf_ids]


def _named(replicas: list[Replica], number: int) -> Replica:
    replica = next((replica for replica in replicas if replica.number == number), None)
    if replica is None:
        raise ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{replicas[0].path} has no replica {number}.")
    if replica.is_good and sum(other.is_good for other in replicas) == 1:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", f"No good replica would be left: {replica.path}")
    return replica


def _copies_to_keep(keywords: dict[str, str]) -> int:
    text = keywords.get(kw.COPIES_KW, str(_DEFAULT_COPIES))
    if not text.isdecimal() or int(text) == 0:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Not a number of copies: {text!r}")
    return int(text)
