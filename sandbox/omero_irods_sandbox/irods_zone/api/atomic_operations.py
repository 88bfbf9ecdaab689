"""What the operations have in common that take a list of changes and make all of them or none.

Source: ``atomic_apply_metadata_operations.cpp``, ``atomic_apply_acl_operations.cpp``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omero_irods_sandbox.irods_zone.api.registry import Reply, Request
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.wire import structs


@dataclass
class Progress:
    """The change that is being made, for the reply when it fails."""

    operation: object = None
    index: int = 0


def answer(request: Request, work: Callable[[dict[str, Any], Progress], None]) -> Reply:
    """The reply to ``work``, which gets the request's JSON and keeps its progress.

    Raises:
        ZoneError: what ``work`` raises, or INPUT_ARG_NOT_WELL_FORMED_ERR for what is no JSON object; the
            payload tells the operation that failed, its index and the reason.
    """
    progress = Progress()
    try:
        work(_parsed(request), progress)
    except ZoneError as error:
        payload = {
            "operation": progress.operation,
            "operation_index": progress.index,
            "error_message": error.message,
        }
        raise ZoneError(error.code, error.message, structs.json_buffer(payload)) from error
    return Reply(structs.json_buffer({}))


def _parsed(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ZoneError as error:
        raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", error.message) from error
