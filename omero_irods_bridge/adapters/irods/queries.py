"""GenQuery1 requests: columns, conditions that users' texts cannot bend, and pages.

Grammar: reference/irods-wire.md, GenQuery1 grammar; ``general_query.cpp`` for how conditions are read.
GenQuery2 is not used: it cannot ask for two AVUs of one object, and repeats rows for each reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from irods.connection import Connection
from irods.exception import CAT_NO_ROWS_FOUND
from irods.message import GenQueryRequest, IntegerIntegerMap, IntegerStringMap, StringStringMap

from omero_irods_bridge.adapters.irods.connections import Connections, exchange
from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.model.stored import is_sendable

PAGE_ROWS: Final = 1000
MAX_LIST_CHARACTERS: Final = 8000
"""How long the texts of one ``in (...)`` may be together; a server takes some more (general_query.cpp)."""

_PLAIN: Final = 1
_ORDER_BY: Final = 0x400
_AUTO_CLOSE: Final = 0x100

_QUOTE: Final = "'"
_WILDCARDS: Final = {"%": ".*", "_": "."}

Row = tuple[str, ...]


class Column(IntEnum):
    """Column numbers of ``rodsGenQuery.h``."""

    ZONE_NAME = 102
    USER_NAME = 202
    USER_ZONE = 204
    DATA_ID = 401
    DATA_NAME = 403
    DATA_REPL_NUM = 404
    DATA_SIZE = 407
    DATA_RESC_NAME = 409
    DATA_PATH = 410
    DATA_OWNER_NAME = 411
    DATA_OWNER_ZONE = 412
    DATA_REPL_STATUS = 413
    DATA_CHECKSUM = 415
    DATA_MODIFY_TIME = 420
    COLL_ID = 500
    COLL_NAME = 501
    COLL_PARENT_NAME = 502
    COLL_OWNER_NAME = 503
    COLL_OWNER_ZONE = 504
    COLL_MODIFY_TIME = 509
    META_DATA_NAME = 600
    META_DATA_VALUE = 601
    META_DATA_UNITS = 602
    META_COLL_NAME = 610
    META_COLL_VALUE = 611
    META_COLL_UNITS = 612
    META_COLL_CREATE_TIME = 614
    COLL_ACCESS_TYPE = 710
    COLL_ACCESS_USER_ID = 713
    USER_GROUP_ID = 900


_NAMES: Final = frozenset({Column.DATA_NAME, Column.COLL_NAME, Column.COLL_PARENT_NAME})


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of one column, as GenQuery1 writes it.

    ``exact`` is what GenQuery1 cannot carry: the test finds more then, and :func:`select` takes those rows
    whose value this expression matches as a whole.
    """

    column: Column
    test: str
    exact: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Distinct rows of these columns for which all conditions hold; ``ordered`` are those that order them."""

    columns: tuple[Column, ...]
    conditions: tuple[Condition, ...]
    ordered: tuple[Column, ...] = ()


# -- conditions


def equal(column: Column, text: str) -> Condition:
    """The column is ``text``.

    Raises:
        BadName: GenQuery1 cannot carry the text.
    """
    if column in _NAMES and not _is_carried(text):
        return _loosely(column, plain(text))
    return _condition(column, "= ", text)


def like(column: Column, pattern: str, *, negated: bool = False) -> Condition:
    """The column matches ``pattern``; :func:`plain` keeps wildcards in users' texts from counting."""
    if column in _NAMES and not negated and not _is_carried(pattern):
        return _loosely(column, pattern)
    return _condition(column, "not like " if negated else "like ", pattern)


def between(column: Column, low: str, high: str) -> Condition:
    """The column is one of these or between them, as texts."""
    return Condition(column, f"between {_listable(low)} {_listable(high)}")


def one_of(column: Column, texts: Iterable[str]) -> Condition:
    """The column is one of ``texts``, for each of which :func:`is_listable` holds."""
    return Condition(column, f"in ({','.join(_listable(text) for text in texts)})")


def plain(text: str) -> str:
    r"""``text`` as a pattern that matches itself only: ``%``, ``_`` and ``\`` are wildcards else."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def is_listable(text: str) -> bool:
    """Whether ``text`` can stand beside others in one condition: a quote would end it there."""
    return "'" not in text and is_sendable(text)


def _listable(text: str) -> str:
    if not is_listable(text):
        raise BadName(f"{text!r} cannot be asked for in iRODS: it has a quote or a control character.")
    return f"'{text}'"


def _condition(column: Column, operator: str, text: str) -> Condition:
    """A value goes from the first quote to the last, so quotes in it need no escape.

    But ``||`` and ``&&`` connect tests where an even number of quotes is before them.
    """
    if not _is_carried(text):
        raise BadName(
            f"{text!r} cannot be asked for in iRODS: control characters, or || or && after a quote.",
            hint="Rename it with another client.",
        )
    return Condition(column, f"{operator}'{text}'")


def _is_carried(text: str) -> bool:
    outside = f"'{text}'".split("'")[::2]
    return is_sendable(text) and not any("||" in part or "&&" in part for part in outside)


def _loosely(column: Column, pattern: str) -> Condition:
    """Any character where the pattern has a quote; what is found by that is compared with the pattern."""
    if not is_sendable(pattern):
        return _condition(column, "= ", pattern)  # which says what is wrong
    return Condition(
        column, f"like '{pattern.replace(_QUOTE, '_')}'", re.compile(_expression(pattern), re.DOTALL)
    )


def _expression(pattern: str) -> str:
    r"""A pattern of LIKE as a regular expression; ``\`` takes its meaning from the next character."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(_WILDCARDS.get(part) or re.escape(part[-1]) for part in parts)


