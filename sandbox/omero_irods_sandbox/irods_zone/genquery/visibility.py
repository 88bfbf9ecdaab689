"""What a user may see.

iRODS 5 always is strict: who is no rodsadmin sees data objects and collections on which
he, or a group of his, may read. Source: ``general_query.cpp``, genqAppendAccessCheck.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.genquery.errors import CAT_SQL_ERR, QueryError
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, junction

_GUARDED: Final = {"R_DATA_MAIN": "R_DATA_MAIN.data_id", "R_COLL_MAIN": "R_COLL_MAIN.coll_id"}
_TICKETED: Final = "(select object_id from R_TICKET_MAIN where ticket_string = ?)"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. ``ticket`` is the string of the session's ticket, empty without one."""

    user_id: int
    is_admin: bool
    ticket: str = ""


def restrictions(viewer: Viewer, tables: Collection[str], *, shows_ticket_strings: bool) -> list[Fragment]:
    """The conditions that a GenQuery1 on ``tables`` (aliases) gets besides its own.

    A ticket replaces the permissions. Only their owner sees ticket strings, but
    all else about tickets is open, as on a real server.

    Raises:
        QueryError: CAT_SQL_ERR; a query with a ticket asks for data objects without
            their collection (seen in PRC's data_object_manager.py, which avoids it).
    """
    if viewer.is_admin:
        return []
    conditions = []
    if shows_ticket_strings:
        conditions.append(Fragment("R_TICKET_MAIN.user_id = ?", (viewer.user_id,)))
    if viewer.ticket:
        return conditions + _ticketed(viewer.ticket, tables)
    guarded = [id_column for table, id_column in _GUARDED.items() if table in tables]
    return conditions + [_readable(viewer.user_id, id_column) for id_column in guarded]


def _readable(user_id: int, id_column: str) -> Fragment:
    sql = (
        "exists (select 1 from R_OBJT_ACCESS A join R_USER_GROUP G on G.group_user_id = A.user_id"
        f" where A.object_id = {id_column} and G.user_id = ? and A.access_type_id >= ?)"
    )
    return Fragment(sql, (user_id, int(AccessLevel.READ_OBJECT)))


def _ticketed(ticket: str, tables: Collection[str]) -> list[Fragment]:
    """The object of the ticket, and what has a path that begins with it: a sibling's too, as there."""
    if "R_COLL_MAIN" not in tables:
        if "R_DATA_MAIN" in tables:
            raise QueryError(
                CAT_SQL_ERR, "with a ticket, ask for data objects together with their collection"
            )
        return []
    prefix = f"(select coll_name || '%' from R_COLL_MAIN where coll_id in {_TICKETED})"
    reached = [
        Fragment(f"R_COLL_MAIN.coll_id in {_TICKETED}", (ticket,)),
        Fragment(f"R_COLL_MAIN.coll_name like {prefix}", (ticket,)),
    ]
    if "R_DATA_MAIN" in tables:
        reached.append(Fragment(f"R_DATA_MAIN.data_id in {_TICKETED}", (ticket,)))
    return [junction("or", reached)]
