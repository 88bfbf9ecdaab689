"""Expressions of HQL, by recursive descent: one method for each level of precedence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.reading import TokenReader
from omero_irods_sandbox.omero_server.hql.tokens import Kind
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

_COMPARISONS: Final = ("=", "!=", "<>", "<", "<=", ">", ">=")

_RESERVED: Final = frozenset(
    [
        "select",
        "from",
        "where",
        "group",
        "order",
        "having",
        "join",
        "left",
        "inner",
        "outer",
        "fetch",
        "as",
        "with",
        "and",
        "or",
        "not",
        "in",
        "is",
        "like",
        "ilike",
        "between",
        "exists",
        "case",
        "when",
        "then",
        "else",
        "end",
        "by",
        "asc",
        "desc",
        "distinct",
        "on",
        "union",
    ]
)


class ExpressionParser:
    """Reads expressions; ``query`` reads a nested query when one begins."""

    def __init__(self, reader: TokenReader, query: Callable[[], Query]) -> None:
        self._reader = reader
        self._query = query

    def expression(self) -> Expression:
        """The next expression.

        Raises:
            QueryError: there is none.
        """
        left = self._conjunction()
        while self._reader.take_words("or"):
            left = Binary("or", left, self._conjunction())
        return left

    def expressions(self) -> tuple[Expression, ...]:
        """One expression or more, separated by commas."""
        found = [self.expression()]
        while self._reader.take_symbol(","):
            found.append(self.expression())
        return tuple(found)

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self._reader.take_words("and"):
            left = Binary("and", left, self._negation())
        return left

    def _negation(self) -> Expression:
        if not self._reader.take_words("not"):
            return self._comparison()
        return Not(self._negation())

    def _comparison(self) -> Expression:
        left = self._sum()
        while True:
            if symbol := self._reader.take_symbol(*_COMPARISONS):
                left = Binary("<>" if symbol == "!=" else symbol, left, self._sum())
            elif self._reader.take_words("is"):
                left = self._is(left)
            elif self._at_test():
                is_negated = self._reader.take_words("not")
                test = self._test(left)
                left = Not(test) if is_negated else test
            else:
                return left

    def _is(self, left: Expression) -> Expression:
        is_negated = self._reader.take_words("not")
        test: Expression
        if self._reader.take_words("empty"):
            test = IsEmpty(_path(left))
        else:
            self._reader.need_words("null")
            test = IsNull(left)
        return Not(test) if is_negated else test

    def _at_test(self) -> bool:
        ahead = 1 if self._reader.at_words("not") else 0
        return self._reader.peek(ahead).word in ("like", "ilike", "in", "between", "member")

    def _test(self, left: Expression) -> Expression:
        word = self._reader.take().word
        if word in ("like", "ilike"):
            return Like(left, self._sum(), ignores_case=word == "ilike")
        if word == "between":
            low = self._sum()
            self._reader.need_words("and")
            return Between(left, low, self._sum())
        if word == "member":
            self._reader.take_words("of")
            return MemberOf(left, self._collection())
        return In(left, self._options())

    def _options(self) -> tuple[Expression, ...] | Query | Path:
        if self._reader.peek().kind is Kind.PARAMETER:
            return (self._primary(),)
        if self._reader.take_words("elements"):
            return self._collection_in_parentheses()
        self._reader.need_symbol("(")
        options = self._query() if self._at_query() else self.expressions()
        self._reader.need_symbol(")")
        return options

    def _collection_in_parentheses(self) -> Path:
        self._reader.need_symbol("(")
        collection = self._collection()
        self._reader.need_symbol(")")
        return collection

    def _collection(self) -> Path:
        return Path(tuple(self._reader.need_name().split(".")))

    def _sum(self) -> Expression:
        left = self._product()
        while symbol := self._reader.take_symbol("+", "-", "||"):
            left = Binary(symbol, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._primary()
        while symbol := self._reader.take_symbol("*", "/"):
            left = Binary(symbol, left, self._primary())
        return left

    def _at_query(self) -> bool:
        return self._reader.at_words("select") or self._reader.at_words("from")

    def _primary(self) -> Expression:
        token = self._reader.peek()
        if token.kind is Kind.NUMBER:
            return _number(self._reader.take().text)
        if token.kind is Kind.TEXT:
            return Literal(self._reader.take().text)
        if token.kind is Kind.PARAMETER:
            return Parameter(self._reader.take().text)
        if token.kind is Kind.NAME:
            return self._named()
        if self._reader.take_symbol("-"):
            return Negative(self._primary())
        if self._reader.take_symbol("("):
            return self._parenthesized()
        raise self._reader.unexpected("an expression was expected")

    def _parenthesized(self) -> Expression:
        inner: Expression = Subquery(self._query()) if self._at_query() else self.expression()
        self._reader.need_symbol(")")
        return inner

    def _named(self) -> Expression:
        if self._reader.take_words("case"):
            return self._case()
        if self._reader.take_words("exists"):
            return self._exists()
        if self._reader.peek().word in _RESERVED:
            raise self._reader.unexpected("an expression was expected")
        name = self._reader.take().text
        if self._reader.take_symbol("("):
            return self._call(name.lower())
        constant = {"true": True, "false": False, "null": None}
        return Literal(constant[name.lower()]) if name.lower() in constant else Path(tuple(name.split(".")))

    def _call(self, name: str) -> Expression:
        is_distinct = self._reader.take_words("distinct")
        if self._reader.take_symbol("*"):
            arguments: tuple[Expression, ...] = (Star(),)
        elif self._reader.at_symbol(")"):
            arguments = ()
        else:
            arguments = self.expressions()
            if self._reader.take_words("as"):  # cast(x as type)
                arguments += (Literal(self._reader.need_name().lower()),)
        self._reader.need_symbol(")")
        return Call(name, arguments, is_distinct)

    def _exists(self) -> Expression:
        if self._reader.take_words("elements"):
            return Exists(self._collection_in_parentheses())
        self._reader.need_symbol("(")
        in_collection = self._reader.take_words("elements")
        inner = self._collection_in_parentheses() if in_collection else self._query()
        self._reader.need_symbol(")")
        return Exists(inner)

    def _case(self) -> Expression:
        base = None if self._reader.at_words("when") else self.expression()
        branches = []
        while self._reader.take_words("when"):
            condition = self.expression()
            self._reader.need_words("then")
            branches.append((condition, self.expression()))
        if not branches:
            raise self._reader.unexpected("WHEN expected")
        otherwise = self.expression() if self._reader.take_words("else") else None
        self._reader.need_words("end")
        return Case(base, tuple(branches), otherwise)


def _number(text: str) -> Literal:
    plain = text.rstrip("lLfFdD")
    if plain.isdecimal() and plain.isascii() and text[-1] not in "fFdD":
        return Literal(int(plain))
    return Literal(float(plain))


def _path(expression: Expression) -> Path:
    if isinstance(expression, Path):
        return expression
    raise QueryError("IS EMPTY asks about a collection")
