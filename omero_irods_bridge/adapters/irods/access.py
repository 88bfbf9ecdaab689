"""What access lists let this user do."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.queries import Column, Query, equal, one_of, select

_CREATE_OBJECT: Final = 1110
"""``create_object`` of the access tokens (``icatSysInserts.sql``); "write", modify_object, is above it."""


def may_add_to(connections: Connections, collection: str) -> bool:
    """Whether the list of the collection names this user, or a group of his, with enough; two round trips."""
    who = equal(Column.USER_NAME, connections.user), equal(Column.USER_ZONE, connections.zone)
    ids = [row[0] for row in select(connections, Query((Column.USER_GROUP_ID,), who))]
    if not ids:
        return False
    listed = equal(Column.COLL_NAME, collection), one_of(Column.COLL_ACCESS_USER_ID, ids)
    levels = select(connections, Query((Column.COLL_ACCESS_TYPE,), listed))
    return any(int(level) >= _CREATE_OBJECT for (level,) in levels)
