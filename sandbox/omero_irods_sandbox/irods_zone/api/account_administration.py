"""Users and groups, as a rodsadmin changes them. Source: ``rsGeneralAdmin.cpp``, ``db_mod_user_op``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omero_irods_sandbox.irods_zone.api.passwords import decoded_password
from omero_irods_sandbox.irods_zone.catalog import accounts
from omero_irods_sandbox.irods_zone.catalog.values import User
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

Change = Callable[[Session, User, str], None]


def add_user(session: Session, arguments: list[str]) -> None:
    """Name, type, zone, and a name for other authentication schemes."""
    name, account_type, zone, other_name, *_ = arguments
    if account_type == accounts.GROUP:
        raise ZoneError("SYS_NOT_ALLOWED", "A group is made with 'add group', not as a user.")
    user = accounts.create(session.catalog, name, account_type, zone)
    if other_name:
        session.catalog.users.add_auth_name(user, other_name)


def add_group(session: Session, arguments: list[str]) -> None:
    """Name, anything, zone, which can only be this one."""
    name, _, zone, *_ = arguments
    accounts.create(session.catalog, name, accounts.GROUP, zone)


def remove_user(session: Session, arguments: list[str]) -> None:
    """Name, zone. Raises ZoneError SYS_NOT_ALLOWED for the one who asks, CAT_COLLECTION_NOT_EMPTY."""
    name, zone, *_ = arguments
    user = session.catalog.users.get(name, "" if "#" in name else zone)
    if user.id in (session.user.id, session.proxy.id):
        raise ZoneError("SYS_NOT_ALLOWED", "cannot remove currently authenticated client or proxy user")
    accounts.remove(session.catalog, user)


def remove_group(session: Session, arguments: list[str]) -> None:
    """Name. Raises ZoneError CAT_INVALID_GROUP, CAT_COLLECTION_NOT_EMPTY."""
    accounts.remove(session.catalog, session.catalog.users.group(arguments[0]))


def modify_group(session: Session, arguments: list[str]) -> None:
    """Group, ``add`` or ``remove``, user, zone."""
    group_name, verb, user_name, zone, *_ = arguments
    accounts.change_membership(session.catalog, group_name, verb, user_name, zone)


def modify_user(session: Session, arguments: list[str]) -> None:
    """Name, what to change, the new value."""
    name, option, value, *_ = arguments
    user = session.catalog.users.get(name)
    if user.is_group:
        raise ZoneError("SYS_NOT_ALLOWED", "'modify user' is not for groups.")
    change = _CHANGES.get(option)
    if change is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"A user's {option!r} cannot be changed.")
    change(session, user, value)


def _set_type(session: Session, user: User, value: str) -> None:
    if value not in accounts.ACCOUNT_TYPES:
        raise ZoneError("CAT_INVALID_USER_TYPE", f"No such user type: {value}")
    if value == accounts.GROUP:
        raise ZoneError("SYS_NOT_ALLOWED", "a user cannot be changed to a group")
    if value != "rodsadmin" and user.name == session.zone.config.admin:
        raise ZoneError("SYS_NOT_ALLOWED", f"{user.name} runs this server and stays its administrator.")
    session.catalog.users.set_field(user, "user_type_name", value)


def _set_comment(session: Session, user: User, value: str) -> None:
    session.catalog.users.set_field(user, "r_comment", value)


def _set_info(session: Session, user: User, value: str) -> None:
    session.catalog.users.set_field(user, "user_info", value)


def _set_password(session: Session, user: User, value: str) -> None:
    session.catalog.users.set_password(user, decoded_password(session, value))


def _add_auth_name(session: Session, user: User, value: str) -> None:
    _require_value(value)
    session.catalog.users.add_auth_name(user, value)


def _remove_auth_name(session: Session, user: User, value: str) -> None:
    _require_value(value)
    if not session.catalog.users.remove_auth_name(user, value):
        raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"{user.name} has no such authentication name.")


def _require_value(value: str) -> None:
    if not value:
        raise ZoneError("CAT_INVALID_ARGUMENT", "The new value is empty.")


_CHANGES: Final[dict[str, Change]] = {
    "type": _set_type,
    "comment": _set_comment,
    "info": _set_info,
    "password": _set_password,
    "addAuth": _add_auth_name,
    "rmAuth": _remove_auth_name,
}
