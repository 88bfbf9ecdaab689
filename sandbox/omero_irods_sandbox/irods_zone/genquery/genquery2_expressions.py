"""Columns, casts and functions of GenQuery2 as SQL.

A real server hands every function and every type on to PostgreSQL. Here is what
PostgreSQL and SQLite both have, and a client may expect of any iRODS; the rest is
refused, as PostgreSQL refuses a name that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.columns import BY_NAME, Column
from omero_irods_sandbox.irods_zone.genquery.errors import (
    SYS_INVALID_INPUT_PARAM,
    SYS_LIBRARY_ERROR,
    DatabaseRefusal,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, bound, joined
from omero_irods_sandbox.irods_zone.genquery.genquery2_syntax import Argument, Call, ColumnReference, Constant
from omero_irods_sandbox.irods_zone.genquery.operands import Kind, Operand

# PostgreSQL's FUNC_MAX_ARGS.
_MAX_ARGUMENTS: Final = 100

# PostgreSQL's name of a type -> SQLite's, and what it makes of a value.
_TYPES: Final = {
    **dict.fromkeys(("smallint", "int", "integer", "bigint"), ("integer", Kind.INTEGER)),
    **dict.fromkeys(("decimal", "numeric", "real", "float"), ("numeric", Kind.NUMBER)),
    **dict.fromkeys(("text", "varchar"), ("text", Kind.TEXT)),
}


@dataclass(frozen=True, slots=True)
class _Function:
    render: Callable[[Sequence[Operand]], Operand]
    is_aggregate: bool = False
    most_arguments: int = 1


def column_named(name: str) -> Column:
    """The column that GenQuery2 calls ``name``; capitals count, as on a real server.

    Raises:
        QueryError: SYS_INVALID_INPUT_PARAM; there is none.
    """
    if name not in BY_NAME:
        hint = f": try {name.upper()}" if name.upper() in BY_NAME else ""
        raise QueryError(SYS_INVALID_INPUT_PARAM, f"GenQuery2 has no column {name}{hint}")
    return BY_NAME[name]


def references(expressions: Iterable[Argument]) -> Iterator[ColumnReference]:
    """Every column in the expressions, in the order of the text."""
    for expression in expressions:
        match expression:
            case ColumnReference():
                yield expression
            case Call(_, arguments):
                yield from references(arguments)


def is_aggregate(expression: Argument) -> bool:
    """Whether it is a call of an aggregate function, other than around or within another one."""
    return isinstance(expression, Call) and _function(expression).is_aggregate


def has_aggregate(expression: Argument) -> bool:
    """Whether an aggregate function is called somewhere in it."""
    if not isinstance(expression, Call):
        return False
    return is_aggregate(expression) or any(has_aggregate(argument) for argument in expression.arguments)


def render(expression: Argument) -> Operand:
    """The SQL of an expression.

    Raises:
        QueryError: an unknown column, function or type, or aggregates within each other.
        DatabaseRefusal: an argument does not suit a function.
    """
    match expression:
        case Constant(text):
            return Operand(bound(text), Kind.TEXT)
        case ColumnReference():
            return _column(expression)
        case Call():
            return _call(expression)


def _column(reference: ColumnReference) -> Operand:
    column = column_named(reference.name)
    if not reference.cast:
        return Operand(Fragment(column.sql), column.kind)
    if reference.cast.lower() not in _TYPES:
        raise QueryError(
            SYS_LIBRARY_ERROR, f"no column can be cast to {reference.cast}: use {', '.join(_TYPES)}"
        )
    type_name, kind = _TYPES[reference.cast.lower()]
    sql = Fragment(f"cast({column.sql} as {type_name})")
    if kind is Kind.TEXT and reference.size is not None:
        sql = sql.wrapped("substr(", f", 1, {reference.size})")  # PostgreSQL cuts, SQLite ignores the size
    return Operand(sql, kind)


def _call(call: Call) -> Operand:
    function = _function(call)
    if not 1 <= len(call.arguments) <= function.most_arguments:
        raise QueryError(
            SYS_LIBRARY_ERROR, f"the function {call.name} does not take {len(call.arguments)} arguments"
        )
    if function.is_aggregate and any(has_aggregate(argument) for argument in call.arguments):
        raise QueryError(
            SYS_LIBRARY_ERROR, f"{call.name} cannot count, add or compare what another function made of many"
        )
    if not call.distinct:
        return function.render([render(argument) for argument in call.arguments])
    if not function.is_aggregate:
        raise QueryError(SYS_LIBRARY_ERROR, f"'distinct' means nothing to the function {call.name}")
    return function.render([_distinct(render(argument)) for argument in call.arguments])


def _function(call: Call) -> _Function:
    function = _FUNCTIONS.get(call.name.lower())
    if function is None:
        raise QueryError(SYS_LIBRARY_ERROR, f"no function is called {call.name}: use {', '.join(_FUNCTIONS)}")
    return function


def _distinct(operand: Operand) -> Operand:
    return Operand(operand.sql.wrapped("distinct ", ""), operand.kind)


def _count(arguments: Sequence[Operand]) -> Operand:
    return Operand(arguments[0].sql.wrapped("count(", ")"), Kind.INTEGER)


def _extreme(name: str) -> Callable[[Sequence[Operand]], Operand]:
    return lambda arguments: Operand(arguments[0].sql.wrapped(f"{name}(", ")"), arguments[0].kind)


def _arithmetic(name: str) -> Callable[[Sequence[Operand]], Operand]:
    def render_it(arguments: Sequence[Operand]) -> Operand:
        if not arguments[0].kind.is_numeric:
            raise DatabaseRefusal(f"{name} needs numbers, {arguments[0].sql.text} is text: cast it")
        return Operand(arguments[0].sql.wrapped(f"{name}(", ")"), Kind.NUMBER)

    return render_it


def _of_text(name: str, result: Kind) -> Callable[[Sequence[Operand]], Operand]:
    def render_it(arguments: Sequence[Operand]) -> Operand:
        arguments[0].require_text(name)
        return Operand(arguments[0].sql.wrapped(f"{name}(", ")"), result)

    return render_it


def _concatenated(arguments: Sequence[Operand]) -> Operand:
    """``concat`` takes NULL for nothing, as SQLite's printf does and ``||`` does not."""
    pieces = joined(", ", (argument.sql for argument in arguments))
    return Operand(pieces.wrapped(f"printf('{'%s' * len(arguments)}', ", ")"), Kind.TEXT)


_FUNCTIONS: Final = {
    "count": _Function(_count, is_aggregate=True),
    "min": _Function(_extreme("min"), is_aggregate=True),
    "max": _Function(_extreme("max"), is_aggregate=True),
    "sum": _Function(_arithmetic("sum"), is_aggregate=True),
    "avg": _Function(_arithmetic("avg"), is_aggregate=True),
    "concat": _Function(_concatenated, most_arguments=_MAX_ARGUMENTS),
    "length": _Function(_of_text("length", Kind.INTEGER)),
    "lower": _Function(_of_text("lower", Kind.TEXT)),
    "upper": _Function(_of_text("upper", Kind.TEXT)),
}
