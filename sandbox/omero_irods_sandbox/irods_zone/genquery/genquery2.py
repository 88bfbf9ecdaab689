"""GenQuery2 (API 10221): a language like SQL, without tables and joins.

Source: ``genquery2_sql.cpp`` and ``rs_genquery2.cpp`` of iRODS 5.0.2, whose codes are
SYS_LIBRARY_ERROR for what its parser or its database refuses, and
SYS_INVALID_INPUT_PARAM for what lies between the two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.columns import BY_NAME, HIERARCHY, TABLES, Column
from omero_irods_sandbox.irods_zone.genquery.errors import (
    SYS_INVALID_INPUT_PARAM,
    SYS_LIBRARY_ERROR,
    DatabaseRefusal,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, joined, junction
from omero_irods_sandbox.irods_zone.genquery.genquery2_expressions import (
    column_named,
    has_aggregate,
    is_aggregate,
    references,
    render,
)
from omero_irods_sandbox.irods_zone.genquery.genquery2_parser import parse
from omero_irods_sandbox.irods_zone.genquery.genquery2_syntax import (
    Argument,
    Call,
    ColumnReference,
    Constant,
    Junction,
    Logic,
    Negation,
    Query,
    Sorting,
)
from omero_irods_sandbox.irods_zone.genquery.genquery2_tables import from_clause, joined_tables, permission
from omero_irods_sandbox.irods_zone.genquery.operands import UNSTORABLE
from omero_irods_sandbox.irods_zone.genquery.statement import Statement
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer

# What a query without a limit gets; rs_genquery2.cpp takes MAX_SQL_ROWS.
DEFAULT_LIMIT: Final = 256


def build(text: str, viewer: Viewer) -> Statement:
    """The SQL for the query ``text`` of ``viewer``. Rows are not paged: there is no continuing.

    Raises:
        QueryError: SYS_LIBRARY_ERROR or SYS_INVALID_INPUT_PARAM; the message names what is wrong.
    """
    if UNSTORABLE.search(text):
        raise QueryError(
            SYS_LIBRARY_ERROR, "GenQuery2: the query holds a character that no catalog value has"
        )
    query = parse(text)
    try:
        return Statement.of(_query(query, viewer))
    except DatabaseRefusal as error:
        raise QueryError(SYS_LIBRARY_ERROR, f"GenQuery2: {error}") from error


def column_mappings() -> dict[str, dict[str, str]]:
    """What the API answers when asked for its columns: name -> {table: column}."""
    return {
        name: {"" if column.name == HIERARCHY else TABLES[column.table]: column.name}
        for name, column in sorted(BY_NAME.items())
    }


def _query(query: Query, viewer: Viewer) -> Fragment:
    used = [*references(query.projections), *references(_operands(query.where))]
    columns = [column_named(reference.name) for reference in used]
    if not columns:
        raise QueryError(SYS_INVALID_INPUT_PARAM, "GenQuery2: the query asks for no column")
    keys = [_group_key(name, used) for name in query.group_by]
    _check_aggregates(query, keys)
    _check_order(query, columns)
    return joined(
        "",
        (
            _select(query),
            Fragment(from_clause(columns, viewer)),
            _where(query.where, permission(columns, viewer)),
            _list(" group by ", [render(key).sql for key in keys]),
            _list(" order by ", [_sorting(sorting) for sorting in query.order_by]),
            _range(query),
        ),
    )


def _operands(logic: Logic | None) -> Iterator[Argument]:
    """What the tests of a condition look at."""
    match logic:
        case None:
            return
        case Negation(term):
            yield from _operands(term)
        case Junction(_, terms):
            for term in terms:
                yield from _operands(term)
        case _:
            yield logic.left


def _select(query: Query) -> Fragment:
    return _list(
        "select distinct " if query.distinct else "select ", [render(each).sql for each in query.projections]
    )


def _where(where: Logic | None, permissions: Sequence[Fragment]) -> Fragment:
    terms = ([_logic(where)] if where else []) + list(permissions)
    return junction("and", terms).wrapped(" where ", "") if terms else Fragment("")


def _logic(logic: Logic) -> Fragment:
    match logic:
        case Negation(term):
            return _logic(term).wrapped("not ", "")
        case Junction(connective, terms):
            return junction(connective, [_logic(term) for term in terms])
        case _:
            return logic.predicate.sql(render(logic.left))


def _sorting(sorting: Sorting) -> Fragment:
    return render(sorting.expression).sql.wrapped("", " desc" if sorting.descending else " asc")


def _range(query: Query) -> Fragment:
    limit = DEFAULT_LIMIT if query.limit is None else query.limit
    return Fragment(f" limit {limit} offset {query.offset}")


def _list(keyword: str, pieces: Sequence[Fragment]) -> Fragment:
    return joined(", ", pieces).wrapped(keyword, "") if pieces else Fragment("")


def _group_key(name: str, used: Sequence[ColumnReference]) -> ColumnReference:
    """The column as it was selected or tested, with its cast: 5.0.2 groups by nothing else."""
    column_named(name)
    for reference in used:
        if reference.name == name:
            return reference
    raise QueryError(SYS_INVALID_INPUT_PARAM, f"GenQuery2: {name} is grouped by, so it has to be selected")


def _check_aggregates(query: Query, keys: Collection[ColumnReference]) -> None:
    """PostgreSQL's rules, SQLite has none: what is neither grouped by nor aggregated has no one value."""
    if any(has_aggregate(operand) for operand in _operands(query.where)):
        raise QueryError(SYS_LIBRARY_ERROR, "GenQuery2: an aggregate cannot be a condition on single rows")
    shown = [*query.projections, *(sorting.expression for sorting in query.order_by)]
    if not keys and not any(has_aggregate(expression) for expression in shown):
        return
    for expression in shown:
        for reference in references(_outside_aggregates(expression)):
            if reference not in keys:
                message = f"GenQuery2: {reference.name} must be grouped by, or stand in an aggregate"
                raise QueryError(SYS_LIBRARY_ERROR, message)


def _outside_aggregates(expression: Argument) -> Iterator[Argument]:
    """The columns of an expression that no aggregate takes."""
    match expression:
        case Constant():
            return
        case ColumnReference():
            yield expression
        case Call(_, arguments):
            if not is_aggregate(expression):
                for argument in arguments:
                    yield from _outside_aggregates(argument)


def _check_order(query: Query, columns: Sequence[Column]) -> None:
    """Rows are ordered by what is joined anyway, and if duplicates go, by what is selected."""
    tables = joined_tables(columns)
    for sorting in query.order_by:
        for reference in references([sorting.expression]):
            if column_named(reference.name).table not in tables:
                message = f"GenQuery2: {reference.name} orders the rows, so it has to be selected"
                raise QueryError(SYS_INVALID_INPUT_PARAM, message)
        if query.distinct and sorting.expression not in query.projections:
            raise QueryError(SYS_LIBRARY_ERROR, "GenQuery2: with 'distinct', order by what is selected")
        if isinstance(sorting.expression, Call) and sorting.expression.distinct:
            raise QueryError(
                SYS_LIBRARY_ERROR, "GenQuery2: 'distinct' in a function belongs into the select clause"
            )
