"""What a server says about itself: features (API 801), hints for clients (10215), where data goes (10220).

Source: ``rs_get_library_features.cpp`` and ``library_features.h``, ``rsClientHints.cpp``,
``rs_get_resource_info_for_operation.cpp`` of iRODS 5.0.2.
"""

from __future__ import annotations

import json
from typing import Final

from omero_irods_sandbox.irods_zone.api import replica_choice
from omero_irods_sandbox.irods_zone.api.readable import may_see
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized
from omero_irods_sandbox.irods_zone.catalog.values import Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

OPERATION_KEYWORD: Final = "getResourceInfoOpType"

# Of the features of 5.0.2 those that this zone has: year and month they came.
_FEATURES: Final = {
    "IRODS_HAS_LIBRARY_TICKET_ADMINISTRATION": 202209,
    "IRODS_LIBRARY_FEATURE_TICKET_ADMINISTRATION": 202209,
    "IRODS_HAS_FEATURE_PROXY_USER_SUPPORT_FOR_CLIENT_CONNECTION_LIBRARIES": 202306,
    "IRODS_LIBRARY_FEATURE_CLIENT_CONNECTION_LIBRARIES_SUPPORT_PROXY_USERS": 202306,
    "IRODS_LIBRARY_FEATURE_REPLICA_TRUNCATE": 202403,
    "IRODS_LIBRARY_FEATURE_GENQUERY2": 202404,
}
_CREATE: Final = "CREATE"
_WRITING: Final = frozenset({"WRITE", "UNLINK"})
_READING: Final = frozenset({"OPEN"})


@operation(801, "get_library_features")
def get_library_features(_session: Session, _request: Request) -> Reply:
    """What a client may count on, as JSON."""
    return Reply(structs.json_string(_FEATURES))


@operation(10215, "client_hints")
def client_hints(session: Session, _request: Request) -> Reply:
    """How this server is set up, as JSON."""
    rows = session.catalog.database.rows("select alias from R_SPECIFIC_QUERY where alias is not null")
    hints = {
        "hash_scheme": "SHA256",
        "match_hash_policy": "compatible",
        "plugins": [],
        "rules": [],
        "specific_queries": [row["alias"] for row in rows],
    }
    text = json.dumps(hints, indent=4)
    return Reply(structs.struct("BytesBuf_PI", ("buflen", len(text)), ("buf", text)))


@operation(10220, "get_resource_info_for_operation")
def get_resource_info_for_operation(session: Session, request: Request) -> Reply:
    """The host and the resource hierarchy that an operation on a data object would work with.

    Raises:
        ZoneError: SYS_INVALID_INPUT_PARAM or INVALID_OPERATION for the operation,
            OBJ_PATH_DOES_NOT_EXIST, SYS_RESC_DOES_NOT_EXIST, HIERARCHY_ERROR.
    """
    keywords = request.body.key_values()
    verb = keywords.get(OPERATION_KEYWORD, "")
    if not verb:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"{OPERATION_KEYWORD} is missing.")
    if verb not in _WRITING | _READING | {_CREATE}:
        raise ZoneError("INVALID_OPERATION", f"{OPERATION_KEYWORD} names no operation: {verb!r}")
    resource = _resource(session, normalized(request.body.string("objPath")), verb, keywords)
    hierarchy = session.catalog.resources.hierarchy(resource.id)
    return Reply(structs.json_string({"host": resource.host, "resource_hierarchy": hierarchy}))


def _resource(session: Session, path: str, verb: str, keywords: dict[str, str]) -> Resource:
    catalog = session.catalog
    replicas = catalog.data_objects.replicas(path)
    if verb == _CREATE and not replicas:
        name = keywords.get("destRescName") or keywords.get("rescName") or catalog.resources.default
        return catalog.resources.leaf_for_new_replica(name)
    if not replicas or not may_see(session, replicas[0].data_id):
        raise ZoneError("OBJ_PATH_DOES_NOT_EXIST", f"Data object does not exist: {path}")
    replica = replica_choice.best(catalog, replicas, keywords, for_writing=verb not in _READING)
    return catalog.resources.by_id(replica.resource_id)
