"""All that the server tells of an open data object.

Source: ``rs_get_file_descriptor_info.cpp``; recorded: irods-5.0.2, frames 53 and 153. Clients use the
token and the resource hierarchy; what has no meaning in this zone is there as the real server had it.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.api.open_files import OpenFile
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

_OPENED_TO_CREATE: Final = 1
_OPENED_TO_READ: Final = 2
_OPENED_TO_WRITE: Final = 3
_NOTHING_WRITTEN: Final = -1
_SIZE_UNKNOWN: Final = -1

_UNUSED: Final[dict[str, object]] = {
    "checksum": "",
    "copies_needed": 0,
    "data_object_input_replica_flag": 1,
    "in_pdmo": "",
    "lock_file_descriptor": 0,
    "operation_status": 0,
    "other_data_object_info": None,
    "plugin_data": None,
    "purge_cache_flag": 0,
    "remote_l1_descriptor_index": 0,
    "remote_zone_host": None,
    "replication_data_object_info": None,
    "source_l1_descriptor_index": 0,
    "stage_flag": 0,
}
_UNUSED_OF_REPLICA: Final[dict[str, object]] = {
    "data_access": "",
    "data_access_index": 0,
    "data_comments": "",
    "data_expiry": "00000000000",
    "data_map_id": 0,
    "destination_resource_name": "",
    "flags": 0,
    "in_pdmo": "",
    "next": None,
    "other_flags": 0,
    "registering_user_id": 0,
    "special_collection": None,
    "status_string": "",
    "sub_path": "",
    "version": "",
    "write_flag": 0,
}


@operation(20000, "get_file_descriptor_info")
def get_file_descriptor_info(session: Session, request: Request) -> Reply:
    """The replica token and the replica's place: what a client needs to open more streams to it."""
    return Reply(structs.json_buffer(describe(session, descriptor_number(request))))


def descriptor_number(request: Request) -> int:
    """``fd`` of a JSON request.

    Raises:
        ZoneError: SYS_INTERNAL_ERR when there is none.
    """
    number = request.json().get("fd")
    if not isinstance(number, int) or isinstance(number, bool):
        raise ZoneError("SYS_INTERNAL_ERR", "The input names no descriptor (fd).")
    return number


def describe(session: Session, number: int) -> dict[str, object]:
    """Everything about the descriptor ``number``. Raises ZoneError when it is not open."""
    file = session.files.get(number)
    announced = file.keywords.get("dataSize", "")
    size = int(announced) if announced.isdecimal() else _SIZE_UNKNOWN
    return _UNUSED | {
        "bytes_written": file.written or _NOTHING_WRITTEN,
        "checksum_flag": int("regChksum" in file.keywords),
        "data_object_info": _replica_info(session, file),
        "data_object_input": _input(file, size),
        "data_size": size,
        "in_use": True,
        "l3descInx": number,
        "open_type": _open_type(file),
        "operation_type": int(file.operation),
        "replica_status": int(file.replica.status),
        "replica_token": file.token,
    }


def _open_type(file: OpenFile) -> int:
    if file.is_created:
        return _OPENED_TO_CREATE
    return _OPENED_TO_WRITE if file.flags.may_write else _OPENED_TO_READ


def _replica_info(session: Session, file: OpenFile) -> dict[str, object]:
    replica = file.replica
    return _UNUSED_OF_REPLICA | {
        "checksum": replica.checksum,
        "collection_id": session.catalog.collections.get(replica.collection_path).id,
        "condition_input": [],
        "data_size": replica.size,
        "is_replica_current": replica.is_good,
        "resource_hierarchy": file.hierarchy,
        "resource_name": file.hierarchy.rsplit(";", 1)[-1],
        **_columns(replica),
    }


def _columns(replica: Replica) -> dict[str, object]:
    return {
        "data_create": replica.create_time,
        "data_id": replica.data_id,
        "data_mode": replica.mode,
        "data_modify": replica.modify_time,
        "data_owner_name": replica.owner_name,
        "data_owner_zone": replica.owner_zone,
        "data_type": replica.type,
        "file_path": replica.physical_path,
        "object_path": replica.path,
        "replica_number": replica.number,
        "replica_status": int(replica.status),
        "resource_id": replica.resource_id,
    }


def _input(file: OpenFile, size: int) -> dict[str, object]:
    return {
        "condition_input": [{"key": key, "value": value} for key, value in file.keywords.items()],
        "create_mode": 0,
        "data_size": size,
        "number_of_threads": 0,
        "object_path": file.path,
        "offset": 0,
        "open_flags": int(file.flags),
        "operation_type": int(file.operation),
        "special_collection": None,
    }
