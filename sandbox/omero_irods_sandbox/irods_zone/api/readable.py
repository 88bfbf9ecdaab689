"""Which data objects a user can know of.

Source: ``genqAppendAccessCheck`` of general_query.cpp, ``getDataObjInfo`` of dataObjOpr.cpp.
"""

from __future__ import annotations

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session


def may_see(session: Session, data_id: int) -> bool:
    """Whether a query shows the data object to the user; a rodsadmin sees all of them."""
    return session.user.is_admin or _may_read(session, data_id)


def readable_replicas(session: Session, path: str, *, as_admin: bool = False) -> list[Replica]:
    """All replicas of a data object that the user may read. Being a rodsadmin is not enough.

    Raises:
        ZoneError: CAT_NO_ROWS_FOUND when there is no such data object, or he may not read it.
    """
    replicas = session.catalog.data_objects.replicas(path)
    is_allowed = as_admin and session.user.is_admin
    if not replicas or not (is_allowed or _may_read(session, replicas[0].data_id)):
        raise ZoneError("CAT_NO_ROWS_FOUND", f"No such data object, or no right to read it: {path}")
    return replicas


def _may_read(session: Session, data_id: int) -> bool:
    if session.ticket:
        return True
    return session.catalog.permissions.level(session.user, data_id) >= AccessLevel.READ_OBJECT
