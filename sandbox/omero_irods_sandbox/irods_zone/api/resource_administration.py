"""Resources and their trees, as a rodsadmin changes them.

Source: ``rsGeneralAdmin.cpp`` (_addResource, _addChildToResource), ``db_*_resc_op`` of ``db_plugin.cpp``.
"""

from __future__ import annotations

import re
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.resources import STORAGE_TYPE
from omero_irods_sandbox.irods_zone.catalog.values import Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

BUNDLE_RESOURCE: Final = "bundleResc"
NO_HOST: Final = "EMPTY_RESC_HOST"
NO_PATH: Final = "EMPTY_RESC_PATH"

_TYPES: Final = frozenset(
    {
        STORAGE_TYPE,
        "compound",
        "deferred",
        "load_balanced",
        "mockarchive",
        "mso",
        "nonblocking",
        "passthru",
        "random",
        "replication",
        "s3",
        "univmss",
    }
)
_NAME: Final = re.compile(r"[^\s;/]{1,63}")
_COLUMNS: Final = {
    "comment": "r_comment",
    "context": "resc_context",
    "free_space": "free_space",
    "freespace": "free_space",
    "host": "resc_net",
    "info": "resc_info",
    "name": "resc_name",
    "path": "resc_def_path",
    "status": "resc_status",
    "type": "resc_type_name",
}


def add_resource(session: Session, arguments: list[str]) -> None:
    """Name, type, ``host:vault``, context string.

    Raises:
        ZoneError: CAT_INVALID_RESOURCE_NAME, CAT_INVALID_RESOURCE_TYPE,
            CAT_INVALID_RESOURCE_VAULT_PATH, CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME.
    """
    name, kind, location, context, *_ = arguments
    host, _, vault = location.partition(":")
    _check_name(name)
    if kind not in _TYPES:
        raise ZoneError("CAT_INVALID_RESOURCE_TYPE", f"No such resource type: {kind}")
    _check_vault(kind, vault)
    session.catalog.resources.insert(name, kind, host or NO_HOST, vault or NO_PATH, context)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ZoneError("CAT_INVALID_RESOURCE_NAME", f"Not a resource name: {name!r}")


def _check_vault(kind: str, vault: str) -> None:
    """A storage resource keeps files in a folder; the root of the file system is none to keep them in."""
    if kind == STORAGE_TYPE and (not vault.startswith("/") or not vault.strip("/")):
        raise ZoneError("CAT_INVALID_RESOURCE_VAULT_PATH", f"Not the absolute path of a folder: {vault!r}")


def modify_resource(session: Session, arguments: list[str]) -> None:
    """Name, what to change, the new value."""
    name, option, value, *_ = arguments
    resource = _changeable(session, name)
    column = _COLUMNS.get(option)
    if column is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"A resource's {option!r} cannot be changed.")
    if column == "resc_name":
        _check_name(value)
    if column == "resc_def_path":
        _check_vault(resource.type, value)
    session.catalog.resources.set_field(resource, column, value)


def _changeable(session: Session, name: str) -> Resource:
    if name == BUNDLE_RESOURCE:
        raise ZoneError("CAT_PSEUDO_RESC_MODIFY_DISALLOWED", f"{name} is needed for bundles.")
    resource = session.catalog.resources.named(name)
    if resource is None:
        raise ZoneError("CAT_INVALID_RESOURCE", f"Resource does not exist: {name}")
    return resource


def remove_resource(session: Session, arguments: list[str]) -> None:
    """Name, and ``--dryrun`` to look only.

    Raises:
        ZoneError: CAT_RESOURCE_NOT_EMPTY (it holds replicas), CHILD_EXISTS (it is part of a tree).
    """
    name, mode, *_ = arguments
    resource = _changeable(session, name)
    if session.catalog.resources.holds_replicas(resource):
        raise ZoneError("CAT_RESOURCE_NOT_EMPTY", f"resource '{name}' contains one or more dataObjects")
    if resource.parent_id is not None or session.catalog.resources.children(resource):
        raise ZoneError("CHILD_EXISTS", f"resource '{name}' has a parent or child")
    if mode != "--dryrun":
        session.catalog.forget(resource.id)
        session.catalog.resources.delete(resource)


def add_child(session: Session, arguments: list[str]) -> None:
    """Parent, child, context string of the child.

    Raises:
        ZoneError: CHILD_NOT_FOUND, CAT_INVALID_RESOURCE (no such parent), CHILD_HAS_PARENT,
            HIERARCHY_ERROR (the child is the parent or above it), SYS_INVALID_INPUT_PARAM (the context).
    """
    parent_name, child_name, context, *_ = arguments
    resources = session.catalog.resources
    child = resources.named(child_name)
    if child is None:
        raise ZoneError("CHILD_NOT_FOUND", f"Resource does not exist: {child_name}")
    parent = _changeable(session, parent_name)
    if child_name in resources.hierarchy(parent.id).split(";"):
        raise ZoneError("HIERARCHY_ERROR", f"{child_name} is {parent_name} or above it: trees have no loops.")
    if child.parent_id is not None:
        raise ZoneError("CHILD_HAS_PARENT", f"{child_name} has a parent already.")
    if ";" in context:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "A child's context cannot hold a semicolon.")
    resources.set_parent(child, parent, context)


def remove_child(session: Session, arguments: list[str]) -> None:
    """Parent, child.

    Raises:
        ZoneError: SYS_RESC_DOES_NOT_EXIST, or CAT_INVALID_CHILD when it is not a child of this parent.
    """
    parent_name, child_name, *_ = arguments
    resources = session.catalog.resources
    parent, child = resources.get(parent_name), resources.get(child_name)
    if child.parent_id != parent.id:
        raise ZoneError("CAT_INVALID_CHILD", f"{child_name} is no child of {parent_name}.")
    resources.set_parent(child, None, "")
