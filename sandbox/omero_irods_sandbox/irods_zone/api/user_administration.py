"""What users and groupadmins may do to accounts (API 714): passwords, new users, groups.

Source: ``rsUserAdmin.cpp``, ``db_mod_group_op`` and ``cmlCheckGroupAdminAccess``.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.api.passwords import decoded_password
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog import accounts
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(10))


@operation(714, "user_admin")
def user_admin(session: Session, request: Request) -> Reply:
    """``userpw``, ``mkuser``, ``mkgroup`` or ``modify group``, and what each needs."""
    verb, *arguments = (request.body.string(name) for name in _ARGUMENTS)
    action = {
        "userpw": _change_own_password,
        "mkuser": _make_user,
        "mkgroup": _make_group,
        "modify": _modify_group,
    }.get(verb)
    if action is None:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"No user operation is called {verb!r}.")
    with session.catalog.transaction():
        action(session, arguments)
    return Reply()


def _change_own_password(session: Session, arguments: list[str]) -> None:
    name, option, obfuscated, *_ = arguments
    named = session.catalog.users.find(name)
    if option != "password" or named is None or named.id != session.user.id:
        raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL", "A user changes his own password only.")
    session.catalog.users.set_password(session.user, decoded_password(session, obfuscated))


def _require_group_admin(session: Session) -> None:
    if session.user.type not in ("groupadmin", "rodsadmin"):
        raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL", f"{session.user.name} is no groupadmin.")


def _make_user(session: Session, arguments: list[str]) -> None:
    _require_group_admin(session)
    name, obfuscated, zone, *_ = arguments
    user = accounts.create(session.catalog, name, "rodsuser", zone)
    if obfuscated:
        session.catalog.users.set_password(user, decoded_password(session, obfuscated))


def _make_group(session: Session, arguments: list[str]) -> None:
    _require_group_admin(session)
    name, account_type, zone, *_ = arguments
    if account_type not in ("", accounts.GROUP):
        raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL", "A groupadmin makes users and groups only.")
    accounts.create(session.catalog, name, accounts.GROUP, zone)


def _modify_group(session: Session, arguments: list[str]) -> None:
    what, group_name, verb, user_name, zone, *_ = arguments
    if what != "group":
        raise ZoneError("CAT_INVALID_ARGUMENT", f"A groupadmin cannot modify a {what!r}.")
    _require_group_admin(session)
    _check_own_group(session, group_name, verb)
    accounts.change_membership(session.catalog, group_name, verb, user_name, zone)


def _check_own_group(session: Session, group_name: str, verb: str) -> None:
    """A groupadmin changes groups that he is in, and puts the first member into an empty one."""
    if session.user.is_admin:
        return
    members = session.catalog.users.member_ids(session.catalog.users.group(group_name))
    if session.user.id not in members and (members or verb != "add"):
        raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL", f"You are not in group {group_name}.")
