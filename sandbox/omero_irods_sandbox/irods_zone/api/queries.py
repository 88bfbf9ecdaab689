"""Queries: GenQuery1 (API 702), GenQuery2 (10221) and specific queries (722).

Source: ``rsGenQuery.cpp``, ``general_query.cpp``, ``genquery2.cpp``, ``db_specific_query_op`` of
``db_plugin.cpp``; reference/irods-wire.md, GenQuery1 grammar.
"""

from __future__ import annotations

import json
import sqlite3
from itertools import takewhile
from typing import Final

from omero_irods_sandbox.irods_zone.api import query_results
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.statements import OpenStatement
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.genquery import genquery1, genquery2
from omero_irods_sandbox.irods_zone.genquery.genquery1 import Condition, Select
from omero_irods_sandbox.irods_zone.genquery.statement import Statement
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.xml import Element, PackingError

_NO_ROWS: Final = query_results.encode((), ())
_MORE_BUT_CLOSED: Final = -1
_SPECIFIC_QUERY_ARGUMENTS: Final = tuple(f"arg{number}" for number in range(1, 11))


def viewer_of(session: Session) -> Viewer:
    """Who asks, as the query languages want to know it."""
    return Viewer(session.user.id, session.user.is_admin, session.ticket)


# -- GenQuery1


@operation(702, "gen_query")
def gen_query(session: Session, request: Request) -> Reply:
    """Start a query, continue it (``continueInx``), or close it (``continueInx`` and ``maxRows`` 0)."""
    body = request.body
    handle, max_rows = body.integer("continueInx"), body.integer("maxRows")
    if handle:
        return _continue(session, handle, max_rows)
    _check_zone(session, body.key_values().get("zone", ""))
    statement = genquery1.build(
        _selects(body),
        _conditions(body),
        body.integer("options"),
        body.integer("partialStartIndex"),
        viewer_of(session),
    )
    return _start(session, statement, max_rows)


def _selects(body: Element) -> list[Select]:
    pairs = body.find("InxIvalPair_PI") or Element("InxIvalPair_PI")
    columns, options = pairs.integers("inx"), pairs.integers("ivalue")
    if len(columns) != len(options):
        raise PackingError(f"InxIvalPair_PI with {len(columns)} columns and {len(options)} options")
    return [Select(column, option) for column, option in zip(columns, options, strict=True)]


def _conditions(body: Element) -> list[Condition]:
    pairs = body.find("InxValPair_PI") or Element("InxValPair_PI")
    columns, texts = pairs.integers("inx"), pairs.strings("svalue")
    if len(columns) != len(texts):
        raise PackingError(f"InxValPair_PI with {len(columns)} columns and {len(texts)} conditions")
    return [Condition(column, text) for column, text in zip(columns, texts, strict=True)]


def _check_zone(session: Session, hint: str) -> None:
    """``hint`` is a zone's name or a path in it. There is no federation: only this zone can answer."""
    name = hint.strip("/").partition("/")[0]
    if name and name.lower() != session.catalog.zone.lower():
        raise ZoneError("SYS_INVALID_ZONE_NAME", f"Zone {name} cannot be reached from here.")


def _start(session: Session, statement: Statement, max_rows: int) -> Reply:
    readers = session.catalog.readers
    total = int(readers.value(statement.count.sql, statement.count.parameters)) if statement.count else 0
    if max_rows <= 0:
        return Reply(query_results.encode((), (), total=total))
    rows = readers.select(statement.sql, statement.parameters)
    handle = session.statements.add(OpenStatement(rows, statement.columns))
    return _page(session, handle, max_rows, total=total, auto_close=statement.auto_close)


# -- pages


def _continue(session: Session, handle: int, max_rows: int) -> Reply:
    if max_rows > 0:
        return _page(session, handle, max_rows)
    session.statements.close(handle)
    # python-irodsclient reads a body even here (reference/irods-wire.md, API table).
    return Reply(_NO_ROWS)


def _page(session: Session, handle: int, max_rows: int, *, total: int = 0, auto_close: bool = False) -> Reply:
    """The next rows of an open statement; it stays open while a page is full.

    Raises:
        ZoneError: CAT_NO_ROWS_FOUND, with an empty result as its payload as the real server sends it.
    """
    statement = session.statements.find(handle)
    try:
        rows = [] if statement is None else statement.rows.take(max_rows)
    except sqlite3.Error:
        session.statements.close(handle)
        raise
    is_full = len(rows) == max_rows
    if not is_full or auto_close:
        session.statements.close(handle)
    if statement is None or not rows:
        raise ZoneError("CAT_NO_ROWS_FOUND", payload=_NO_ROWS)
    next_page = _MORE_BUT_CLOSED if auto_close else handle
    message = query_results.encode(
        statement.columns, rows, continue_index=next_page if is_full else 0, total=total
    )
    return Reply(message)


# -- specific queries


@operation(722, "specific_query")
def specific_query(session: Session, request: Request) -> Reply:
    """Run SQL that an administrator has registered, by its alias or its text, with bound arguments.

    It is any SQL, so it runs where it can only select (:mod:`..catalog.reader`).
    """
    body = request.body
    handle, max_rows = body.integer("continueInx"), body.integer("maxRows")
    if handle:
        return _continue(session, handle, max_rows)
    _check_zone(session, body.key_values().get("zone", ""))
    # An argument that is empty ends the list (db_specific_query_op).
    arguments = list(takewhile(bool, (body.string(name) for name in _SPECIFIC_QUERY_ARGUMENTS)))
    rows = session.catalog.readers.select(_registered_sql(session, body.string("sql")), arguments)
    rows.take(body.integer("rowOffset"))
    handle = session.statements.add(OpenStatement(rows, (0,) * rows.width))
    return _page(session, handle, max_rows)


def _registered_sql(session: Session, name: str) -> str:
    sql = session.catalog.database.value(
        "select sqlStr from R_SPECIFIC_QUERY where sqlStr = ?1 or alias = ?1 order by sqlStr <> ?1", name
    )
    if sql is None:
        raise ZoneError("CAT_UNKNOWN_SPECIFIC_QUERY", f"No specific query has this alias or text: {name}")
    return str(sql)


# -- GenQuery2


@operation(10221, "genquery2")
def gen_query2(session: Session, request: Request) -> Reply:
    """Rows as JSON, a list of lists of text; or the SQL, or the columns there are, when asked for these."""
    body = request.body
    _check_zone(session, body.string("zone"))
    if body.integer("column_mappings"):
        return Reply(structs.json_string(genquery2.column_mappings()))
    statement = genquery2.build(body.string("query_string"), viewer_of(session))
    if body.integer("sql_only"):
        return Reply(structs.string(statement.sql))
    return Reply(structs.string(_as_json(session, statement)))


def _as_json(session: Session, statement: Statement) -> str:
    cursor = session.catalog.readers.select(statement.sql, statement.parameters)
    try:
        rows = [["" if value is None else str(value) for value in row] for row in cursor]
    finally:
        cursor.close()
    return json.dumps(rows, separators=(",", ":"))
