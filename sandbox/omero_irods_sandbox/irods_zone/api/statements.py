"""Result sets that a client reads page by page: handles of one session (``continueInx``).

Source: ``low_level_odbc.cpp`` (MAX_NUM_OF_CONCURRENT_STMTS, the lowest free slot is taken).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.reader import OpenRows
from omero_irods_sandbox.irods_zone.errors import ZoneError

MAX_STATEMENTS: Final = 50


@dataclass(frozen=True, slots=True)
class OpenStatement:
    """``columns`` are the column numbers that go into the reply."""

    rows: OpenRows
    columns: Sequence[int]


class Statements:
    """Open statements by handle, from 1; used by the session's own thread only."""

    def __init__(self) -> None:
        self._open: dict[int, OpenStatement] = {}

    def add(self, statement: OpenStatement) -> int:
        """Keep ``statement`` open; its handle.

        Raises:
            ZoneError: CAT_STATEMENT_TABLE_FULL when the session has 50 open already; it is closed then.
        """
        free = (number for number in range(1, MAX_STATEMENTS + 1) if number not in self._open)
        handle = next(free, None)
        if handle is None:
            statement.rows.close()
            message = f"{MAX_STATEMENTS} queries are open: read them to the end or close them."
            raise ZoneError("CAT_STATEMENT_TABLE_FULL", message)
        self._open[handle] = statement
        return handle

    def find(self, handle: int) -> OpenStatement | None:
        return self._open.get(handle)

    def close(self, handle: int) -> None:
        """Nothing happens when the handle is not open."""
        statement = self._open.pop(handle, None)
        if statement is not None:
            statement.rows.close()

    def close_all(self) -> None:
        for handle in list(self._open):
            self.close(handle)
