"""A place in the tokens of a query, and the small steps of reading on."""

from __future__ import annotations

from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.tokens import Kind, Token, tokenize


class TokenReader:
    """Looks at the next token, and takes it when it is what was hoped for."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._next = 0

    def peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def at_words(self, *words: str) -> bool:
        """Whether these keywords come next, in any case of letters."""
        return all(self.peek(number).word == word for number, word in enumerate(words))

    def take_words(self, *words: str) -> bool:
        """Take the keywords if they come next."""
        if not self.at_words(*words):
            return False
        self._next += len(words)
        return True

    def need_words(self, *words: str) -> None:
        """Raises QueryError unless the keywords come next."""
        if not self.take_words(*words):
            raise self.unexpected(f"{' '.join(words).upper()} expected")

    def at_symbol(self, *symbols: str) -> bool:
        token = self.peek()
        return token.kind is Kind.SYMBOL and token.text in symbols

    def take_symbol(self, *symbols: str) -> str | None:
        """Take one of the symbols if it comes next."""
        return self.take().text if self.at_symbol(*symbols) else None

    def need_symbol(self, symbol: str) -> None:
        """Raises QueryError unless the symbol comes next."""
        if self.take_symbol(symbol) is None:
            raise self.unexpected(f"{symbol} expected")

    def need_name(self) -> str:
        """Take a name, as it is written.

        Raises:
            QueryError: something else comes next.
        """
        token = self.peek()
        if token.kind is not Kind.NAME:
            raise self.unexpected("a name was expected")
        return self.take().text

    def unexpected(self, why: str) -> QueryError:
        """The error to raise about the next token."""
        token = self.peek()
        where = "at the end" if token.kind is Kind.END else f"near {token.text!r} (position {token.position})"
        return QueryError(f"{why} {where}")
