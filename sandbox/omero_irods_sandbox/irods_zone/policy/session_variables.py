"""The module that rule files import as ``session_vars``. Source: what PREP's file of that name returns."""

from __future__ import annotations

from typing import Any, Final

_USER: Final = {
    "user_name": "userName",
    "irods_zone": "rodsZone",
    "user_type": "userType",
    "system_uid": "sysUid",
}
_CONNECTION: Final = {
    "client_address": "clientAddr",
    "connection_count": "connectCnt",
    "socket": "sock",
    "option": "option",
    "status": "status",
    "api_number": "apiInx",
}
_DATA_OBJECT: Final = {
    "object_path": "objPath",
    "size": "dataSize",
    "type": "dataType",
    "checksum": "chksum",
    "file_path": "filePath",
    "replica_number": "replNum",
    "replication_status": "replStatus",
    "write_flag": "writeFlag",
    "owner": "dataOwnerName",
    "owner_zone": "dataOwnerZone",
    "create_time": "dataCreate",
    "modify_time": "dataModify",
    "id": "dataId",
    "collection_id": "collId",
    "resource_name": "rescName",
}


def get_map(rei: Any) -> dict[str, Any]:
    """The session in words: who is connected, as whom, and which data object the rule is about."""
    return {
        "plugin_instance_name": str(rei.pluginInstanceName),
        "status": rei.status,
        "operation_type": None if rei.doinp is None else rei.doinp.oprType,
        "connection": _members(rei.rsComm, _CONNECTION),
        "data_object": _members(rei.doi if rei.doi is not None else rei.doinp, _DATA_OBJECT),
        "collection": None,
        "client_user": _user(rei.uoic),
        "proxy_user": _user(rei.uoip),
        "other_user": _user(rei.uoio),
        "key_value_pairs": None,
    }


def _user(user: Any) -> dict[str, Any] | None:
    members = _members(user, _USER)
    if members is None:
        return None
    return members | {
        "authentication_info": {
            "authentication_scheme": str(user.authInfo.authScheme),
            "privilege_level": user.authInfo.authFlag,
        }
    }


def _members(value: Any, names: dict[str, str]) -> dict[str, Any] | None:
    """What ``value`` has of them, ``char[]`` members as strings; None for those it hasn't."""
    if value is None:
        return None
    return {name: _plain(getattr(value, member, None)) for name, member in names.items()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)
