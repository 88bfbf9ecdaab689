"""Expressions of HQL as SQL."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod
from typing import Final

from omero_irods_sandbox.omero_server.hql import functions
from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.paths import (
    BOOLEAN,
    CLASS,
    DOUBLE,
    INTEGER,
    LONG,
    TEXT,
    Translated,
    ValueType,
    collection_of,
    column_of,
    elements_of,
    entity_of,
    size_of,
)
from omero_irods_sandbox.omero_server.hql.places import EntityPlace, PairsPlace, Scope
from omero_irods_sandbox.omero_server.hql.tree import (
    Between,
    Binary,
    Call,
    Case,
    Exists,
    Expression,
    In,
    IsEmpty,
    IsNull,
    Like,
    Literal,
    MemberOf,
    Negative,
    Not,
    Parameter,
    Path,
    Query,
    Star,
    Subquery,
)
from omero_irods_sandbox.omero_server.model.entities import EntityType

_ARITHMETIC: Final = ("+", "-", "*", "/")

_OF_INDEXES: Final = {"minindex": "min", "maxindex": "max"}
"""``minIndex(x)`` is ``min(index(x))`` (Hibernate 3, chapter 16.9)."""

_ABOUT_PATHS: Final = ("index", "size", "type", *_OF_INDEXES)
"""What takes a path as it is, not its value."""

SubqueryCompiler = Callable[[Query, Scope], tuple[str, ValueType]]
"""Makes SQL of a nested query, and tells the type of its first column."""


class Translator:
    """Translates the expressions of one scope; joins that paths imply are added to it."""

    def __init__(self, scope: Scope, compile_subquery: SubqueryCompiler) -> None:
        self._scope = scope
        self._compile_subquery = compile_subquery

    def condition(self, expression: Expression) -> str:
        """SQL that is true or false."""
        return self.translate(expression).sql

    @singledispatchmethod
    def translate(self, expression: Expression) -> Translated:
        """Raises QueryError when the expression means nothing here."""
        raise QueryError(f"{type(expression).__name__} is not understood here")

    def _sql(self, expression: Expression) -> str:
        return self.translate(expression).sql

    @translate.register
    def _(self, expression: Literal) -> Translated:
        value = expression.value
        if value is None:
            return Translated("null", TEXT)
        if isinstance(value, bool):
            return Translated(str(int(value)), BOOLEAN)
        if isinstance(value, int):
            return Translated(self._scope.bindings.bind(value), LONG if abs(value) >= 2**31 else INTEGER)
        return Translated(self._scope.bindings.bind(value), DOUBLE if isinstance(value, float) else TEXT)

    @translate.register
    def _(self, expression: Parameter) -> Translated:
        value = self._scope.bindings.parameter(expression.name)
        if isinstance(value, (list, tuple, set, frozenset)):
            return Translated(f"({self._scope.bindings.placeholders(value)})", TEXT)
        return Translated(self._scope.bindings.placeholders(value), _type_of(value))

    @translate.register
    def _(self, expression: Path) -> Translated:
        return column_of(self._scope, expression)

    @translate.register
    def _(self, expression: Star) -> Translated:
        return Translated("*", LONG)

    @translate.register
    def _(self, expression: Negative) -> Translated:
        operand = self.translate(expression.operand)
        return Translated(f"-({operand.sql})", operand.type)

    @translate.register
    def _(self, expression: Not) -> Translated:
        return Translated(f"not ({self._sql(expression.operand)})", BOOLEAN)

    @translate.register
    def _(self, expression: Binary) -> Translated:
        """Without recursion to the left: ``a or b or c ...`` may go on for hundreds."""
        chain: list[Binary] = []
        left: Expression = expression
        while isinstance(left, Binary):
            chain.append(left)
            left = left.left
        result = self.translate(left)
        for binary in reversed(chain):
            result = _binary(binary.operator, result, self.translate(binary.right))
        return result

    @translate.register
    def _(self, expression: Like) -> Translated:
        operand, pattern = self._sql(expression.operand), self._sql(expression.pattern)
        if expression.ignores_case:
            operand, pattern = f"folded_lower({operand})", f"folded_lower({pattern})"
        return Translated(f"({operand} like {pattern} escape '\\')", BOOLEAN)

    @translate.register
    def _(self, expression: Between) -> Translated:
        operand, low, high = map(self._sql, (expression.operand, expression.low, expression.high))
        return Translated(f"({operand} between {low} and {high})", BOOLEAN)

    @translate.register
    def _(self, expression: IsNull) -> Translated:
        return Translated(f"({self._sql(expression.operand)} is null)", BOOLEAN)

    @translate.register
    def _(self, expression: IsEmpty) -> Translated:
        size = size_of(*collection_of(self._scope, expression.collection))
        return Translated(f"({size.sql} = 0)", BOOLEAN)

    @translate.register
    def _(self, expression: In) -> Translated:
        operand, options = self._sql(expression.operand), expression.options
        if isinstance(options, Query):
            inner = f"({self._subquery(options)[0]})"
        elif isinstance(options, Path):
            inner = elements_of(*collection_of(self._scope, options))
        else:
            inner = f"({', '.join(map(self._option, options))})"
        return Translated(f"({operand} in {inner})", BOOLEAN)

    def _option(self, expression: Expression) -> str:
        if isinstance(expression, Parameter):
            bindings = self._scope.bindings
            return bindings.placeholders(bindings.parameter(expression.name))
        return self._sql(expression)

    @translate.register
    def _(self, expression: MemberOf) -> Translated:
        elements = elements_of(*collection_of(self._scope, expression.collection))
        return Translated(f"({self._sql(expression.operand)} in {elements})", BOOLEAN)

    @translate.register
    def _(self, expression: Exists) -> Translated:
        if isinstance(expression.what, Path):
            inner = elements_of(*collection_of(self._scope, expression.what))
        else:
            inner = f"({self._subquery(expression.what)[0]})"
        return Translated(f"exists {inner}", BOOLEAN)

    @translate.register
    def _(self, expression: Subquery) -> Translated:
        sql, type_ = self._subquery(expression.query)
        return Translated(f"({sql})", type_)

    def _subquery(self, query: Query) -> tuple[str, ValueType]:
        return self._compile_subquery(query, self._scope)

    @translate.register
    def _(self, expression: Case) -> Translated:
        branches = [(self._sql(when), self.translate(then)) for when, then in expression.branches]
        base = "" if expression.base is None else f" {self._sql(expression.base)}"
        text = "".join(f" when {when} then {then.sql}" for when, then in branches)
        otherwise = "" if expression.otherwise is None else f" else {self._sql(expression.otherwise)}"
        return Translated(f"case{base}{text}{otherwise} end", branches[0][1].type)

    @translate.register
    def _(self, expression: Call) -> Translated:
        if expression.name in _ABOUT_PATHS:
            return self._about_path(expression.name, _only_path(expression))
        if expression.name in functions.AGGREGATES:
            return self._aggregate(expression)
        if expression.is_distinct:
            raise QueryError(f"{expression.name}(distinct ...) means nothing")
        if expression.name == "cast" and len(expression.arguments) == 2:
            return self._cast(expression.arguments[0], expression.arguments[1])
        return functions.call(
            expression.name, [self.translate(argument) for argument in expression.arguments]
        )

    def _aggregate(self, expression: Call) -> Translated:
        if len(expression.arguments) != 1:
            raise QueryError(f"{expression.name} takes one argument")
        argument = self.translate(expression.arguments[0])
        return functions.aggregate(expression.name, argument, is_distinct=expression.is_distinct)

    def _cast(self, operand: Expression, name: Expression) -> Translated:
        if not isinstance(name, Literal):
            raise QueryError("cast needs the name of a type")
        return functions.cast(self.translate(operand), str(name.value))

    def _about_path(self, function: str, path: Path) -> Translated:
        if function == "size":
            return size_of(*collection_of(self._scope, path))
        if function == "index":
            return self._index(path)
        if function in _OF_INDEXES:
            return functions.aggregate(_OF_INDEXES[function], self._index(path), is_distinct=False)
        place = entity_of(self._scope, _without_class(path))
        if place is None:
            raise QueryError(f"{path} has no type: it is no entity")
        return Translated(f"{place.alias}._class", CLASS)

    def _index(self, path: Path) -> Translated:
        place = self._scope.find(path.parts[0]) if len(path.parts) == 1 else None
        if isinstance(place, PairsPlace):
            return Translated(f"{place.alias}.position", INTEGER)
        if not isinstance(place, EntityPlace) or place.via is None or not place.via.is_ordered:
            raise QueryError(f"index({path}): it was not joined through a list")
        return Translated(place.column(f"{place.via.inverse}_index"), INTEGER)


def _without_class(path: Path) -> Path:
    """``type(a.class)`` is ``type(a)``: BlitzGateway.countAnnotations asks so."""
    return Path(path.parts[:-1]) if len(path.parts) > 1 and path.parts[-1] == "class" else path


def _only_path(call: Call) -> Path:
    if len(call.arguments) != 1 or not isinstance(call.arguments[0], Path):
        raise QueryError(f"{call.name} takes one path")
    return call.arguments[0]


def _binary(operator: str, left: Translated, right: Translated) -> Translated:
    sql = f"({left.sql} {operator} {right.sql})"
    if operator == "||":
        return Translated(sql, TEXT)
    if operator in _ARITHMETIC:
        return Translated(sql, _arithmetic_type(left.type, right.type))
    return Translated(sql, BOOLEAN)


def _arithmetic_type(left: ValueType, right: ValueType) -> ValueType:
    if isinstance(left, EntityType) or isinstance(right, EntityType):
        return LONG
    types = {left, right}
    if types & {DOUBLE, "RFloat"}:
        return DOUBLE
    return INTEGER if types == {INTEGER} else LONG


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return LONG
    return DOUBLE if isinstance(value, float) else TEXT
