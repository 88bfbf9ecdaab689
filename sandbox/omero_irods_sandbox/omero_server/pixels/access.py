"""Who may read and write Pixels."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.errors import security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


def readable_pixels(call: Call, pixels_id: int) -> sqlite3.Row:
    """The row of Pixels that the caller may read.

    Raises:
        ValidationException: there are none.
    """
    row = None
    if call.store.find("Pixels", pixels_id, call.caller) is not None:
        row = call.store.row("Pixels", pixels_id)
    if row is None:
        raise validation(f"Pixels object with id {pixels_id} not found or not readable")
    return row


def check_editable(call: Call, row: sqlite3.Row) -> None:
    """Refuse those who may not change the Pixels of ``row``.

    Raises:
        SecurityViolation: the caller may not.
    """
    if not is_allowed(call.caller, Right.EDIT, MODEL.entity("Pixels"), row["d_owner"], row["d_group"]):
        raise security_violation(f"Pixels:{row['id']} may not be changed by the caller")
