"""SQLite as the catalog uses it: one connection, one lock, transactions that nest."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omero_irods_sandbox.irods_zone.catalog.schema import DDL, STATISTICS
from omero_irods_sandbox.sqlite_connection import SharedConnection


class Database(SharedConnection):
    """Thread-safe access to one SQLite file.

    Statements of different threads never interleave within a transaction: the
    lock is held from its begin to its end, and inner transactions join the
    outer one. What raises rolls the outermost one back.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._depth = 0
        self._path = path
        self._functions: dict[str, tuple[int, Callable[..., Any]]] = {}
        self._connection.executescript(DDL)
        self._write_statistics()

    def _write_statistics(self) -> None:
        """For the query planner; every connection reads them when it is opened."""
        self._connection.execute("analyze R_ZONE_MAIN")  # makes the table
        with self.transaction():
            self.execute("delete from sqlite_stat1")
            self._connection.executemany(
                "insert into sqlite_stat1(tbl, idx, stat) values(?, ?, ?)", STATISTICS
            )
        self._connection.execute("analyze sqlite_schema")  # reads it

    def define(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Make a Python function callable from SQL."""
        self._functions[name] = (arguments, function)
        self._connection.create_function(name, arguments, function)

    def connect_to_read(self) -> sqlite3.Connection:
        """A second connection that can read only, with the functions defined until now; the caller closes it.

        It sees what is committed, not what the transaction of another connection is about to change.
        """
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        connection.execute("pragma case_sensitive_like=on")
        for name, (arguments, function) in self._functions.items():
            connection.create_function(name, arguments, function)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._depth == 0:
                self._connection.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._leave("rollback")
                raise
            self._leave("commit")

    def _leave(self, how: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute(how)

    def insert(self, table: str, **values: object) -> None:
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"insert into {table}({columns}) values({marks})", *values.values())

    def next_id(self) -> int:
        """A number no row of any table has: iRODS draws all ids from one sequence."""
        self.execute("update ZONE_SEQUENCE set last_id = last_id + 1")
        return int(self.value("select last_id from ZONE_SEQUENCE"))
