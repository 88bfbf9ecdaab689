"""Making and removing collections.

Source: rsCollCreate.cpp and rsRmColl.cpp; recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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

_RMTRASH: Final = frozenset({kw.RMTRASH_KW, kw.ADMIN_RMTRASH_KW})
"""Ask to empty the trash: what somebody's trash is called stays then."""


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


@dataclass(frozen=True, slots=True)
class _Wish:
    """How a collection shall be removed."""

    is_recursive: bool
    is_final: bool
    """Deleted or unregistered, not moved to the trash."""
    keeps_files: bool
    keeps_root: bool
    """Only what is below it goes: emptying a trash leaves the collection that somebody's trash is."""

    @classmethod
    def of(cls, catalog: Catalog, path: str, request: Request) -> _Wish:
        keywords = request.body.key_values()
        is_recursive, keeps_files = kw.RECURSIVE_OPR__KW in keywords, removal.is_unregistration(request)
        return cls(
            is_recursive=is_recursive,
            is_final=not is_recursive or keeps_files or removal.is_final(catalog, path, keywords),
            keeps_files=keeps_files,
            keeps_root=bool(_RMTRASH & keywords.keys()) and _is_home(path, "trash/home"),
        )


@operation(679, "rm_coll", rules=collection_input_and_none)
def remove(session: Session, request: Request) -> Reply:
    """Remove a collection: an empty one at once, with ``recursiveOpr`` all of it.

    All of it goes to the trash; ``forceFlag``, or being there, deletes it, and
    unregistering leaves the files where they are. Here it is all or nothing; the real
    server goes through the tree and removes what it can.
    """
    catalog, keywords = session.catalog, request.body.key_values()
    path = normalized(request.body.string("collName"))
    wish = _Wish.of(catalog, path, request)
    if wish.is_recursive and kw.REPL_NUM_KW in keywords:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", "A collection has no replica numbers.")
    with VaultChanges() as changes, catalog.transaction():
        tree = _tree(catalog, path)
        _check(session, tree, keywords, wish)
        if wish.keeps_files:
            removal.require_may_unregister(session, tree.replicas)
        if not wish.is_final:
            move_to_trash(catalog, session.user, path, changes)
            return _summary(1, 1, path)
        count = _delete(catalog, tree, changes, wish)
    return _summary(count, 0, "") if wish.is_recursive else _summary(1, 1, path)


def _tree(catalog: Catalog, path: str) -> _Tree:
    root = catalog.collections.find(path)
    if root is None:
        raise ZoneError("USER_FILE_DOES_NOT_EXIST", f"Collection does not exist: {path}")
    return _Tree(root, catalog.collections.below(path), catalog.data_objects.in_tree(path))


def _is_home(path: str, homes: str) -> bool:
    """Whether ``path`` is the collection ``homes`` of its zone, or the one of a user in it.

    Source: ``isHomeColl`` and ``isTrashHome`` of rcMisc.cpp.
    """
    _, _, rest = path.removeprefix("/").partition("/")
    return rest == homes or (rest.startswith(f"{homes}/") and "/" not in rest.removeprefix(f"{homes}/"))


def _check(session: Session, tree: _Tree, keywords: dict[str, str], wish: _Wish) -> None:
    """Raises ZoneError in the order of ``_rsPhyRmColl`` and ``_delColl``."""
    path = tree.root.path
    as_admin = removal.acts_as_admin(session, path, keywords)
    if wish.is_recursive and wish.is_final and not tree.is_empty and _is_home(path, "home"):
        raise ZoneError("CANT_RM_NON_EMPTY_HOME_COLL", f"A home that is not empty: {path}")
    if not as_admin:
        _require_rights(session, tree, wish)
    if not tree.is_empty and not wish.is_recursive:
        raise ZoneError("CAT_COLLECTION_NOT_EMPTY", f"Collection is not empty: {path}")
    if path.count("/") <= 2:
        raise ZoneError("CAT_NO_ACCESS_PERMISSION", f"A zone needs this collection: {path}")
    if not all(replica.status.is_at_rest for replica in tree.replicas):
        code = "CAT_COLLECTION_NOT_EMPTY" if wish.is_final else "LOCKED_DATA_OBJECT_ACCESS"
        raise ZoneError(code, f"Somebody is writing a data object in {path}. Try again later.")


def _require_rights(session: Session, tree: _Tree, wish: _Wish) -> None:
    """Raises ZoneError CAT_NO_ACCESS_PERMISSION."""
    permissions = session.catalog.permissions
    if wish.is_final and not wish.keeps_root and tree.root.path != "/":
        parent = session.catalog.collections.get(parent_of(tree.root.path))
        permissions.require(session.user, parent.id, AccessLevel.MODIFY_OBJECT)
    object_ids = tree.object_ids if wish.is_recursive else {tree.root.id}
    permissions.require_all(session.user, object_ids, AccessLevel.DELETE_OBJECT)


def _delete(catalog: Catalog, tree: _Tree, changes: VaultChanges, wish: _Wish) -> int:
    """How many data objects there were."""
    count = delete_data_objects(catalog, tree.replicas, changes, keep_files=wish.keeps_files)
    for collection in tree.below if wish.keeps_root else (*tree.below, tree.root):
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
