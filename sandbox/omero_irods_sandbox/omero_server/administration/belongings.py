"""Whether anything belongs to a user or a group."""

from __future__ import annotations

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.store.schema import ROOTS


def check_owns_nothing(call: Call, column: str, id: int) -> None:
    """``column`` is d_owner or d_group.

    Raises:
        ValidationException: naming the first kind of objects that would be left without one.
    """
    for root in ROOTS:
        if root.is_global:
            continue
        if call.store.database.value(f'select 1 from "{root.name}" where {column} = ? limit 1', id):
            raise validation(f"{root.name} objects still belong to it: delete them or give them away first")
