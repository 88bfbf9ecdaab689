"""The query microservices. Source: ``genQueryMS.cpp`` and ``msi_genquery2.cpp``.

Queries see what the session's user may see. An answer is read as a whole; pages of it wait in
the engine of the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.genquery import genquery1, genquery2
from omero_irods_sandbox.irods_zone.genquery.genquery1 import Condition, QueryOption, Select
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer
from omero_irods_sandbox.irods_zone.policy import query_text
from omero_irods_sandbox.irods_zone.policy.microservice import Call, Outputs, microservice, needed
from omero_irods_sandbox.irods_zone.policy.values import GenQueryInp, GenQueryOut, SqlResult
from omero_irods_sandbox.irods_zone.session import Session

MAX_ROWS: Final = 256
"""MAX_SQL_ROWS of ``rodsGenQuery.h``."""
_END_OF_RESULTSET: Final = -408_000

_handles = count(1)
Rows = list[list[str]]


@dataclass
class _Cursor:
    """The rows of a GenQuery 2 and which of them is current."""

    rows: Rows
    current: int = -1


# -- GenQuery 1


@microservice("msiMakeGenQuery", 3)
def make_query(_call: Call, columns: Any, conditions: Any, _out: Any) -> Outputs:
    """A GenQueryInp of a list of columns and a condition."""
    query = GenQueryInp(maxRows=MAX_ROWS)
    query.selectInp = query_text.columns(needed(columns))
    query.sqlCondInp = query_text.conditions(needed(conditions))
    return {2: query}


@microservice("msiExecGenQuery", 2)
def execute_query(call: Call, query: Any, _out: Any) -> Outputs:
    """The first page; no rows at all are a page without rows."""
    wanted = _query(query)
    statement = genquery1.build(
        [Select(column, option) for column, option in _each(wanted.selectInp)],
        [Condition(column, text) for column, text in _each(wanted.sqlCondInp)],
        wanted.options,
        wanted.rowOffset,
        viewer(call.session),
    )
    rows = _rows(call.session, statement.sql, statement.parameters)
    total = 0
    if statement.count is not None:
        total = int(call.session.catalog.database.value(statement.count.sql, *statement.count.parameters))
    return {1: _page(call, wanted, rows, total)}


@microservice("msiGetMoreRows", 3)
def more_rows(call: Call, query: Any, page: Any, _index: Any) -> Outputs:
    """The next page, or an empty one at the end; AUTO_CLOSE drops what comes after it."""
    wanted = _query(query)
    if not isinstance(page, GenQueryOut):
        raise ZoneError("USER_PARAM_TYPE_ERR", "msiGetMoreRows continues a GenQueryOut.")
    rows: Rows = call.engine.results.pop(page.continueInx, [])
    if wanted.options & QueryOption.AUTO_CLOSE:
        rows = rows[:MAX_ROWS]
    following = _page(call, wanted, rows, page.totalRowCount)
    return {1: following, 2: following.continueInx}


@microservice("msiCloseGenQuery", 2)
def close_query(call: Call, _query: Any, page: Any) -> Outputs:
    """Forget the pages that are left."""
    if isinstance(page, GenQueryOut):
        call.engine.results.pop(page.continueInx, None)
    return None


def _query(value: Any) -> GenQueryInp:
    if not isinstance(value, GenQueryInp):
        raise ZoneError("USER_PARAM_TYPE_ERR", f"A GenQueryInp was expected, not {value!r}.")
    return value


def _each(pairs: Any) -> list[tuple[int, Any]]:
    return list(zip(pairs.inx, pairs.value, strict=True))


def viewer(session: Session) -> Viewer:
    """Whose eyes a query of the session looks with."""
    return Viewer(session.user.id, session.user.is_admin, session.ticket)


def _rows(session: Session, sql: str, parameters: list[object]) -> Rows:
    found = session.catalog.database.rows(sql, *parameters)
    return [["" if value is None else str(value) for value in row] for row in found]


def _page(call: Call, query: GenQueryInp, rows: Rows, total: int) -> GenQueryOut:
    size = min(query.maxRows if query.maxRows > 0 else MAX_ROWS, MAX_ROWS)
    shown, rest = rows[:size], rows[size:]
    index = next(_handles) if rest else 0
    if rest:
        call.engine.results[index] = rest
    columns = query.selectInp.inx
    return GenQueryOut(
        rowCnt=len(shown),
        attriCnt=len(columns),
        continueInx=index,
        totalRowCount=total,
        sqlResult=[SqlResult(column, [row[n] for row in shown]) for n, column in enumerate(columns)],
    )


# -- GenQuery 2


@microservice("msi_genquery2_execute", 2)
def execute_query2(call: Call, _handle: Any, text: Any) -> Outputs:
    """Run a query; the handle is a number as text."""
    statement = genquery2.build(needed(text), viewer(call.session))
    handle = next(_handles)
    call.engine.results[handle] = _Cursor(_rows(call.session, statement.sql, statement.parameters))
    return {0: str(handle)}


@microservice("msi_genquery2_next_row", 1)
def next_row(call: Call, handle: Any) -> Outputs:
    """Go to the next row. Raises ZoneError END_OF_RESULTSET when there is none."""
    cursor = _cursor(call, handle)
    if cursor.current + 1 >= len(cursor.rows):
        raise ZoneError(_END_OF_RESULTSET)
    cursor.current += 1
    return None


@microservice("msi_genquery2_column", 3)
def column(call: Call, handle: Any, index: Any, _out: Any) -> Outputs:
    """One value of the current row; ``index`` is a number as text, from 0."""
    cursor = _cursor(call, handle)
    try:
        return {2: cursor.rows[cursor.current][int(needed(index))] if cursor.current >= 0 else ""}
    except (ValueError, IndexError) as error:
        raise ZoneError("SYS_LIBRARY_ERROR", f"The row has no column {index!r}.") from error


@microservice("msi_genquery2_free", 1)
def free(call: Call, handle: Any) -> Outputs:
    """Forget the answer."""
    _cursor(call, handle)
    del call.engine.results[int(handle)]
    return None


def _cursor(call: Call, handle: Any) -> _Cursor:
    text = needed(handle)
    cursor = call.engine.results.get(int(text)) if text.isdigit() else None
    if not isinstance(cursor, _Cursor):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"No GenQuery2 is open as {text!r}.")
    return cursor
