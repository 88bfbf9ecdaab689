"""AVUs on data objects, collections, resources and users: one change (API 706), or many at once (20002).

Source: ``rsModAVUMetadata.cpp``, ``db_*_avu_metadata_op`` of ``db_plugin.cpp``,
``atomic_apply_metadata_operations.cpp``; reference/irods-wire.md, Pitfalls 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final

from omero_irods_sandbox.irods_zone import startup
from omero_irods_sandbox.irods_zone.api.atomic_operations import Progress, answer
from omero_irods_sandbox.irods_zone.api.policy_arguments import avu_input, buffer_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.metadata import Metadata
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of
from omero_irods_sandbox.irods_zone.catalog.permissions import require_admin
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.values import KeyValPair
from omero_irods_sandbox.irods_zone.session import Session

ADMIN_KEYWORD: Final = "irodsAdmin"

_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(6))


class Kind(Enum):
    """What can carry AVUs; a group counts as a user."""

    DATA_OBJECT = "data_object"
    COLLECTION = "collection"
    RESOURCE = "resource"
    USER = "user"

    @property
    def has_permissions(self) -> bool:
        """Whether access levels decide who may change its AVUs; of the others only a rodsadmin may."""
        return self in (Kind.DATA_OBJECT, Kind.COLLECTION)


_KINDS: Final = {
    "d": Kind.DATA_OBJECT,
    "c": Kind.COLLECTION,
    "C": Kind.COLLECTION,
    "r": Kind.RESOURCE,
    "R": Kind.RESOURCE,
    "u": Kind.USER,
}


@dataclass(frozen=True, slots=True)
class Avu:
    """``unit`` may be empty, the others not."""

    attribute: str
    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class _Verb:
    """A change of one AVU: who may do it, what it does, and the name of its database hook."""

    level: AccessLevel
    change: Callable[[Metadata, int, Avu], None]
    hook: str


def _add(metadata: Metadata, object_id: int, avu: Avu) -> None:
    metadata.add(object_id, avu.attribute, avu.value, avu.unit)


def _set(metadata: Metadata, object_id: int, avu: Avu) -> None:
    metadata.set(object_id, avu.attribute, avu.value, avu.unit)


def _remove(metadata: Metadata, object_id: int, avu: Avu) -> None:
    if not metadata.remove(object_id, avu.attribute, avu.value, avu.unit):
        raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"There is no such AVU: {avu.attribute}")


def _remove_like(metadata: Metadata, object_id: int, avu: Avu) -> None:
    if not metadata.remove_like(object_id, avu.attribute, avu.value, avu.unit):
        raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"No AVU matches: {avu.attribute}")


_VERBS: Final = {
    "add": _Verb(AccessLevel.CREATE_METADATA, _add, "add_avu_metadata"),
    "adda": _Verb(AccessLevel.CREATE_METADATA, _add, "add_avu_metadata"),
    "set": _Verb(AccessLevel.DELETE_METADATA, _set, "set_avu_metadata"),
    "rm": _Verb(AccessLevel.DELETE_METADATA, _remove, "del_avu_metadata"),
    "rmw": _Verb(AccessLevel.DELETE_METADATA, _remove_like, "del_avu_metadata"),
}


# -- one change


@operation(706, "mod_avu_metadata", rules=avu_input)
def mod_avu_metadata(session: Session, request: Request) -> Reply:
    """``verb, -kind, name, attribute, value, unit``, or ``cp, -kind, -kind, source, target``."""
    verb, kind, *rest = (request.body.string(name) for name in _ARGUMENTS)
    as_admin = ADMIN_KEYWORD in request.body.key_values()
    if verb == "cp":
        target_kind, source, target, _ = rest
        _copy(session, (kind, source), (target_kind, target), as_admin=as_admin)
    else:
        name, attribute, value, unit = rest
        modify_avu(session, verb, kind, name, attribute, value, unit, as_admin=as_admin)
    return Reply()


def modify_avu(  # noqa: PLR0913 - the arguments of the API and of the microservice
    session: Session,
    verb: str,
    kind: str,
    name: str,
    attribute: str,
    value: str,
    unit: str,
    *,
    as_admin: bool = False,
) -> None:
    """Change one AVU, then tell the rules of it (``pep_database_*_avu_metadata_post``).

    ``verb`` is add, adda, set, rm, or rmw, whose arguments are LIKE patterns;
    ``kind`` is -d, -C, -R or -u.

    Raises:
        ZoneError: CAT_INVALID_ARGUMENT, CAT_UNKNOWN_FILE, CAT_UNKNOWN_COLLECTION, CAT_INVALID_RESOURCE,
            CAT_INVALID_USER, CAT_NO_ACCESS_PERMISSION, CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
            CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME, CAT_SUCCESS_BUT_WITH_NO_INFO (nothing to remove), or
            what the rule answered; then the change stays.
    """
    action = _VERBS.get(verb)
    if action is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"No AVU operation is called {verb!r}.")
    if not attribute or not value:
        raise ZoneError("CAT_INVALID_ARGUMENT", "An AVU needs an attribute and a value.")
    with session.catalog.transaction():
        object_id = _permitted(session, kind, name, action.level, as_admin=as_admin)
        action.change(session.catalog.metadata, object_id, Avu(attribute, value, unit))
    if session.rules.is_loaded:
        session.rules.database(action.hook, "post", session, kind, name, attribute, value, unit, KeyValPair())


def _copy(session: Session, source: tuple[str, str], target: tuple[str, str], *, as_admin: bool) -> None:
    """``source`` and ``target`` are kind and name."""
    with session.catalog.transaction():
        source_id = _permitted(session, *source, AccessLevel.READ_METADATA, as_admin=as_admin)
        target_id = _permitted(session, *target, AccessLevel.CREATE_METADATA, as_admin=as_admin)
        session.catalog.metadata.copy(source_id, target_id)


def _permitted(session: Session, kind: str, name: str, level: AccessLevel, *, as_admin: bool) -> int:
    """The id of what is called ``name``, if the user has ``level`` on it."""
    parsed = _KINDS.get(kind.removeprefix("-"))
    if parsed is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"AVUs belong to -d, -C, -R or -u, not to {kind!r}.")
    if not parsed.has_permissions:
        require_admin(session.user)
        return _object_id(session, parsed, name)
    object_id = _object_id(session, parsed, name)
    session.catalog.permissions.require(session.user, object_id, level, as_admin=as_admin)
    return object_id


def _object_id(session: Session, kind: Kind, name: str) -> int:
    catalog = session.catalog
    if kind is Kind.DATA_OBJECT:
        return catalog.data_object_id(normalized(name))
    if kind is Kind.COLLECTION:
        return catalog.collections.get(normalized(name)).id
    if kind is Kind.USER:
        return catalog.users.get(name).id
    resource = catalog.resources.named(name)
    if resource is None:
        raise ZoneError("CAT_INVALID_RESOURCE", f"Resource does not exist: {name}")
    return resource.id


# -- many changes at once


@operation(20002, "atomic_apply_metadata_operations", rules=buffer_input_and_none)
def atomic_apply_metadata_operations(session: Session, request: Request) -> Reply:
    """Add and remove AVUs of one object, all or none.

    On an error the reply holds the operation that failed, its index and the
    reason. What is there already or is not there is no error.
    """
    return answer(request, partial(_apply_all, session))


def _apply_all(session: Session, request: dict[str, Any], progress: Progress) -> None:
    operations = request.get("operations", [])
    if not isinstance(operations, list):
        raise ZoneError("SYS_INTERNAL_ERR", "The operations are not a list.")
    with session.catalog.transaction():
        object_id = _entity_id(session, request)
        for progress.index, progress.operation in enumerate(operations):
            _apply(session.catalog.metadata, object_id, progress.operation)


def _entity_id(session: Session, request: dict[str, Any]) -> int:
    """The object that the request is about, if the user may change its AVUs."""
    name, kind_name = request.get("entity_name"), request.get("entity_type")
    kinds = {kind.value: kind for kind in Kind}
    if not isinstance(name, str) or kind_name not in kinds:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "No known entity_name and entity_type.")
    kind = kinds[kind_name]
    object_id = _visible_id(session, kind, name)
    if request.get("admin_mode"):
        if not session.user.is_admin:
            raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL", "User is not an administrator")
    elif not _may_change(session, kind, object_id):
        raise ZoneError("CAT_NO_ACCESS_PERMISSION", "User not allowed to modify metadata")
    return object_id


def _visible_id(session: Session, kind: Kind, name: str) -> int:
    """What a user may not see does not exist for him: the server looks it up by a query.

    In that of iRODS 4 a quote in the collection hides the condition that follows
    (``get_object_id`` of atomic_apply_metadata_operations.cpp 4.3.5, ``goodStrExpr`` of rcMisc.cpp).
    """
    unknown = ZoneError("SYS_INVALID_INPUT_PARAM", f"Entity does not exist [entity_name={name}]")
    if startup.RELEASE < "rods5" and kind is Kind.DATA_OBJECT and "'" in parent_of(name):
        raise unknown
    try:
        object_id = _object_id(session, kind, name)
    except ZoneError as error:
        raise unknown from error
    is_open = session.user.is_admin or not kind.has_permissions
    if not is_open and session.catalog.permissions.level(session.user, object_id) < AccessLevel.READ_OBJECT:
        raise unknown
    return object_id


def _may_change(session: Session, kind: Kind, object_id: int) -> bool:
    # Other than for one change, nothing less than the permission to write the object will do:
    # user_has_permission_to_modify_entity of catalog_utilities.cpp.
    if not kind.has_permissions:
        return session.user.is_admin
    return session.catalog.permissions.level(session.user, object_id) >= AccessLevel.MODIFY_OBJECT


def _apply(metadata: Metadata, object_id: int, operation: object) -> None:
    verb, avu = _operation(operation)
    if not avu.attribute or not avu.value:
        message = f"Empty metadata attribute name or value [attribute={avu.attribute}, value={avu.value}]"
        raise ZoneError("SYS_INVALID_INPUT_PARAM", message)
    if verb == "add":
        metadata.add(object_id, avu.attribute, avu.value, avu.unit, again_ok=True)
    elif verb == "remove":
        metadata.remove(object_id, avu.attribute, avu.value, avu.unit)
    else:
        raise ZoneError("INVALID_OPERATION", "Invalid metadata operation.")


def _operation(operation: object) -> tuple[str, Avu]:
    fields = operation if isinstance(operation, dict) else {}
    texts = [fields.get("operation"), fields.get("attribute"), fields.get("value"), fields.get("units", "")]
    if not all(isinstance(text, str) for text in texts):
        raise ZoneError("JSON_VALIDATION_ERROR", "operation, attribute, value and units must be text.")
    verb, attribute, value, unit = (str(text) for text in texts)
    return verb, Avu(attribute, value, unit)
