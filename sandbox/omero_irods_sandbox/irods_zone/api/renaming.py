"""Renaming data objects and collections, and moving them to the trash.

Files in a vault follow the logical path; files that were registered outside stay where they are.
Source: rsDataObjRename.cpp, physPath.cpp (``syncDataObjPhyPath``), rsRmColl.cpp (``rsMkTrashPath``),
``db_rename_object_op`` and ``db_move_object_op`` of db_plugin.cpp; recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

import os
import secrets
from typing import Final

from omero_irods_sandbox.irods_zone.api import logical_locking
from omero_irods_sandbox.irods_zone.api.policy_arguments import copy_input
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.vault_changes import VaultChanges, is_in_vault
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import is_below, name_of, normalized, parent_of
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, User
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire.xml import Element

_RENAME_DATA_OBJECT: Final = 11
_RENAME_COLLECTION: Final = 12
_SUFFIXES: Final = 2**32


@operation(627, "data_obj_rename", rules=copy_input)
def rename(session: Session, request: Request) -> Reply:
    """Give a data object or a collection another path; it keeps its id, AVUs, access and files.

    Nothing in it may be open for writing: closing it would look for the file where it was.
    """
    first, second = source_and_target(request)
    source, target = normalized(first.string("objPath")), normalized(second.string("objPath"))
    _check_paths(source, target)
    with VaultChanges() as changes, session.catalog.transaction():
        object_id = _source_id(session.catalog, source, first.integer("oprType"))
        _check_target(session.catalog, source, target)
        session.catalog.permissions.require(session.user, object_id, AccessLevel.OWN)
        parent = session.catalog.collections.get(parent_of(target))
        session.catalog.permissions.require(session.user, parent.id, AccessLevel.MODIFY_OBJECT)
        logical_locking.require_unlocked(_all_replicas(session.catalog, source))
        _relocate(session.catalog, source, target, changes)
    return Reply()


def source_and_target(request: Request) -> tuple[Element, Element]:
    """The two DataObjInp_PI of a DataObjCopyInp_PI. Raises ZoneError USER_PACKSTRUCT_INPUT_ERR."""
    ends = request.body.all("DataObjInp_PI")
    if len(ends) != 2:
        raise ZoneError("USER_PACKSTRUCT_INPUT_ERR", "A source and a target are needed.")
    return ends[0], ends[1]


def _check_paths(source: str, target: str) -> None:
    if source == target:
        raise ZoneError("SAME_SRC_DEST_PATHS_ERR", f"Source and target are the same: {source}")
    if zone_of(source) != zone_of(target):
        raise ZoneError("SYS_CROSS_ZONE_MV_NOT_SUPPORTED", f"{source} and {target} are in different zones.")


def zone_of(path: str) -> str:
    """The zone that a normalized path is in."""
    return path.split("/")[1]


def _source_id(catalog: Catalog, path: str, operation_type: int) -> int:
    if operation_type != _RENAME_DATA_OBJECT:
        collection = catalog.collections.find(path)
        if collection is not None:
            return collection.id
    if operation_type != _RENAME_COLLECTION:
        replicas = catalog.data_objects.replicas(path)
        if replicas:
            return replicas[0].data_id
        raise ZoneError("CAT_NOT_A_DATAOBJ_AND_NOT_A_COLLECTION", f"Does not exist: {path}")
    raise ZoneError("CAT_UNKNOWN_COLLECTION", f"Collection does not exist: {path}")


def _all_replicas(catalog: Catalog, path: str) -> list[Replica]:
    return catalog.data_objects.replicas(path) or catalog.data_objects.in_tree(path)


def _check_target(catalog: Catalog, source: str, target: str) -> None:
    """The server renames before it moves: a sibling with the new name is in the way as well."""
    for path in {f"{parent_of(source)}/{name_of(target)}", target} - {source}:
        if catalog.collections.find(path) is not None:
            raise ZoneError("CAT_NAME_EXISTS_AS_COLLECTION", f"A collection has this name: {path}")
        if catalog.data_objects.replicas(path):
            raise ZoneError("CAT_NAME_EXISTS_AS_DATAOBJ", f"A data object has this name: {path}")
    catalog.collections.get(parent_of(target))
    if is_below(target, source):
        raise ZoneError("CAT_RECURSIVE_MOVE", f"{source} can't go into itself.")


def move_to_trash(catalog: Catalog, user: User, path: str, changes: VaultChanges) -> None:
    """Move a data object or a collection to where ``user`` finds it in his trash. In a transaction.

    The path below the trash is the one below his home. When it is taken, a dot and a
    random number follow. Access was checked by the caller.

    Raises:
        ZoneError: CAT_NO_ACCESS_PERMISSION when the user has no trash, or CAT_NAME_EXISTS_AS_DATAOBJ
            when something in the trash is in the way.
    """
    target = _trash_path(catalog, user, path)
    catalog.make_collection(user, parent_of(target), parents=True)
    wanted = target
    while catalog.exists(target):
        target = _with_suffix(wanted)
    _relocate(catalog, path, target, changes)


def _trash_path(catalog: Catalog, user: User, path: str) -> str:
    home, trash = catalog.home_collections(user)
    if path != home and is_below(path, home):
        return trash + path.removeprefix(home)
    below_zone = path.removeprefix(f"/{catalog.zone}/")
    return f"{trash}/{below_zone.removeprefix('home/')}"


def is_in_trash(catalog: Catalog, path: str) -> bool:
    """Whether ``path`` is in somebody's trash."""
    return path.startswith(f"/{catalog.zone}/trash/")


def _with_suffix(path: str) -> str:
    return f"{path}.{secrets.randbelow(_SUFFIXES)}"


def _relocate(catalog: Catalog, source: str, target: str, changes: VaultChanges) -> None:
    """Change the logical path, which is free and whose parent is there, and let the vault files follow."""
    for replica in _relocate_rows(catalog, source, target):
        _let_file_follow(catalog, replica, changes)
    catalog.collections.mark_modified(parent_of(source), parent_of(target))


def _relocate_rows(catalog: Catalog, source: str, target: str) -> list[Replica]:
    """All replicas that have another logical path now, with the physical path of before."""
    if catalog.collections.find(source) is not None:
        catalog.collections.rename(source, target)
        replicas = catalog.data_objects.in_tree(target)
    else:
        data_id = catalog.data_object_id(source)
        catalog.data_objects.rename(data_id, catalog.collections.get(parent_of(target)), name_of(target))
        replicas = catalog.data_objects.with_id(data_id)
    vaults = catalog.resources.vaults()
    return [replica for replica in replicas if is_in_vault(replica, vaults)]


def _let_file_follow(catalog: Catalog, replica: Replica, changes: VaultChanges) -> None:
    resource = catalog.resources.by_id(replica.resource_id)
    path = wanted = catalog.resources.vault_path(resource, replica.path)
    if wanted == replica.physical_path:
        return
    while os.path.lexists(path) or catalog.data_objects.is_path_registered(path):
        path = _with_suffix(wanted)
    changes.rename(replica.physical_path, path)
    catalog.data_objects.update(replica.data_id, replica.number, physical_path=path)
