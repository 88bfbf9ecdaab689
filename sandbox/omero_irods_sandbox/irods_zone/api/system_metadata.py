"""System metadata: reading what a path is, and changing columns of replicas.

Source: rsObjStat.cpp, rsModDataObjMeta.cpp and ``db_mod_data_obj_meta_op`` of db_plugin.cpp;
PRC irods/message.py (``ModDataObjMeta``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import irods.keywords as kw

from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection, Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.xml import Element, to_integer

_DATA_OBJECT: Final = 1
_COLLECTION: Final = 2
"""Object types of ``objInfo.h``."""


@operation(633, "obj_stat", rules=data_object_input_and_none)
def obj_stat(session: Session, request: Request) -> Reply:
    """What is at a path: ``int_info`` is 1 for a data object, of which a good replica speaks, else 2."""
    path = normalized(request.body.string("objPath"))
    replicas = session.catalog.data_objects.replicas(path)
    if replicas and _is_visible(session, replicas[0].data_id):
        good = (replica for replica in replicas if replica.is_good)
        return _data_object_stat(session.catalog, next(good, replicas[0]))
    collection = session.catalog.collections.find(path)
    if collection is not None and _is_visible(session, collection.id):
        return _collection_stat(collection)
    raise ZoneError("USER_FILE_DOES_NOT_EXIST", f"Does not exist: {path}")


def _is_visible(session: Session, object_id: int) -> bool:
    """As for queries (reference/irods-wire.md, GenQuery1 grammar)."""
    if session.user.is_admin or session.ticket:
        return True
    return session.catalog.permissions.level(session.user, object_id) >= AccessLevel.READ_OBJECT


def _data_object_stat(catalog: Catalog, replica: Replica) -> Reply:
    message = structs.struct(
        "RodsObjStat_PI",
        ("objSize", replica.size),
        ("objType", _DATA_OBJECT),
        ("dataMode", int(replica.mode or 0)),
        ("dataId", str(replica.data_id)),
        ("chksum", replica.checksum),
        ("ownerName", replica.owner_name),
        ("ownerZone", replica.owner_zone),
        ("createTime", replica.create_time),
        ("modifyTime", replica.modify_time),
        ("rescHier", catalog.resources.hierarchy(replica.resource_id)),
    )
    return Reply(message, _DATA_OBJECT)


def _collection_stat(collection: Collection) -> Reply:
    message = structs.struct(
        "RodsObjStat_PI",
        ("objSize", 0),
        ("objType", _COLLECTION),
        ("dataMode", 0),
        ("dataId", str(collection.id)),
        ("chksum", ""),
        ("ownerName", collection.owner_name),
        ("ownerZone", collection.owner_zone),
        ("createTime", collection.create_time),
        ("modifyTime", collection.modify_time),
        ("rescHier", ""),
    )
    return Reply(message, _COLLECTION)


def _time(text: str) -> str:
    """Seconds since the epoch, or the 11 digits that the catalog keeps."""
    return timestamp(to_integer(text, "a time"))


def _expiry(text: str) -> str:
    return _time(text) if text else text


def _number(text: str) -> int:
    return to_integer(text, "a number")


def _status(text: str) -> int:
    number = _number(text)
    if number not in set(ReplicaStatus):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Not a replica status: {number}")
    return number


def _mode(text: str) -> str:
    return str(_number(text))


_CHANGES: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    kw.CHKSUM_KW: ("checksum", str),
    kw.DATA_ACCESS_TIME_KW: ("access_time", _time),
    kw.DATA_COMMENTS_KW: ("comments", str),
    kw.DATA_CREATE_KW: ("create_time", _time),
    kw.DATA_EXPIRY_KW: ("expiry_time", _expiry),
    kw.DATA_MAP_ID_KW: ("map_id", _number),
    kw.DATA_MODE_KW: ("mode", _mode),
    kw.DATA_MODIFY_KW: ("modify_time", _time),
    kw.DATA_OWNER_KW: ("owner_name", str),
    kw.DATA_OWNER_ZONE_KW: ("owner_zone", str),
    kw.DATA_SIZE_KW: ("size", _number),
    kw.DATA_TYPE_KW: ("type", str),
    kw.FILE_PATH_KW: ("physical_path", str),
    kw.REPL_NUM_KW: ("number", _number),
    kw.REPL_STATUS_KW: ("status", _status),
    kw.RESC_ID_KW: ("resource_id", _number),
    kw.STATUS_STRING_KW: ("status_text", str),
    kw.VERSION_KW: ("version", str),
}
"""What may be changed: the field of ``DataObjects.update``, and how its value is read."""

_NO_CHANGE: Final = {
    kw.ADMIN_KW,
    kw.ALL_KW,
    kw.COLL_ID_KW,
    kw.DATA_ID_KW,
    kw.RESC_HIER_STR_KW,
    kw.RESC_NAME_KW,
    "openType",
    "rescHier",
}
"""Keywords that say which replica or how, and those that the zone leaves alone."""


@operation(622, "mod_data_obj_meta")
def modify(session: Session, request: Request) -> Reply:
    """Change columns of one replica, or of ``all``; see :data:`_CHANGES` for which.

    The replica is named by resource hierarchy, resource or number.
    """
    target, keywords = request.body.find("DataObjInfo_PI"), request.body.key_values()
    if target is None:
        raise ZoneError("USER_PACKSTRUCT_INPUT_ERR", "No data object is named.")
    changes = _changes(session.catalog, keywords)
    with session.catalog.transaction():
        for replica in _modifiable(session, target, keywords):
            if changes:
                session.catalog.data_objects.update(replica.data_id, replica.number, **changes)
    return Reply()


def _changes(catalog: Catalog, keywords: dict[str, str]) -> dict[str, object]:
    """Fields and their new values.

    Raises:
        ZoneError: USER_BAD_KEYWORD_ERR, CAT_INVALID_DATA_TYPE, SYS_RESC_DOES_NOT_EXIST, or
            SYS_INVALID_INPUT_PARAM for a replica status that does not exist.
        PackingError: a number is none.
    """
    changes: dict[str, object] = {}
    for keyword in keywords.keys() - _NO_CHANGE:
        if keyword not in _CHANGES:
            raise ZoneError("USER_BAD_KEYWORD_ERR", f"Can't be changed: {keyword}")
        field, read = _CHANGES[keyword]
        changes[field] = read(keywords[keyword])
    data_type = keywords.get(kw.DATA_TYPE_KW)
    if data_type is not None and not catalog.data_objects.has_type(data_type):
        raise ZoneError("CAT_INVALID_DATA_TYPE", f"No such data type: {data_type}")
    if kw.RESC_ID_KW in keywords:
        catalog.resources.by_id(_number(keywords[kw.RESC_ID_KW]))
    return changes


def _modifiable(session: Session, target: Element, keywords: dict[str, str]) -> list[Replica]:
    path = normalized(target.string("objPath"))
    replicas = session.catalog.data_objects.replicas(path)
    if not replicas:
        raise ZoneError("CAT_UNKNOWN_FILE", f"Data object does not exist: {path}")
    # An expiry time can end the data object, so it takes the right to remove it (db_plugin.cpp).
    level = AccessLevel.DELETE_OBJECT if kw.DATA_EXPIRY_KW in keywords else AccessLevel.MODIFY_METADATA
    session.catalog.permissions.require(
        session.user, replicas[0].data_id, level, as_admin=kw.ADMIN_KW in keywords
    )
    chosen = replicas if kw.ALL_KW in keywords else _named(session.catalog, target, replicas)
    if not chosen:
        raise ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{path} has no such replica.")
    return chosen


def _named(catalog: Catalog, target: Element, replicas: list[Replica]) -> list[Replica]:
    hierarchies = {replica: catalog.resources.hierarchy(replica.resource_id) for replica in replicas}
    if target.string("rescHier"):
        return [replica for replica in replicas if hierarchies[replica] == target.string("rescHier")]
    name = target.string("rescName")
    if name:
        return [replica for replica in replicas if name in _ends(hierarchies[replica])]
    number = target.integer("replNum")
    return [replica for replica in replicas if replica.number == number]


def _ends(hierarchy: str) -> tuple[str, str]:
    """Root and leaf."""
    names = hierarchy.split(";")
    return names[0], names[-1]
