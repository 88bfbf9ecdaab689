"""Setting modification times, and making empty data objects by it.

Source: plugins/api/src/touch.cpp; PRC irods/manager/data_object_manager.py (``touch``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Self

import irods.keywords as kw

from omero_irods_sandbox.irods_zone.api.open_files import OpenFlags
from omero_irods_sandbox.irods_zone.api.opening import close_object, open_object
from omero_irods_sandbox.irods_zone.api.policy_arguments import buffer_input
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_TYPES: Final[dict[str, type]] = {
    "no_create": bool,
    "replica_number": int,
    "leaf_resource_name": str,
    "seconds_since_epoch": int,
    "reference": str,
}
_EXCLUSIVE: Final = (("reference", "seconds_since_epoch"), ("replica_number", "leaf_resource_name"))


@dataclass(frozen=True, slots=True)
class _Touch:
    """What is asked for; what was not given is None."""

    path: str
    no_create: bool = False
    replica_number: int | None = None
    leaf_resource_name: str | None = None
    seconds_since_epoch: int | None = None
    reference: str | None = None

    @classmethod
    def from_json(cls, message: dict[str, Any]) -> Self:
        """Raises ZoneError as the real server does for each thing that can be wrong."""
        path, options = message.get("logical_path"), message.get("options", {})
        if not isinstance(path, str) or not path or not isinstance(options, dict):
            raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", "logical_path is a text, options an object.")
        given = {name: options[name] for name in _TYPES if name in options}
        for first, second in _EXCLUSIVE:
            if first in given and second in given:
                raise ZoneError(
                    "USER_INCOMPATIBLE_PARAMS", f"[{first}] and [{second}] cannot be used together."
                )
        for name, value in given.items():
            _check_option(name, value)
        return cls(normalized(path), **given)

    @property
    def names_replica(self) -> bool:
        return self.replica_number is not None or self.leaf_resource_name is not None

    @property
    def names_time(self) -> bool:
        return self.seconds_since_epoch is not None or self.reference is not None


def _check_option(name: str, value: object) -> None:
    if not isinstance(value, _TYPES[name]) or (_TYPES[name] is int and isinstance(value, bool)):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Incorrect value for [{name}].")
    if value == "" or (isinstance(value, int) and value < 0):
        raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"[{name}] cannot be empty or less than zero.")


@operation(20007, "touch", rules=buffer_input)
def touch(session: Session, request: Request) -> Reply:
    """Set the modification time of a collection, or of a data object's replica, the newest good one.

    A data object that is not there is made, empty, unless ``no_create`` is true.
    """
    wish = _Touch.from_json(request.json())
    catalog = session.catalog
    new_time = _time(catalog, wish)
    if not catalog.exists(wish.path):
        if wish.no_create:
            return Reply()
        _create(session, wish)
        if not wish.names_time:
            return Reply()
    with catalog.transaction():
        _set_time(session, wish, new_time)
    return Reply()


def _time(catalog: Catalog, wish: _Touch) -> str:
    """Raises ZoneError OBJ_PATH_DOES_NOT_EXIST when the reference does not exist."""
    if wish.reference is None:
        seconds = wish.seconds_since_epoch
        return timestamp(time.time() if seconds is None else seconds)
    path = normalized(wish.reference)
    collection = catalog.collections.find(path)
    return collection.modify_time if collection else catalog.data_objects.get(path)[0].modify_time


def _create(session: Session, wish: _Touch) -> None:
    if wish.replica_number is not None:
        raise ZoneError("OBJ_PATH_DOES_NOT_EXIST", f"Data object does not exist: {wish.path}")
    keywords: dict[str, str] = {}
    if wish.leaf_resource_name is not None:
        leaf = _leaf(session.catalog, wish.leaf_resource_name)
        keywords[kw.RESC_HIER_STR_KW] = session.catalog.resources.hierarchy(leaf.id)
    flags = OpenFlags.CREATE | OpenFlags.WRITE_ONLY
    close_object(session, open_object(session, wish.path, flags, keywords))


def _leaf(catalog: Catalog, name: str) -> Resource:
    """Raises ZoneError SYS_RESC_DOES_NOT_EXIST, or USER_INVALID_RESC_INPUT when it has children."""
    resource = catalog.resources.get(name)
    if catalog.resources.children(resource):
        raise ZoneError("USER_INVALID_RESC_INPUT", f"[{name}] is not a leaf resource.")
    return resource


def _set_time(session: Session, wish: _Touch, new_time: str) -> None:
    catalog = session.catalog
    collection = catalog.collections.find(wish.path)
    if collection is not None:
        if wish.names_replica:
            raise ZoneError("USER_INCOMPATIBLE_PARAMS", f"A collection has no replicas: {wish.path}")
        catalog.permissions.require(session.user, collection.id, AccessLevel.MODIFY_OBJECT)
        catalog.collections.set_modify_time(collection.id, new_time)
        return
    replicas = catalog.data_objects.get(wish.path)
    catalog.permissions.require(session.user, replicas[0].data_id, AccessLevel.MODIFY_OBJECT)
    replica = _chosen(catalog, wish, replicas)
    catalog.data_objects.update(replica.data_id, replica.number, modify_time=new_time)


def _chosen(catalog: Catalog, wish: _Touch, replicas: list[Replica]) -> Replica:
    """Raises ZoneError SYS_REPLICA_DOES_NOT_EXIST, or SYS_NO_GOOD_REPLICA when none was named."""
    if wish.leaf_resource_name is not None:
        leaf = _leaf(catalog, wish.leaf_resource_name)
        candidates = [replica for replica in replicas if replica.resource_id == leaf.id]
    elif wish.replica_number is not None:
        candidates = [replica for replica in replicas if replica.number == wish.replica_number]
    else:
        candidates = [replica for replica in replicas if replica.is_good]
    if not candidates:
        code = "SYS_REPLICA_DOES_NOT_EXIST" if wish.names_replica else "SYS_NO_GOOD_REPLICA"
        raise ZoneError(code, f"{wish.path} has no such replica.")
    return max(candidates, key=lambda replica: (replica.modify_time, -replica.number))
