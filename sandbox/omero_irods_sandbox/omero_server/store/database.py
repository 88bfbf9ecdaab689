"""SQLite as the store uses it: one connection, one lock, transactions that nest."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from omero_irods_sandbox.sqlite_connection import SharedConnection

log = logging.getLogger(__name__)

_CHUNK: Final = 500
"""How many ids go into one IN list."""


class Database(SharedConnection):
    """Thread-safe access to one SQLite file.

    Statements of different threads never interleave within a transaction: the
    lock is held from its begin to its end, and inner transactions join the
    outer one. What raises rolls the outermost one back.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []
        # SQLite's own lower() knows ASCII only.
        self._connection.create_function("folded_lower", 1, _lower, deterministic=True)
        self._connection.create_function("folded_upper", 1, _upper, deterministic=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. An inner transaction that fails undoes its own part only; the outer may go on."""
        with self._lock:
            begin, commit, rollback = self._statements()
            self._connection.execute(begin)
            self._depth += 1
            waiting = len(self._after_commit)
            try:
                yield
            except BaseException:
                del self._after_commit[waiting:]
                self._depth -= 1
                for statement in rollback:
                    self._connection.execute(statement)
                raise
            self._depth -= 1
            self._connection.execute(commit)
            actions = self._take_actions()
        for action in actions:
            _run(action)

    def _statements(self) -> tuple[str, str, tuple[str, ...]]:
        if self._depth == 0:
            return "begin immediate", "commit", ("rollback",)
        name = f"inner_{self._depth}"
        return f"savepoint {name}", f"release {name}", (f"rollback to {name}", f"release {name}")

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` once the outermost transaction has been committed; its failure is logged only."""
        with self._lock:
            self._after_commit.append(action)

    def _take_actions(self) -> list[Callable[[], None]]:
        if self._depth:
            return []
        actions, self._after_commit = self._after_commit, []
        return actions

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nobody writes while several statements read."""
        with self._lock:
            yield

    def run_script(self, sql: str) -> None:
        """Run many statements at once, outside of any transaction."""
        with self._lock:
            self._connection.executescript(sql)

    def tuples(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows as plain tuples, for what reads thousands of them."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, parameters).fetchall()

    def tuples_by_id(self, sql: str, ids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        """The rows of ``sql``, whose ``{ids}`` is replaced by the ids, some hundred at a time."""
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            yield from self.tuples(sql.replace("{ids}", ", ".join(map(str, chunk))))

    def insert(self, table: str, **columns: object) -> int:
        """Insert a row; its id."""
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        with self._lock:
            statement = f'insert into "{table}"({names}) values({marks})'
            return int(self._connection.execute(statement, tuple(columns.values())).lastrowid or 0)

    def update(self, table: str, id: int, **columns: object) -> int:  # the column's name
        """Change a row; 0 when there is none."""
        changes = ", ".join(f'"{name}" = ?' for name in columns)
        return self.execute(f'update "{table}" set {changes} where id = ?', *columns.values(), id)

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Write all content into another database."""
        with self._lock:
            self._connection.backup(target)

    def copy_from(self, source: sqlite3.Connection) -> None:
        """Replace all content by that of another database."""
        with self._lock:
            source.backup(self._connection)


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _upper(value: object) -> str | None:
    return None if value is None else str(value).upper()


def _run(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        log.exception("what should follow a transaction failed")
