"""Tickets: issue, show, change, withdraw (API 723). Source: ``db_mod_ticket_op`` of ``db_plugin.cpp``."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, timestamp
from omero_irods_sandbox.irods_zone.catalog.permissions import require_admin
from omero_irods_sandbox.irods_zone.catalog.tickets import READ, WRITE, Limit, Restriction
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Ticket
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

ADMIN_KEYWORD: Final = "irodsAdmin"

_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(1, 7))
_LIMITS: Final = {"uses": Limit.USES, "write-file": Limit.WRITTEN_FILES, "write-bytes": Limit.WRITTEN_BYTES}
_RESTRICTIONS: Final = {"host": Restriction.HOST, "user": Restriction.USER, "group": Restriction.GROUP}
_DATE: Final = "%Y-%m-%d.%H:%M:%S"
_INT64: Final = range(2**63)


@operation(723, "ticket_admin")
def ticket_admin(session: Session, request: Request) -> Reply:
    """``session``, ``create``, ``mod`` or ``delete``, the ticket's string, and what that needs."""
    verb, string, *arguments = (request.body.string(name) for name in _ARGUMENTS)
    if verb == "session":
        # Whether the ticket is any good is found out when it is used.
        session.ticket = string
        return Reply()
    as_admin = ADMIN_KEYWORD in request.body.key_values()
    if as_admin:
        require_admin(session.user)
    with session.catalog.transaction():
        if verb == "create":
            _create(session, string, kind=arguments[0], path=arguments[1])
        elif verb == "delete":
            session.catalog.forget_ticket(_own_ticket(session, string, as_admin=as_admin).id)
        elif verb == "mod":
            _modify(session, _own_ticket(session, string, as_admin=as_admin), arguments)
        else:
            raise ZoneError("CAT_INVALID_ARGUMENT", f"No ticket operation is called {verb!r}.")
    return Reply()


def _create(session: Session, string: str, *, kind: str, path: str) -> None:
    if not string or string.isdecimal():
        raise ZoneError("CAT_TICKET_INVALID", "A ticket string cannot be empty or a number.")
    object_id, is_collection = _owned_object(session, normalized(path))
    session.catalog.tickets.create(
        string,
        WRITE if kind.startswith(WRITE) else READ,
        session.user,
        object_id,
        is_collection=is_collection,
    )


def _owned_object(session: Session, path: str) -> tuple[int, bool]:
    """Id, and whether it is a collection.

    Raises:
        ZoneError: CAT_NO_ACCESS_PERMISSION for somebody else's collection; CAT_UNKNOWN_COLLECTION for
            somebody else's data object and for what does not exist.
    """
    catalog, user = session.catalog, session.user
    collection = catalog.collections.find(path)
    if collection is not None:
        catalog.permissions.require(user, collection.id, AccessLevel.OWN)
        return collection.id, True
    replicas = catalog.data_objects.replicas(path)
    if not replicas or catalog.permissions.level(user, replicas[0].data_id) < AccessLevel.OWN:
        raise ZoneError("CAT_UNKNOWN_COLLECTION", f"Nothing of yours is at {path}.")
    return replicas[0].data_id, False


def _own_ticket(session: Session, name: str, *, as_admin: bool) -> Ticket:
    ticket = session.catalog.tickets.named(name)
    if ticket is None or (ticket.user_id != session.user.id and not as_admin):
        raise ZoneError("CAT_TICKET_INVALID", f"You have no such ticket: {name}")
    return ticket


def _modify(session: Session, ticket: Ticket, arguments: list[str]) -> None:
    what, value, name, *_ = arguments
    tickets = session.catalog.tickets
    if what in _LIMITS:
        tickets.set_limit(ticket, _LIMITS[what], _count(value))
    elif what == "expire":
        tickets.set_expiry(ticket, _expiry(value))
    elif what in ("add", "remove") and value in _RESTRICTIONS:
        _restrict(session, ticket, what, _RESTRICTIONS[value], name)
    else:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"A ticket has no {what!r} to change.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) not in _INT64:
        raise ZoneError("CAT_INVALID_ARGUMENT", f"Not a number: {text!r}")
    return int(text)


def _expiry(text: str) -> str:
    """Seconds since the epoch, or a date and time in UTC; nothing or 0: never."""
    if text in ("", "0"):
        return ""
    if text.isdecimal() and int(text) in _INT64:
        return timestamp(int(text))
    try:
        return timestamp(datetime.strptime(text, _DATE).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise ZoneError("SYS_INTERNAL_ERR", f"Not a time like 2030-12-31.23:59:59: {text!r}") from error


def _restrict(session: Session, ticket: Ticket, verb: str, restriction: Restriction, name: str) -> None:
    value = _CHECKED[restriction](session, name)
    if verb == "add":
        session.catalog.tickets.restrict(ticket, restriction, value)
    elif not session.catalog.tickets.lift(ticket, restriction, value):
        raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"The ticket does not name {name}.")


def _host(_session: Session, name: str) -> str:
    try:
        return socket.gethostbyname(name)
    except (OSError, UnicodeError) as error:
        raise ZoneError("CAT_HOSTNAME_INVALID", f"No address is known for host {name!r}.") from error


def _user(session: Session, name: str) -> str:
    session.catalog.users.get(name)
    return name


def _group(session: Session, name: str) -> str:
    session.catalog.users.group(name)
    return name


_CHECKED: Final[dict[Restriction, Callable[[Session, str], str]]] = {
    Restriction.HOST: _host,
    Restriction.USER: _user,
    Restriction.GROUP: _group,
}
