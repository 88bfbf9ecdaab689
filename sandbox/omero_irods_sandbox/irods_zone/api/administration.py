"""What only a rodsadmin may do (API 701): accounts, resources, zones, specific queries, quotas.

Source: ``rsGeneralAdmin.cpp`` and the ``db_*_op`` functions of ``db_plugin.cpp``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Final

from omero_irods_sandbox.irods_zone.api import account_administration, resource_administration
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.catalog import ZONE_NAME
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.quotas import ALL_RESOURCES
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

Action = Callable[[Session, list[str]], None]

_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(10))
_ZONE_COLUMNS: Final = {"comment": "r_comment", "conn": "zone_conn_string"}
_SHORTEST_SQL: Final = 5


@operation(701, "general_admin")
def general_admin(session: Session, request: Request) -> Reply:
    """A verb, what it is about, and up to eight arguments, e.g. ``add user alice rodsuser``."""
    if not session.user.is_admin:
        raise ZoneError("SYS_NO_API_PRIV", f"{session.user.name} is no rodsadmin.")
    verb, what, *arguments = (request.body.string(name) for name in _ARGUMENTS)
    action = _ACTIONS.get((verb, what))
    if action is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"There is no administration called {verb} {what}.".rstrip())
    with session.catalog.transaction():
        action(session, arguments)
    return Reply()


# -- zones


def _add_zone(session: Session, arguments: list[str]) -> None:
    name, kind, connection, comment, *_ = arguments
    if kind != "remote":
        raise ZoneError("CAT_INVALID_ARGUMENT", "Currently, only zones of type 'remote' are allowed")
    if not ZONE_NAME.fullmatch(name):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "Zone name contains invalid characters")
    database, now = session.catalog.database, timestamp()
    try:
        database.insert(
            "R_ZONE_MAIN",
            zone_id=database.next_id(),
            zone_name=name,
            zone_type_name=kind,
            zone_conn_string=connection,
            r_comment=comment,
            create_ts=now,
            modify_ts=now,
        )
    except sqlite3.IntegrityError as error:
        raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"Zone exists: {name}") from error


def _modify_zone(session: Session, arguments: list[str]) -> None:
    name, option, value, *_ = arguments
    column = _ZONE_COLUMNS.get(option)
    if column is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"A zone's {option!r} cannot be changed.")
    changed = session.catalog.database.execute(
        f"update R_ZONE_MAIN set {column} = ?, modify_ts = ? where zone_name = ?", value, timestamp(), name
    )
    if not changed:
        raise ZoneError("CAT_INVALID_ZONE", f"Zone does not exist: {name}")


def _remove_zone(session: Session, arguments: list[str]) -> None:
    name = arguments[0]
    if name == session.catalog.zone:
        raise ZoneError("CAT_INVALID_ARGUMENT", "cannot remove local zone")
    if not session.catalog.database.execute("delete from R_ZONE_MAIN where zone_name = ?", name):
        raise ZoneError("CAT_INVALID_ZONE", f"Zone does not exist: {name}")


# -- specific queries


def _add_specific_query(session: Session, arguments: list[str]) -> None:
    """Any SQL is taken: it runs where it can only select."""
    sql, alias, *_ = arguments
    database = session.catalog.database
    if len(sql) < _SHORTEST_SQL:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"Not SQL: {sql!r}")
    if alias and database.row("select 1 from R_SPECIFIC_QUERY where alias = ?", alias):
        raise ZoneError("CAT_INVALID_ARGUMENT", "Alias is not unique")
    database.insert("R_SPECIFIC_QUERY", alias=alias or None, sqlStr=sql, create_ts=timestamp())


def _remove_specific_query(session: Session, arguments: list[str]) -> None:
    """By its text, or else by its alias."""
    name = arguments[0]
    for column in ("sqlStr", "alias"):
        if session.catalog.database.execute(f"delete from R_SPECIFIC_QUERY where {column} = ?", name):
            return
    raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"No specific query has this alias or text: {name}")


# -- AVUs and quotas


def _remove_unused_avus(session: Session, _arguments: list[str]) -> None:
    session.catalog.metadata.remove_unused()


def _calculate_usage(session: Session, _arguments: list[str]) -> None:
    session.catalog.quotas.calculate_usage()


def _set_user_quota(session: Session, arguments: list[str]) -> None:
    """Quotas of users can only be taken away: since iRODS 4.3 there are only those of groups."""
    name, resource_name, limit, *_ = arguments
    if _limit(limit) != 0:
        raise ZoneError("SYS_NOT_ALLOWED", "A user cannot have a quota: set one for a group.")
    user = session.catalog.users.get(name)
    session.catalog.quotas.set_limit(user, _quota_resource(session, resource_name), 0)


def _set_group_quota(session: Session, arguments: list[str]) -> None:
    name, resource_name, limit, *_ = arguments
    group = session.catalog.users.group(name)
    session.catalog.quotas.set_limit(group, _quota_resource(session, resource_name), _limit(limit))


def _limit(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Not a number of bytes: {text!r}")
    return int(text)


def _quota_resource(session: Session, name: str) -> int:
    if name == "total":
        return ALL_RESOURCES
    resource = session.catalog.resources.named(name)
    if resource is None:
        raise ZoneError("CAT_INVALID_RESOURCE", f"Resource does not exist: {name}")
    return resource.id


_ACTIONS: Final[dict[tuple[str, str], Action]] = {
    ("add", "user"): account_administration.add_user,
    ("add", "group"): account_administration.add_group,
    ("modify", "user"): account_administration.modify_user,
    ("modify", "group"): account_administration.modify_group,
    ("rm", "user"): account_administration.remove_user,
    ("rm", "group"): account_administration.remove_group,
    ("add", "resource"): resource_administration.add_resource,
    ("modify", "resource"): resource_administration.modify_resource,
    ("rm", "resource"): resource_administration.remove_resource,
    ("add", "childtoresc"): resource_administration.add_child,
    ("rm", "childfromresc"): resource_administration.remove_child,
    ("add", "zone"): _add_zone,
    ("modify", "zone"): _modify_zone,
    ("rm", "zone"): _remove_zone,
    ("add", "specificQuery"): _add_specific_query,
    ("rm", "specificQuery"): _remove_specific_query,
    ("rm", "unusedAVUs"): _remove_unused_avus,
    ("calculate-usage", ""): _calculate_usage,
    ("set-quota", "user"): _set_user_quota,
    ("set-quota", "group"): _set_group_quota,
}
