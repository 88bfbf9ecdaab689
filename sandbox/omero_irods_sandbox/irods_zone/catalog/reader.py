"""Reading the catalog beside those who write it: connections that can do nothing but select.

A result set that a client has not read to the end stays open for as long as it likes. On
connections of their own such result sets hold up nobody, and show the catalog as it was when
they were opened (SQLite, write-ahead log).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from omero_irods_sandbox.irods_zone.catalog.database import Database

Row = tuple[Any, ...]

_ALLOWED_ACTIONS: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
)
_SECRET_TABLES: Final = frozenset({"r_user_password"})


def _authorize(action: int, table: str | None, *_: str | None) -> int:
    is_secret = action == sqlite3.SQLITE_READ and (table or "").lower() in _SECRET_TABLES
    if action not in _ALLOWED_ACTIONS or is_secret:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


class OpenRows:
    """What one select found, read bit by bit. Close it: its connection is waited for."""

    def __init__(self, cursor: sqlite3.Cursor, release: Callable[[], None]) -> None:
        self._cursor = cursor
        self._release: Callable[[], None] | None = release

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self._cursor.description or ())

    def take(self, count: int) -> list[Row]:
        """The next rows, fewer than ``count`` at the end."""
        return self._cursor.fetchmany(count) if count > 0 else []

    def __iter__(self) -> Iterator[Row]:
        return iter(self._cursor)

    def close(self) -> None:
        """Safe to repeat."""
        self._cursor.close()
        if self._release is not None:
            release, self._release = self._release, None
            release()


class Readers:
    """Connections that select, opened when needed and kept for the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def select(self, sql: str, parameters: Sequence[object] = ()) -> OpenRows:
        """Run one statement, whoever wrote it: it can change nothing and sees no password.

        Raises:
            sqlite3.Error: it is no select, or asks for what is not there or not allowed.
        """
        connection = self._take()
        try:
            cursor = connection.execute(sql, tuple(parameters))
        except BaseException:
            self._give_back(connection)
            raise
        return OpenRows(cursor, lambda: self._give_back(connection))

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """The first column of the first row, None when there is none. Raises as :meth:`select`."""
        rows = self.select(sql, parameters)
        try:
            first = rows.take(1)
            return first[0][0] if first else None
        finally:
            rows.close()

    def close(self) -> None:
        """Close what is idle now, and the rest when it is given back."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._is_closed = True
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = self._database.connect_to_read()
        connection.set_authorizer(_authorize)
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()
