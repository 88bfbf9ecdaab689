"""Queries of HQL.

::

    query := [SELECT [DISTINCT] (item, ... | NEW MAP|LIST (item, ...))] FROM range (join | , range)*
             [WHERE e] [GROUP BY e, ...] [HAVING e] [ORDER BY e [ASC|DESC], ...]
    item  := e [[AS] alias]
    range := Entity [AS] [alias] | IN (path) [AS] alias
    join  := [LEFT [OUTER] | INNER] JOIN [FETCH] path [[AS] alias] [WITH e]
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.expressions import ExpressionParser
from omero_irods_sandbox.omero_server.hql.reading import TokenReader
from omero_irods_sandbox.omero_server.hql.tokens import Kind
from omero_irods_sandbox.omero_server.hql.tree import (
    Expression,
    Join,
    Order,
    Path,
    Query,
    Range,
    Selected,
    Shape,
)

_NO_ALIASES: Final = frozenset(
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
        "between",
        "by",
        "asc",
        "desc",
        "union",
        "on",
        "right",
        "full",
        "cross",
        "limit",
        "offset",
        "set",
    ]
)


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The query that ``text`` is.

    Raises:
        QueryError: it is none, or one that is not understood.
    """
    try:
        return _QueryParser(TokenReader(text)).whole()
    except RecursionError:
        raise QueryError("it is nested too deep") from None


class _QueryParser:
    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader
        self._expressions = ExpressionParser(reader, self.query)

    def whole(self) -> Query:
        query = self.query()
        if self._reader.peek().kind is not Kind.END:
            raise self._reader.unexpected("the query should have ended")
        return query

    def query(self) -> Query:
        is_distinct, shape, selection = self._select()
        self._reader.need_words("from")
        return Query(
            selection=selection,
            is_distinct=is_distinct,
            shape=shape,
            sources=self._sources(),
            where=self._expression_after("where"),
            group_by=self._expressions.expressions() if self._reader.take_words("group", "by") else (),
            having=self._expression_after("having"),
            order_by=self._order() if self._reader.take_words("order", "by") else (),
        )

    def _expression_after(self, word: str) -> Expression | None:
        return self._expressions.expression() if self._reader.take_words(word) else None

    # -- select

    def _select(self) -> tuple[bool, Shape, tuple[Selected, ...]]:
        if not self._reader.take_words("select"):
            return False, Shape.PLAIN, ()
        is_distinct = self._reader.take_words("distinct")
        for word, shape in (("map", Shape.MAP), ("list", Shape.LIST)):
            if self._reader.take_words("new", word):
                self._reader.need_symbol("(")
                selection = self._selection()
                self._reader.need_symbol(")")
                return is_distinct, shape, selection
        return is_distinct, Shape.PLAIN, self._selection()

    def _selection(self) -> tuple[Selected, ...]:
        found = [self._selected()]
        while self._reader.take_symbol(","):
            found.append(self._selected())
        return tuple(found)

    def _selected(self) -> Selected:
        return Selected(self._expressions.expression(), self._alias())

    def _alias(self) -> str | None:
        if self._reader.take_words("as"):
            return self._reader.need_name()
        token = self._reader.peek()
        if token.kind is Kind.NAME and token.word not in _NO_ALIASES and "." not in token.text:
            return self._reader.take().text
        return None

    # -- from

    def _sources(self) -> tuple[Range | Join, ...]:
        sources = [self._range()]
        while True:
            if self._reader.take_symbol(","):
                sources.append(self._range())
            elif self._at_join():
                sources.append(self._join())
            else:
                return tuple(sources)

    def _range(self) -> Range | Join:
        if self._reader.take_words("in"):
            self._reader.need_symbol("(")
            path = self._path()
            self._reader.need_symbol(")")
            return Join(path, self._alias())
        return Range(self._reader.need_name(), self._alias())

    def _at_join(self) -> bool:
        return self._reader.peek().word in ("join", "left", "inner")

    def _join(self) -> Join:
        is_left = self._reader.take_words("left")
        self._reader.take_words("outer" if is_left else "inner")
        self._reader.need_words("join")
        is_fetch = self._reader.take_words("fetch")
        path, alias = self._path(), self._alias()
        return Join(path, alias, is_left, is_fetch, self._expression_after("with"))

    def _path(self) -> Path:
        return Path(tuple(self._reader.need_name().split(".")))

    # -- order

    def _order(self) -> tuple[Order, ...]:
        found = [self._ordering()]
        while self._reader.take_symbol(","):
            found.append(self._ordering())
        return tuple(found)

    def _ordering(self) -> Order:
        expression = self._expressions.expression()
        is_descending = self._reader.take_words("desc")
        if not is_descending:
            self._reader.take_words("asc")
        return Order(expression, is_descending)
