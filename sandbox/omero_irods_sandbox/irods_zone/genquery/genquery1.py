"""GenQuery1 (API 702): column numbers and condition strings.

Source: ``rodsGenQuery.h`` for the options, ``general_query.cpp`` (generateSQL, setTable,
setOrderBy) for what they do, reference/irods-wire.md, GenQuery1 grammar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import Final

from omero_irods_sandbox.irods_zone.genquery import conditions as condition_strings
from omero_irods_sandbox.irods_zone.genquery.avus import separate
from omero_irods_sandbox.irods_zone.genquery.columns import HIERARCHY, Column, column_numbered, from_clause
from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_INVALID_ARGUMENT,
    CAT_SQL_ERR,
    CAT_TOO_MANY_TABLES,
    DatabaseRefusal,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, bound, joined, junction
from omero_irods_sandbox.irods_zone.genquery.joins import link
from omero_irods_sandbox.irods_zone.genquery.operands import Kind, Operand
from omero_irods_sandbox.irods_zone.genquery.predicates import Comparison, Like, Predicate
from omero_irods_sandbox.irods_zone.genquery.quota import quota_statement
from omero_irods_sandbox.irods_zone.genquery.statement import Statement
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer, restrictions


class QueryOption(IntFlag):
    """Bits of ``GenQueryInp.options``."""

    RETURN_TOTAL_ROW_COUNT = 0x20
    NO_DISTINCT = 0x40
    QUOTA_QUERY = 0x80
    AUTO_CLOSE = 0x100
    UPPER_CASE_WHERE = 0x200


class SelectOption(IntFlag):
    """Bits of a selected column's option, besides the aggregate in the lowest four."""

    ORDER_BY = 0x400
    ORDER_BY_DESC = 0x800


class Aggregate(IntEnum):
    """What the lowest four bits of a selected column's option ask for, other values: the column itself."""

    MIN = 2
    MAX = 3
    SUM = 4
    AVG = 5
    COUNT = 6


# rodsGenQuery.h, MAX_SQL_ATTR.
MAX_SELECTS: Final = 50
# SQLite joins no more.
MAX_TABLES: Final = 64

_AGGREGATES: Final = frozenset(Aggregate)
_AGGREGATE_MASK: Final = 0xF
_MAX_OFFSET: Final = 2**31 - 1
_TICKET_STRING: Final = 2201
# Collection name, data name, replica number: rows come in their order unless the client says otherwise.
_ALWAYS_ORDERED: Final = (501, 403, 404)


@dataclass(frozen=True, slots=True)
class Select:
    """A column to return, by its number, with its option."""

    column: int
    option: int = 1

    @property
    def aggregate(self) -> Aggregate | None:
        value = self.option & _AGGREGATE_MASK
        return Aggregate(value) if value in _AGGREGATES else None

    @property
    def is_ordered(self) -> bool:
        return bool(self.option & (SelectOption.ORDER_BY | SelectOption.ORDER_BY_DESC))


@dataclass(frozen=True, slots=True)
class Condition:
    """A column, by its number, and what must hold of it (see :mod:`.conditions`)."""

    column: int
    text: str


@dataclass(frozen=True, slots=True)
class _Filter:
    column: Column
    condition: condition_strings.Condition


def build(
    selects: Sequence[Select], conditions: Sequence[Condition], options: int, offset: int, viewer: Viewer
) -> Statement:
    """The SQL for a GenQuery1 request of ``viewer``; rows before ``offset`` are left out.

    Raises:
        QueryError: CAT_UNKNOWN_TABLE, CAT_FAILED_TO_LINK_TABLES, CAT_INVALID_ARGUMENT
            and others, as the server answers.
    """
    wanted = QueryOption(options)
    if QueryOption.QUOTA_QUERY in wanted:
        return quota_statement([(condition.column, condition.text) for condition in conditions])
    if len(selects) > MAX_SELECTS:
        raise QueryError(
            CAT_INVALID_ARGUMENT, f"{len(selects)} columns asked for, the limit is {MAX_SELECTS}"
        )
    try:
        rows = _rows(selects, conditions, wanted, viewer)
        return Statement.of(
            joined("", (rows, _order(selects), _offset(offset))),
            columns=[select.column for select in selects],
            count=_count(rows) if QueryOption.RETURN_TOTAL_ROW_COUNT in wanted else None,
            auto_close=QueryOption.AUTO_CLOSE in wanted,
        )
    except DatabaseRefusal as error:
        raise QueryError(CAT_SQL_ERR, str(error)) from error


