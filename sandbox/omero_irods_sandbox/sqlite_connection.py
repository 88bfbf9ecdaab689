"""Statements on one SQLite connection that threads share."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any


class SharedConnection:
    """Runs one statement at a time; ``_lock`` is held for that, and by subclasses for a whole transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # As in PostgreSQL, which both real servers use: LIKE tells upper from lower case.
        self._connection.execute("pragma case_sensitive_like=on")
        self._connection.execute("pragma journal_mode=wal")
        self._connection.execute("pragma synchronous=normal")

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: object) -> sqlite3.Row | None:
        """The first row, None when there is none."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def value(self, sql: str, *parameters: object) -> Any:
        """The first column of the first row, None when there is none."""
        row = self.row(sql, *parameters)
        return None if row is None else row[0]

    def execute(self, sql: str, *parameters: object) -> int:
        """Run one statement; the number of rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()
