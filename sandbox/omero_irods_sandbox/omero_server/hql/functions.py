"""The functions of HQL that take and give plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.paths import DOUBLE, INTEGER, LONG, TEXT, Translated, ValueType

AGGREGATES: Final = frozenset({"count", "sum", "min", "max", "avg"})


def _of_first(arguments: Sequence[Translated]) -> ValueType:
    return arguments[0].type


def _sum_type(arguments: Sequence[Translated]) -> ValueType:
    return DOUBLE if arguments[0].type in (DOUBLE, "RFloat") else LONG


def _always(type_: str) -> Callable[[Sequence[Translated]], ValueType]:
    return lambda _arguments: type_


@dataclass(frozen=True, slots=True)
class _Function:
    """``sql`` with ``{}`` for the arguments, or ``{0}``, ``{1}`` for each."""

    sql: str
    type: Callable[[Sequence[Translated]], ValueType]
    least: int = 1
    most: int = 1

    def __call__(self, name: str, arguments: Sequence[Translated]) -> Translated:
        if not self.least <= len(arguments) <= self.most:
            raise QueryError(f"{name} does not take {len(arguments)} arguments")
        texts = [argument.sql for argument in arguments]
        sql = self.sql.format(*texts) if "{0}" in self.sql else self.sql.format(", ".join(texts))
        return Translated(sql, self.type(arguments))


_MANY: Final = 100

_FUNCTIONS: Final = {
    "lower": _Function("folded_lower({})", _always(TEXT)),
    "upper": _Function("folded_upper({})", _always(TEXT)),
    "trim": _Function("trim({})", _always(TEXT)),
    "length": _Function("length({})", _always(INTEGER)),
    "substring": _Function("substr({})", _always(TEXT), 2, 3),
    "locate": _Function("instr({1}, {0})", _always(INTEGER), 2, 2),
    "abs": _Function("abs({})", _of_first),
    "round": _Function("round({})", _of_first, 1, 2),
    "mod": _Function("({0} % {1})", _of_first, 2, 2),
    "coalesce": _Function("coalesce({})", _of_first, 2, _MANY),
    "nullif": _Function("nullif({})", _of_first, 2, 2),
    "str": _Function("cast({} as text)", _always(TEXT)),
    # Times are milliseconds since 1970, UTC.
    "year": _Function("cast(strftime('%Y', {0} / 1000, 'unixepoch') as integer)", _always(INTEGER)),
    "month": _Function("cast(strftime('%m', {0} / 1000, 'unixepoch') as integer)", _always(INTEGER)),
    "day": _Function("cast(strftime('%d', {0} / 1000, 'unixepoch') as integer)", _always(INTEGER)),
}

_AGGREGATE_TYPES: Final = {
    "count": _always(LONG),
    "avg": _always(DOUBLE),
    "sum": _sum_type,
    "min": _of_first,
    "max": _of_first,
}

_CAST_TYPES: Final = {
    "string": ("text", TEXT),
    "text": ("text", TEXT),
    "integer": ("integer", INTEGER),
    "int": ("integer", INTEGER),
    "long": ("integer", LONG),
    "double": ("real", DOUBLE),
    "float": ("real", DOUBLE),
}


def call(name: str, arguments: Sequence[Translated]) -> Translated:
    """A function's SQL.

    Raises:
        QueryError: nobody knows the function, or it takes other arguments.
    """
    if name == "concat":
        return Translated(f"({' || '.join(argument.sql for argument in arguments)})", TEXT)
    if name not in _FUNCTIONS:
        raise QueryError(f"the function {name} is not known")
    return _FUNCTIONS[name](name, arguments)


def aggregate(name: str, argument: Translated, *, is_distinct: bool) -> Translated:
    """``count(distinct x)`` and the like."""
    return Translated(
        f"{name}({'distinct ' if is_distinct else ''}{argument.sql})", _AGGREGATE_TYPES[name]([argument])
    )


def cast(operand: Translated, name: str) -> Translated:
    """``cast(x as name)``."""
    if name not in _CAST_TYPES:
        raise QueryError(f"cast to {name} is not known")
    sql_type, rtype = _CAST_TYPES[name]
    return Translated(f"cast({operand.sql} as {sql_type})", rtype)