def _rows(
    selects: Sequence[Select], conditions: Sequence[Condition], options: QueryOption, viewer: Viewer
) -> Fragment:
    """All rows, in no order."""
    columns = [column_numbered(select.column) for select in selects]
    filters = [_filter(condition) for condition in conditions]
    linked = link([column.table for column in columns] + [each.column.table for each in filters])
    avus = separate([(each.column, len(each.condition.tests)) for each in filters], linked.tables)
    shows_ticket_strings = any(select.column == _TICKET_STRING for select in selects)
    where = [
        *(Fragment(condition) for condition in linked.conditions + avus.links),
        *(_test(each, aliases, options) for each, aliases in zip(filters, avus.aliases, strict=True)),
        *restrictions(viewer, linked.tables, shows_ticket_strings=shows_ticket_strings),
    ]
    return joined(
        "",
        (
            _select(selects, columns, distinct=QueryOption.NO_DISTINCT not in options),
            _from([*from_clause(linked.tables), *avus.tables]),
            junction("and", where).wrapped(" where ", "") if where else Fragment(""),
            _group(selects, columns),
        ),
    )


def _filter(condition: Condition) -> _Filter:
    column = column_numbered(condition.column)
    parsed = condition_strings.parse(condition.text)
    if column.name == HIERARCHY and not all(_suits_hierarchy(test) for test in parsed.tests):
        message = "a resource hierarchy is compared by =, !=, like or not like only"  # rsGenQuery.cpp
        raise QueryError(CAT_INVALID_ARGUMENT, message)
    return _Filter(column, parsed)


def _suits_hierarchy(test: Predicate) -> bool:
    return isinstance(test, Like) or (isinstance(test, Comparison) and test.operator in {"=", "!="})


def _test(each: _Filter, aliases: Sequence[str], options: QueryOption) -> Fragment:
    return condition_strings.render(each.condition, [_operand(each, alias, options) for alias in aliases])


def _operand(each: _Filter, alias: str, options: QueryOption) -> Operand:
    column = replace(each.column, table=alias)
    operand = Operand(Fragment(column.sql), column.kind)
    if each.condition.as_number:
        return Operand(operand.sql.wrapped("cast(", " as numeric)"), Kind.NUMBER)
    if QueryOption.UPPER_CASE_WHERE in options:
        operand.require_text("UPPER_CASE_WHERE")
        return Operand(operand.sql.wrapped("upper(", ")"), Kind.TEXT)
    return operand


def _select(selects: Sequence[Select], columns: Sequence[Column], *, distinct: bool) -> Fragment:
    chosen = ", ".join(_selected(select, column) for select, column in zip(selects, columns, strict=True))
    return Fragment(f"select {'distinct ' if distinct else ''}{chosen}")


def _selected(select: Select, column: Column) -> str:
    if select.aggregate is None:
        return column.sql
    if select.aggregate in {Aggregate.SUM, Aggregate.AVG} and not column.kind.is_numeric:
        raise DatabaseRefusal(f"{column.sql} is no number: it has no sum and no average")
    return f"{select.aggregate.name.lower()}({column.sql})"


def _from(tables: Sequence[str]) -> Fragment:
    if len(tables) > MAX_TABLES:
        raise QueryError(
            CAT_TOO_MANY_TABLES, f"the query joins {len(tables)} tables, the limit is {MAX_TABLES}"
        )
    return Fragment(" from " + ", ".join(tables))


def _group(selects: Sequence[Select], columns: Sequence[Column]) -> Fragment:
    plain = [column.sql for select, column in zip(selects, columns, strict=True) if select.aggregate is None]
    if not plain or len(plain) == len(selects):
        return Fragment("")
    return Fragment(" group by " + ", ".join(plain))


def _order(selects: Sequence[Select]) -> Fragment:
    plain = {select.column for select in selects if select.aggregate is None}
    terms = [_ordered(select) for select in selects if select.is_ordered]
    terms += [column_numbered(number).sql for number in _ALWAYS_ORDERED if number in plain]
    return Fragment(" order by " + ", ".join(terms)) if terms else Fragment("")


def _ordered(select: Select) -> str:
    direction = " desc" if select.option & SelectOption.ORDER_BY_DESC else ""
    return column_numbered(select.column).sql + direction


def _offset(offset: int) -> Fragment:
    if offset > _MAX_OFFSET:
        raise QueryError(CAT_INVALID_ARGUMENT, f"the offset {offset} is more than 32 bits hold")
    return bound(offset).wrapped(" limit -1 offset ", "") if offset > 0 else Fragment("")


def _count(rows: Fragment) -> Statement:
    return Statement.of(rows.wrapped("select count(*) from (", ")"))
