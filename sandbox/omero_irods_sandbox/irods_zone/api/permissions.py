"""Permissions: one level for one user, also recursively (API 707), or several levels at once (20005).

Source: ``rsModAccessControl.cpp``, ``db_mod_access_control_op`` of ``db_plugin.cpp``,
``atomic_apply_acl_operations.cpp``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from omero_irods_sandbox.irods_zone.api.atomic_operations import Progress, answer
from omero_irods_sandbox.irods_zone.api.policy_arguments import access_input, buffer_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized
from omero_irods_sandbox.irods_zone.catalog.permissions import require_admin
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_ADMIN_PREFIX: Final = "admin:"
_INHERITANCE: Final = {"inherit": True, "noinherit": False}


# -- one level


@operation(707, "mod_access_control", rules=access_input)
def mod_access_control(session: Session, request: Request) -> Reply:
    """Give a user or a group a level, or tell a collection to hand its permissions down or not to.

    The owner may; with ``admin:`` before the level a rodsadmin may. Of a tree
    only the collection at the top is asked.
    """
    body = request.body
    level, path = body.string("accessLevel"), normalized(body.string("path"))
    as_admin, level = level.startswith(_ADMIN_PREFIX), level.removeprefix(_ADMIN_PREFIX)
    recursively = bool(body.integer("recursiveFlag"))
    with session.catalog.transaction():
        if level in _INHERITANCE:
            collection = _collection_to_inherit(session, path, as_admin=as_admin)
            session.catalog.collections.hand_down(
                collection, inherits=_INHERITANCE[level], recursively=recursively
            )
        else:
            user = body.string("userName"), body.string("zone")
            _set_level(session, level, path, user, recursively=recursively, as_admin=as_admin)
    return Reply()


def _collection_to_inherit(session: Session, path: str, *, as_admin: bool) -> Collection:
    collection = session.catalog.collections.find(path)
    if collection is None or not _may_grant(session, collection.id, as_admin=as_admin):
        message = "either the collection does not exist or you do not have sufficient access"
        raise ZoneError("CAT_NO_ACCESS_PERMISSION", message)
    return collection


def _may_grant(session: Session, object_id: int, *, as_admin: bool) -> bool:
    if as_admin:
        require_admin(session.user)
        return True
    return session.catalog.permissions.level(session.user, object_id) >= AccessLevel.OWN


def _set_level(
    session: Session, level_name: str, path: str, user: tuple[str, str], *, recursively: bool, as_admin: bool
) -> None:
    catalog = session.catalog
    level = AccessLevel.of(level_name)
    if level is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"access level '{level_name}' is invalid")
    collection = catalog.collections.find(path)
    object_id = collection.id if collection else _data_id(session, path)
    if not _may_grant(session, object_id, as_admin=as_admin):
        raise ZoneError("CAT_NO_ACCESS_PERMISSION", f"You do not own {path}.")
    user_id = catalog.users.get(*user).id
    if not recursively:
        catalog.permissions.grant(object_id, user_id, level)
    elif collection is not None:
        catalog.permissions.grant_tree(collection, user_id, level)
    else:
        message = f"Input path is not a collection and recursion was requested: {path}"
        raise ZoneError("CAT_INVALID_ARGUMENT", message)


def _data_id(session: Session, path: str) -> int:
    replicas = session.catalog.data_objects.replicas(path)
    if not replicas:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"Input path is not a collection and not a dataObj: {path}")
    return replicas[0].data_id


# -- several levels at once


@operation(20005, "atomic_apply_acl_operations", rules=buffer_input_and_none)
def atomic_apply_acl_operations(session: Session, request: Request) -> Reply:
    """Give several users levels on one object, all or none.

    On an error the reply holds the operation that failed, its index and the reason.
    """
    return answer(request, partial(_apply_all, session))


def _apply_all(session: Session, request: dict[str, Any], progress: Progress) -> None:
    path, operations = request.get("logical_path"), request.get("operations", [])
    if not isinstance(path, str) or not isinstance(operations, list):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "The logical_path or the operations are missing.")
    with session.catalog.transaction():
        object_id = _object_id(session, normalized(path))
        if not _may_grant(session, object_id, as_admin=bool(request.get("admin_mode"))):
            raise ZoneError("CAT_NO_ACCESS_PERMISSION", "User not allowed to modify permissions")
        for progress.index, progress.operation in enumerate(operations):
            _apply(session, object_id, progress.operation)


def _object_id(session: Session, path: str) -> int:
    try:
        return session.catalog.object_id(path)
    except ZoneError as error:
        raise ZoneError("OBJ_PATH_DOES_NOT_EXIST", f"Does not exist: {path}") from error


def _apply(session: Session, object_id: int, operation: object) -> None:
    fields = operation if isinstance(operation, dict) else {}
    level = AccessLevel.of(str(fields.get("acl")))
    if level is None:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Invalid ACL [acl={fields.get('acl')}]")
    user = session.catalog.users.find(str(fields.get("entity_name")), str(fields.get("zone", "")))
    if user is None:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "Invalid entity")
    session.catalog.permissions.grant(object_id, user.id, level)
