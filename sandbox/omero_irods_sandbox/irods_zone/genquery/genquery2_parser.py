"""From the text of a GenQuery2 query to its tree, by recursive descent.

Source: ``parser.y`` of iRODS 5.0.2. As there, values are strings in single quotes, never
bare numbers; ``having``, ``case`` and ``exists`` are reserved words without a rule; ``not``
binds tighter than ``and``, ``and`` tighter than ``or``. iRODS 4.3 had ``select no distinct``,
and removed duplicates without it; iRODS 5 has ``select distinct``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TypeVar

from omero_irods_sandbox.irods_zone.genquery.errors import SYS_LIBRARY_ERROR, QueryError
from omero_irods_sandbox.irods_zone.genquery.genquery2_syntax import (
    Argument,
    Call,
    ColumnReference,
    Constant,
    Expression,
    Junction,
    Logic,
    Negation,
    Query,
    Sorting,
    Test,
    Token,
    TokenKind,
    tokens,
)
from omero_irods_sandbox.irods_zone.genquery.predicates import (
    Comparison,
    Like,
    Membership,
    NullTest,
    Predicate,
    Range,
)

# Parentheses, nots and calls within each other: enough for a person, too few to exhaust Python's stack.
MAX_NESTING: Final = 12

_COMPARISONS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_INT64_MAX: Final = 2**63 - 1

_Item = TypeVar("_Item")


def parse(text: str) -> Query:
    """The tree of ``text``.

    Raises:
        QueryError: SYS_LIBRARY_ERROR; it is no GenQuery2 query. The message says where.
    """
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0

    def query(self) -> Query:
        self._expect("select")
        if self._token.text.lower() == "no" and self._tokens[self._next + 1].text == "distinct":
            self._fail("'no distinct' is of iRODS 4.3: iRODS 5 keeps duplicates unless it reads 'distinct'")
        distinct = self._accept("distinct")
        projections = self._list_of(self._expression)
        where = self._alternatives() if self._accept("where") else None
        group_by = self._list_of(self._identifier) if self._accept("group", "by") else ()
        order_by = self._order_by()
        offset, limit = self._range()
        order_by = order_by or self._order_by()
        if self._token.kind is not TokenKind.END:
            self._fail(f"{self._token} was not expected")
        return Query(projections, distinct, where, group_by, order_by, offset, limit)

    # Conditions

    def _alternatives(self) -> Logic:
        terms = [self._conjunction()]
        while self._accept("or"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Junction("or", tuple(terms))

    def _conjunction(self) -> Logic:
        terms = [self._condition()]
        while self._accept("and"):
            terms.append(self._condition())
        return terms[0] if len(terms) == 1 else Junction("and", tuple(terms))

    def _condition(self) -> Logic:
        with self._nested():
            if self._accept("not"):
                return Negation(self._condition())
            if self._accept("("):
                inner = self._alternatives()
                self._expect(")")
                return inner
            return self._test()

    def _test(self) -> Test:
        return Test(self._expression(), self._predicate())

    def _predicate(self) -> Predicate:
        if self._token.kind is TokenKind.SYMBOL and self._token.text in _COMPARISONS:
            return Comparison(self._take(TokenKind.SYMBOL), self._string())
        if self._accept("is"):
            negated = self._accept("not")
            self._expect("null")
            return NullTest(negated)
        return self._negatable(negated=self._accept("not"))

    def _negatable(self, *, negated: bool) -> Predicate:
        if self._accept("like"):
            return Like(self._string(), negated)
        if self._accept("in"):
            self._expect("(")
            values = self._list_of(self._string)
            self._expect(")")
            return Membership(values, negated)
        self._expect("between")
        low = self._string()
        self._expect("and")
        return Range(low, self._string(), negated)

    # Columns and functions

    def _expression(self) -> Expression:
        if self._accept("cast"):
            return self._cast()
        name = self._identifier()
        return self._call(name) if self._accept("(") else ColumnReference(name)

    def _cast(self) -> ColumnReference:
        self._expect("(")
        name = self._identifier()
        self._expect("as")
        target = self._identifier()
        size = None
        if self._accept("("):
            size = self._count()
            self._expect(")")
        self._expect(")")
        return ColumnReference(name, target, size)

    def _call(self, name: str) -> Call:
        with self._nested():
            distinct = self._accept("distinct")
            if self._accept(")"):
                return Call(name, (), distinct)
            arguments = self._list_of(self._argument)
            self._expect(")")
            return Call(name, arguments, distinct)

    def _argument(self) -> Argument:
        if self._token.kind in {TokenKind.STRING, TokenKind.INTEGER}:
            return Constant(self._take(self._token.kind))
        return self._expression()

    # Order and range

    def _order_by(self) -> tuple[Sorting, ...]:
        return self._list_of(self._sorting) if self._accept("order", "by") else ()

    def _sorting(self) -> Sorting:
        expression = self._expression()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        return Sorting(expression, descending)

    def _range(self) -> tuple[int, int | None]:
        """Offset and limit, in either order; ``fetch first`` is another spelling of ``limit``."""
        limit = self._limit()
        offset = self._count() if self._accept("offset") else None
        if limit is None:
            limit = self._limit()
        return offset or 0, limit

    def _limit(self) -> int | None:
        if self._accept("limit"):
            return self._count()
        if not self._accept("fetch"):
            return None
        self._expect("first")
        rows = self._count()
        self._expect("rows")
        self._expect("only")
        return rows

    # Words

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _accept(self, *words: str) -> bool:
        """Go past ``words`` if the first of them is next; the others then have to follow."""
        if self._token.kind not in {TokenKind.KEYWORD, TokenKind.SYMBOL} or self._token.text != words[0]:
            return False
        self._next += 1
        for word in words[1:]:
            self._expect(word)
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            self._fail(f"wanted is {word!r}, not {self._token}")

    def _take(self, kind: TokenKind) -> str:
        token = self._token
        if token.kind is not kind:
            self._fail(f"wanted is {_NAMES[kind]}, not {token}")
        self._next += 1
        return token.text

    def _identifier(self) -> str:
        return self._take(TokenKind.IDENTIFIER)

    def _string(self) -> str:
        return self._take(TokenKind.STRING)

    def _count(self) -> int:
        text = self._take(TokenKind.INTEGER)
        if text.startswith("-") or len(text) > 19 or int(text) > _INT64_MAX:
            self._fail(f"{text[:40]} is no number of rows")
        return int(text)

    def _list_of(self, item: Callable[[], _Item]) -> tuple[_Item, ...]:
        items = [item()]
        while self._accept(","):
            items.append(item())
        return tuple(items)

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_NESTING:
            self._fail(f"more than {MAX_NESTING} levels of nesting")
        yield
        self._depth -= 1

    def _fail(self, what: str) -> NoReturn:
        raise QueryError(SYS_LIBRARY_ERROR, f"GenQuery2: {what} (position {self._token.position})")


_NAMES: Final = {
    TokenKind.IDENTIFIER: "a name",
    TokenKind.STRING: "a string in single quotes",
    TokenKind.INTEGER: "a number",
    TokenKind.SYMBOL: "an operator",
}
