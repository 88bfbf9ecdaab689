"""Truncating (or extending) a data object without opening it.

Source: ``rs_replica_truncate.cpp``, ``rsDataObjTruncate.cpp``. Done as opening, cutting and closing, so
locks, siblings, copies and hooks are those of any other write.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Final

from omero_irods_sandbox.irods_zone.api.open_files import OpenFlags
from omero_irods_sandbox.irods_zone.api.opening import close_object, open_object
from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input, data_object_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

_DEPRECATION: Final = (
    code_of("DEPRECATED_API"),
    "rxDataObjTruncate has been deprecated. Use rx_replica_truncate instead.",
)
_UNSUPPORTED: Final = ("destRescName", "dest_resc_hier")


@operation(802, "replica_truncate", rules=data_object_input_and_none)
def replica_truncate(session: Session, request: Request) -> Reply:
    """Tells which replica it was; an error comes with the same structure, its numbers null."""
    try:
        _check_keywords(request.body.key_values())
        replica, hierarchy = _truncate(session, request)
    except ZoneError as error:
        text = error.message or f"Can't truncate {request.body.string('objPath')}."
        error.payload = _outcome(text, None, None)
        raise
    return Reply(_outcome("", replica.number, hierarchy))


def _outcome(message: str, number: int | None, hierarchy: str | None) -> bytes:
    outcome = {"message": message, "replica_number": number, "resource_hierarchy": hierarchy}
    return structs.string(json.dumps(outcome))


def _check_keywords(keywords: dict[str, str]) -> None:
    for keyword in _UNSUPPORTED:
        if keyword in keywords:
            raise ZoneError("SYS_INVALID_INPUT_PARAM", f"[{keyword}] keyword not supported.")
    if "replNum" in keywords and "rescName" in keywords:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "[rescName] and [replNum] cannot be used together.")


@operation(652, "data_obj_truncate", rules=data_object_input)
def data_obj_truncate(session: Session, request: Request) -> Reply:
    """The older form, which tells only that it is the older form."""
    _truncate(session, request)
    return Reply(error=structs.error_stack([_DEPRECATION]))


def _truncate(session: Session, request: Request) -> tuple[Replica, str]:
    """The replica as it was before, and its resource hierarchy."""
    size = request.body.integer("dataSize")
    if size < 0:
        raise ZoneError(code_of("UNIX_FILE_TRUNCATE_ERR") - errno.EINVAL, f"{size} bytes is no size.")
    number = open_object(
        session, request.body.string("objPath"), OpenFlags.READ_WRITE, request.body.key_values()
    )
    file = session.files.get(number)
    try:
        if file.replica.size != size:
            os.ftruncate(file.descriptor, size)
            file.is_cut = True
    except OSError as error:
        file.failure = system_error(error, f"Can't truncate {file.path}.", base="UNIX_FILE_TRUNCATE_ERR")
    close_object(session, number)
    return file.replica, file.hierarchy