# -- asking


def select(connections: Connections, query: Query, *, skip: int = 0, limit: int | None = None) -> list[Row]:
    """All rows, or ``limit`` of them after the first ``skip``; one round trip for each PAGE_ROWS."""
    if any(one.exact for one in query.conditions):
        found = _exactly(connections, query)
        return found[skip:] if limit is None else found[skip : skip + limit]
    if limit is not None and limit <= PAGE_ROWS:
        with connections.lease() as connection:
            return _page(connection, query, rows=limit, skip=skip, options=_AUTO_CLOSE)[0] if limit else []
    with connections.lease() as connection:
        return _pages(connection, query, skip, limit)


def each(connections: Connections, query: Query) -> Iterator[Row]:
    """All rows, of which one page is in memory at a time: for what may be hundreds of thousands.

    To be read to its end at once; a connection is in use until then.
    """
    if any(one.exact for one in query.conditions):
        yield from _exactly(connections, query)
        return
    with connections.lease() as connection:
        rows, handle = _page(connection, query, rows=PAGE_ROWS)
        yield from rows
        while handle > 0:
            rows, handle = _page(connection, query, rows=PAGE_ROWS, handle=handle)
            yield from rows


def _exactly(connections: Connections, query: Query) -> list[Row]:
    """Rows of a query with conditions that GenQuery1 carries loosely only."""
    tests = [(one.column, one.exact) for one in query.conditions if one.exact]
    columns = tuple(dict.fromkeys((*query.columns, *(column for column, _ in tests))))
    carried = replace(query, columns=columns, conditions=tuple(map(_loose, query.conditions)))
    wanted = [(columns.index(column), exact) for column, exact in tests]
    rows = select(connections, carried)
    found = [row for row in rows if all(exact.fullmatch(row[place]) for place, exact in wanted)]
    return list(dict.fromkeys(row[: len(query.columns)] for row in found))


def _loose(condition: Condition) -> Condition:
    return replace(condition, exact=None)


def _pages(connection: Connection, query: Query, skip: int, limit: int | None) -> list[Row]:
    rows, handle = _page(connection, query, rows=PAGE_ROWS, skip=skip)
    while handle > 0 and (limit is None or len(rows) < limit):
        more, handle = _page(connection, query, rows=PAGE_ROWS, handle=handle)
        rows += more
    if handle > 0:
        _page(connection, query, rows=0, handle=handle)
    return rows[:limit]


def _page(
    connection: Connection, query: Query, *, rows: int, skip: int = 0, handle: int = 0, options: int = 0
) -> tuple[list[Row], int]:
    """The next rows, and the handle for those after them, 0 when there are none."""
    body = GenQueryRequest(
        maxRows=rows,
        continueInx=handle,
        partialStartIndex=skip,
        options=options,
        KeyValPair_PI=StringStringMap(),
        InxIvalPair_PI=_selects(query),
        InxValPair_PI=_tests(query.conditions),
    )
    try:
        answer = exchange(connection, "GEN_QUERY_AN", body)
    except CAT_NO_ROWS_FOUND:
        return [], 0
    return parse_rows(answer.msg or b"", query.columns)


def _selects(query: Query) -> IntegerIntegerMap:
    options = dict.fromkeys((*query.ordered, *query.columns), _PLAIN)
    options |= dict.fromkeys(query.ordered, _ORDER_BY | _PLAIN)
    return IntegerIntegerMap({int(column): option for column, option in options.items()})


def _tests(conditions: Sequence[Condition]) -> IntegerStringMap:
    message = IntegerStringMap()
    message.isLen = len(conditions)
    message.inx = [int(condition.column) for condition in conditions]
    message.svalue = [condition.test for condition in conditions]
    return message


# -- answers

_COLUMN: Final = re.compile(rb"<attriInx>(\d+)</attriInx>.*?</SqlResult_PI>", re.DOTALL)
_VALUE: Final = re.compile(rb"<value>(.*?)</value>", re.DOTALL)
_HANDLE: Final = re.compile(rb"<continueInx>(-?\d+)</continueInx>")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def parse_rows(message: bytes, columns: Sequence[Column]) -> tuple[list[Row], int]:
    """The rows of a GenQueryOut_PI and its handle.

    Not by an XML parser: names that other clients made may hold control characters, which those refuse, or
    carriage returns, which they change. ``<`` is always an entity within a value. Rows of one page share what
    is the same in them: there may be a million.
    """
    known: dict[bytes, str] = {}
    values = {
        int(match[1]): [known.get(value) or _decoded(value, known) for value in _VALUE.findall(match[0])]
        for match in _COLUMN.finditer(message)
    }
    handle = _HANDLE.search(message)
    rows = list(zip(*(values.get(int(column), []) for column in columns), strict=True))
    return rows, max(0, int(handle[1])) if handle else 0


def _decoded(value: bytes, known: dict[bytes, str]) -> str:
    text = value.decode("utf-8", errors="surrogateescape")
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    return known.setdefault(value, text)
