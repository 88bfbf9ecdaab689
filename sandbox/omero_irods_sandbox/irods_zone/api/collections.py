"""Making and removing collections.

Source: rsCollCreate.cpp and rsRmColl.cpp; recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import irods.keywords as kw

from omero_irods_sandbox.irods_zone.api import removal
from omero_irods_sandbox.irods_zone.api.policy_arguments import collection_input, collection_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.renaming import move_to_trash
from omero_irods_sandbox.irods_zone.api.vault_changes import VaultChanges, delete_data_objects
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection, Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs


@operation(681, "coll_create", rules=collection_input)
def create(session: Session, request: Request) -> Reply:
    """Make a collection; with ``recursiveOpr`` also those above it, and it may be there already."""
    catalog, keywords = session.catalog, request.body.key_values()
    path = normalized(request.body.string("collName"))
    with catalog.transaction():
        catalog.make_collection(
            session.user,
            path,
            parents=kw.RECURSIVE_OPR__KW in keywords,
            as_admin=kw.ADMIN_KW in keywords,
        )
    return Reply()


@dataclass(frozen=True, slots=True)
class _Tree:
    """A collection with everything below it."""

    root: Collection
    below: list[Collection]
    """The deepest first."""
    replicas: list[Replica]

    @property
    def is_empty(self) -> bool:
        return not self.below and not self.replicas

    @property
    def object_ids(self) -> set[int]:
        collections = {collection.id for collection in (self.root, *self.below)}
        return collections | {replica.data_id for replica in self.replicas}


@operation(679, "rm_coll", rules=collection_input_and_none)
def remove(session: Session, request: Request) -> Reply:
    """Remove a collection: an empty one at once, with ``recursiveOpr`` all of it.

    All of it goes to the trash; ``forceFlag``, or being there, deletes it, and
    unregistering leaves the files where they are.
    """
    catalog, keywords = session.catalog, request.body.key_values()
    path = normalized(request.body.string("collName"))
    with VaultChanges() as changes, catalog.transaction():
        tree = _tree(catalog, path)
        is_recursive = kw.RECURSIVE_OPR__KW in keywords
        _check(session, tree, keywords, is_recursive=is_recursive)
        keep_files = removal.is_unregistration(request)
        if keep_files:
            removal.require_may_unregister(session, tree.replicas)
        if is_recursive and not keep_files and not removal.is_final(catalog, path, keywords):
            move_to_trash(catalog, session.user, path, changes)
            return _summary(1, 1, path)
        count = _delete(catalog, tree, changes, keep_files=keep_files)
    return _summary(count, 0, "") if is_recursive else _summary(1, 1, path)


def _tree(catalog: Catalog, path: str) -> _Tree:
    root = catalog.collections.find(path)
    if root is None:
        raise ZoneError("USER_FILE_DOES_NOT_EXIST", f"Collection does not exist: {path}")
    return _Tree(root, catalog.collections.below(path), catalog.data_objects.in_tree(path))


def _check(session: Session, tree: _Tree, keywords: dict[str, str], *, is_recursive: bool) -> None:
    path = tree.root.path
    if path.count("/") <= 2:
        raise ZoneError("CAT_NO_ACCESS_PERMISSION", f"A zone needs this collection: {path}")
    if not tree.is_empty and not is_recursive:
        is_forced = kw.FORCE_FLAG_KW in keywords
        raise ZoneError(
            "CAT_COLLECTION_NOT_EMPTY" if is_forced else "SYS_COLLECTION_NOT_EMPTY",
            f"Collection is not empty: {path}",
        )
    if not removal.acts_as_admin(session, path, keywords):
        session.catalog.permissions.require_all(session.user, tree.object_ids, AccessLevel.DELETE_OBJECT)
    removal.require_at_rest(tree.replicas)


def _delete(catalog: Catalog, tree: _Tree, changes: VaultChanges, *, keep_files: bool) -> int:
    """How many data objects there were."""
    count = delete_data_objects(catalog, tree.replicas, changes, keep_files=keep_files)
    for collection in (*tree.below, tree.root):
        catalog.forget(collection.id)
        catalog.collections.delete(collection)
    catalog.collections.mark_modified(parent_of(tree.root.path))
    return count


def _summary(files: int, total: int, last_path: str) -> Reply:
    """CollOprStat_PI."""
    return Reply(
        structs.struct(
            "CollOprStat_PI",
            ("filesCnt", files),
            ("totalFileCnt", total),
            ("bytesWritten", 0),
            ("lastObjPath", last_path),
        )
    )
