"""The words of GenQuery2 and the tree of a query.

Source: ``lexer.l``, ``parser.y`` and ``genquery2_ast_types.hpp`` of iRODS 5.0.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from omero_irods_sandbox.irods_zone.genquery.errors import SYS_LIBRARY_ERROR, QueryError
from omero_irods_sandbox.irods_zone.genquery.operands import UNSTORABLE
from omero_irods_sandbox.irods_zone.genquery.predicates import Predicate

_KEYWORDS: Final = frozenset(
    [
        *(
            "and",
            "as",
            "asc",
            "between",
            "by",
            "case",
            "cast",
            "desc",
            "distinct",
            "else",
            "end",
            "exists",
            "fetch",
        ),
        *(
            "first",
            "group",
            "having",
            "in",
            "is",
            "like",
            "limit",
            "not",
            "null",
            "offset",
            "only",
            "or",
            "order",
        ),
        *("rows", "select", "when", "where"),
    ]
)
_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\n]+)"
    r"|'(?P<string>[^']*(?:''[^']*)*)'"
    r"|(?P<word>[a-zA-Z][a-zA-Z0-9_]*)"
    r"|(?P<integer>-?[0-9]+)"
    r"|(?P<symbol><=|>=|<>|!=|[=<>(),])"
)
_ESCAPE: Final = re.compile(rb"''|\\x([0-9A-Fa-f]{2})")


class TokenKind(Enum):
    """What a word can be."""

    KEYWORD = auto()
    IDENTIFIER = auto()
    STRING = auto()
    INTEGER = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """``text``: a keyword in lower case, a string without quotes and escapes, anything else as written."""

    kind: TokenKind
    text: str
    position: int

    def __str__(self) -> str:
        return "the end of the query" if self.kind is TokenKind.END else repr(self.text[:40])


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column, ``cast`` to a type unless that is empty; ``size`` is the number in ``varchar(20)``."""

    name: str
    cast: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A string or an integer among the arguments of a function; the server quotes both."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[ColumnReference | Constant | Call, ...]
    distinct: bool = False


Expression = ColumnReference | Call
Argument = ColumnReference | Call | Constant


@dataclass(frozen=True, slots=True)
class Test:
    """What must hold of a column or of a function's result."""

    left: Expression
    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Negation:
    """The term must not hold."""

    term: Logic


@dataclass(frozen=True, slots=True)
class Junction:
    """``connective`` between two or more terms."""

    connective: Literal["and", "or"]
    terms: tuple[Logic, ...]


Logic = Test | Negation | Junction


@dataclass(frozen=True, slots=True)
class Sorting:
    """What the rows are ordered by."""

    expression: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query. ``group_by`` are column names; ``limit`` None means the server's default."""

    projections: tuple[Expression, ...]
    distinct: bool
    where: Logic | None
    group_by: tuple[str, ...]
    order_by: tuple[Sorting, ...]
    offset: int
    limit: int | None


def tokens(text: str) -> Iterator[Token]:
    """The words of ``text``, an END last.

    Raises:
        QueryError: SYS_LIBRARY_ERROR; something is no word.
    """
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise QueryError(
                SYS_LIBRARY_ERROR, f"cannot read the query at position {position}: {text[position:][:20]!r}"
            )
        if found.lastgroup != "blank":
            yield _token(found)
        position = found.end()
    yield Token(TokenKind.END, "", position)


def _token(found: re.Match[str]) -> Token:
    text = found[found.lastgroup or 0]
    match found.lastgroup:
        case "string":
            return Token(TokenKind.STRING, _unescaped(text, found.start()), found.start())
        case "word" if text.lower() in _KEYWORDS:
            return Token(TokenKind.KEYWORD, text.lower(), found.start())
        case "word":
            return Token(TokenKind.IDENTIFIER, text, found.start())
        case "integer":
            return Token(TokenKind.INTEGER, text, found.start())
        case _:
            return Token(TokenKind.SYMBOL, text, found.start())


def _unescaped(text: str, position: int) -> str:
    r"""``''`` is a quote, ``\xHH`` a byte of the UTF-8 text."""
    try:
        raw = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"'", text.encode())
        value = raw.decode()
    except UnicodeError as error:
        raise QueryError(SYS_LIBRARY_ERROR, f"the string at position {position} is no UTF-8") from error
    if UNSTORABLE.search(value):
        raise QueryError(SYS_LIBRARY_ERROR, f"the string at position {position} holds a NUL")
    return value
