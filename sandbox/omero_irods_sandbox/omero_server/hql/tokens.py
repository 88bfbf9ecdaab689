"""Tokens of HQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from omero_irods_sandbox.omero_server.hql.errors import QueryError


class Kind(Enum):
    """What a token is. Keywords are names: which they are depends on where they stand."""

    NUMBER = auto()
    TEXT = auto()
    PARAMETER = auto()
    NAME = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` as written, except that a parameter has lost its colon and a string its quotes."""

    kind: Kind
    text: str
    position: int

    @property
    def word(self) -> str:
        """A name in lower case, for keywords; empty for anything else."""
        return self.text.lower() if self.kind is Kind.NAME else ""


_PATTERN: Final = re.compile(
    r"""
      (?P<number> \d+ (?: \.\d+ )? (?: [eE][+-]?\d+ )? [lLfFdD]? (?![\w.]) )
    | (?P<text> ' (?: [^'] | '' )* ' )
    | : \s* (?P<parameter> [A-Za-z_]\w* )
    | (?P<name> [A-Za-z_$][\w$]* (?: \. [A-Za-z_$][\w$]* )* )
    | (?P<symbol> <> | != | <= | >= | \|\| | [=<>(),+\-*/?] )
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> list[Token]:
    """All tokens of a query and one that marks its end.

    Raises:
        QueryError: something in it is no token.
    """
    tokens: list[Token] = []
    position = _skip_space(text, 0)
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None or match.lastgroup is None:
            raise QueryError(f"unexpected token near {text[position : position + 20]!r}")
        tokens.append(_token(match, position))
        position = _skip_space(text, match.end())
    return [*tokens, Token(Kind.END, "", len(text))]


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _token(match: re.Match[str], position: int) -> Token:
    kind = Kind[str(match.lastgroup).upper()]
    text = match[str(match.lastgroup)]
    if kind is Kind.TEXT:
        text = text[1:-1].replace("''", "'")
    return Token(kind, text, position)
