"""Tickets: strings that let whoever shows them read or write one data object or collection.

Source: ``checkObjIdByTicket`` and ``cmlCheckTicketRestrictions`` of ``mid_level_routines.cpp``.
"""

from __future__ import annotations

import sqlite3
import time
from enum import Enum
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import is_below, name_of, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import Ticket, User
from omero_irods_sandbox.irods_zone.errors import ZoneError

READ: Final = "read"
WRITE: Final = "write"


class Limit(Enum):
    """What a ticket may be limited in; 0 is no limit. The value is the column."""

    USES = "uses_limit"
    WRITTEN_FILES = "write_file_limit"
    WRITTEN_BYTES = "write_byte_limit"


class Restriction(Enum):
    """To whom a ticket may be restricted: any of those listed. The value is the table and its column."""

    HOST = ("R_TICKET_ALLOWED_HOSTS", "host")
    USER = ("R_TICKET_ALLOWED_USERS", "user_name")
    GROUP = ("R_TICKET_ALLOWED_GROUPS", "group_name")

    @property
    def table(self) -> str:
        return self.value[0]

    @property
    def column(self) -> str:
        return self.value[1]


class Tickets:
    """R_TICKET_MAIN and the three tables that restrict a ticket."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, string: str) -> Ticket | None:
        row = self._database.row("select * from R_TICKET_MAIN where ticket_string = ?", string)
        return None if row is None else Ticket.from_row(row)

    def named(self, name: str) -> Ticket | None:
        """The ticket whose string, or else whose id, is ``name``."""
        ticket = self.find(name)
        if ticket is not None or not name.isdecimal():
            return ticket
        row = self._database.row("select * from R_TICKET_MAIN where ticket_id = ?", name)
        return None if row is None else Ticket.from_row(row)

    def create(self, string: str, kind: str, owner: User, object_id: int, *, is_collection: bool) -> None:
        """Raises ZoneError CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME when the string is taken."""
        now = timestamp()
        try:
            self._database.insert(
                "R_TICKET_MAIN",
                ticket_id=self._database.next_id(),
                ticket_string=string,
                ticket_type=kind,
                user_id=owner.id,
                object_id=object_id,
                object_type="collection" if is_collection else "data",
                create_ts=now,
                modify_ts=now,
            )
        except sqlite3.IntegrityError as error:
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", "This string is taken.") from error

    # -- conditions of use

    def set_limit(self, ticket: Ticket, limit: Limit, value: int) -> None:
        self._set(ticket, limit.value, value)

    def set_expiry(self, ticket: Ticket, time_stamp: str) -> None:
        """``time_stamp`` as :func:`.paths.timestamp` makes it, "" for never."""
        self._set(ticket, "ticket_expiry_ts", time_stamp)

    def _set(self, ticket: Ticket, column: str, value: object) -> None:
        self._database.execute(
            f"update R_TICKET_MAIN set {column} = ?, modify_ts = ? where ticket_id = ?",
            value,
            timestamp(),
            ticket.id,
        )

    def restrict(self, ticket: Ticket, restriction: Restriction, value: str) -> None:
        self._database.insert(restriction.table, **{"ticket_id": ticket.id, restriction.column: value})
        self._touch(ticket)

    def lift(self, ticket: Ticket, restriction: Restriction, value: str) -> bool:
        """Whether the restriction was there."""
        removed = self._database.execute(
            f"delete from {restriction.table} where ticket_id = ? and {restriction.column} = ?",
            ticket.id,
            value,
        )
        self._touch(ticket)
        return removed > 0

    def _touch(self, ticket: Ticket) -> None:
        self._database.execute(
            "update R_TICKET_MAIN set modify_ts = ? where ticket_id = ?", timestamp(), ticket.id
        )

    # -- use

    def authorize(
        self, user: User, ticket_string: str, path: str, address: str, *, for_writing: bool
    ) -> bool:
        """Whether the ticket lets ``user``, who calls from ``address``, open the data object ``path``.

        A use is counted when it does, as far as the ticket limits uses. A real
        server counts several opens of one object in a row, by one agent, once.

        Raises:
            ZoneError: the ticket is for this object, but expired (CAT_TICKET_EXPIRED), for others
                (CAT_TICKET_HOST_EXCLUDED, _USER_EXCLUDED, _GROUP_EXCLUDED) or used up
                (CAT_TICKET_USES_EXCEEDED, _WRITE_USES_EXCEEDED, _WRITE_BYTES_EXCEEDED).
        """
        with self._database.transaction():
            ticket = self.find(ticket_string)
            if ticket is None or (for_writing and ticket.type != WRITE) or not self._covers(ticket, path):
                return False
            _check_expiry(ticket)
            self._check_restrictions(ticket, user, address)
            _check_limits(ticket, for_writing=for_writing)
            self._count_use(ticket, for_writing=for_writing)
        return True

    def _covers(self, ticket: Ticket, path: str) -> bool:
        collection = self._database.value(
            "select coll_name from R_COLL_MAIN where coll_id = ?", ticket.object_id
        )
        if collection is not None:
            return is_below(path, collection)
        return bool(
            self._database.row(
                "select 1 from R_DATA_MAIN join R_COLL_MAIN using(coll_id)"
                " where data_id = ? and coll_name = ? and data_name = ?",
                ticket.object_id,
                parent_of(path),
                name_of(path),
            )
        )

    def _check_restrictions(self, ticket: Ticket, user: User, address: str) -> None:
        hosts = self._allowed(ticket, Restriction.HOST)
        if hosts and address not in hosts:
            raise ZoneError("CAT_TICKET_HOST_EXCLUDED", f"The ticket is not for {address}.")
        users = self._allowed(ticket, Restriction.USER)
        if users and users.isdisjoint({user.name, f"{user.name}#{user.zone}"}):
            raise ZoneError("CAT_TICKET_USER_EXCLUDED", f"The ticket is not for {user.name}.")
        groups = self._allowed(ticket, Restriction.GROUP)
        if groups and groups.isdisjoint(self._groups_of(user)):
            raise ZoneError("CAT_TICKET_GROUP_EXCLUDED", f"The ticket is for no group of {user.name}.")

    def _allowed(self, ticket: Ticket, restriction: Restriction) -> set[str]:
        rows = self._database.rows(
            f"select {restriction.column} from {restriction.table} where ticket_id = ?", ticket.id
        )
        return {row[0] for row in rows}

    def _groups_of(self, user: User) -> set[str]:
        rows = self._database.rows(
            "select g.user_name from R_USER_MAIN g join R_USER_GROUP m on m.group_user_id = g.user_id"
            " where m.user_id = ? and g.user_type_name = 'rodsgroup'",
            user.id,
        )
        return {row[0] for row in rows}

    def _count_use(self, ticket: Ticket, *, for_writing: bool) -> None:
        self._database.execute(
            "update R_TICKET_MAIN set uses_count = uses_count + ?, write_file_count = write_file_count + ?"
            " where ticket_id = ?",
            int(ticket.uses_limit > 0),
            int(for_writing and ticket.write_file_limit > 0),
            ticket.id,
        )

    def record_written(self, ticket_string: str, count: int) -> None:
        """Count ``count`` bytes that were written with the ticket."""
        self._database.execute(
            "update R_TICKET_MAIN set write_byte_count = write_byte_count + ?"
            " where ticket_string = ? and ticket_type = ?",
            count,
            ticket_string,
            WRITE,
        )


def _check_expiry(ticket: Ticket) -> None:
    if ticket.expiry_time and int(ticket.expiry_time) < time.time():
        raise ZoneError("CAT_TICKET_EXPIRED", "The ticket has expired.")


def _check_limits(ticket: Ticket, *, for_writing: bool) -> None:
    # Files and bytes are refused when they are over the limit, uses when they have
    # reached it: so does checkObjIdByTicket.
    if for_writing and 0 < ticket.write_byte_limit < ticket.write_byte_count:
        raise ZoneError("CAT_TICKET_WRITE_BYTES_EXCEEDED", "No more bytes may be written with the ticket.")
    if for_writing and 0 < ticket.write_file_limit < ticket.write_file_count:
        raise ZoneError("CAT_TICKET_WRITE_USES_EXCEEDED", "No more files may be written with the ticket.")
    if 0 < ticket.uses_limit <= ticket.uses_count:
        raise ZoneError("CAT_TICKET_USES_EXCEEDED", "The ticket is used up.")
