"""The left side of a comparison, in both languages.

A value of a query is text; what it is compared with has a type. PostgreSQL, below a real
server, converts the text or refuses it, so the same is done here: SQLite would find that
``'abc'`` is greater than any number (irods/irods issues 8222 and 2394 show the refusal).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import DatabaseRefusal
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, bound

# NUL ends a C string, and half a surrogate pair is no UTF-8: no catalog holds either.
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,19}\s*")
_NUMBER: Final = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*")
_INT64: Final = range(-(2**63), 2**63)


class Kind(Enum):
    """The type of an operand."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()

    @property
    def is_numeric(self) -> bool:
        """Whether sums make sense, and patterns do not."""
        return self is not Kind.TEXT

    def converted(self, text: str) -> str | int | float:
        """What ``text`` is when it is compared with an operand of this kind.

        Raises:
            DatabaseRefusal: it is no number, or no integer of 64 bits.
        """
        match self:
            case Kind.TEXT:
                return text
            case Kind.INTEGER:
                return _integer(text)
            case Kind.NUMBER:
                return _number(text)


@dataclass(frozen=True, slots=True)
class Operand:
    """An SQL expression that values are compared with."""

    sql: Fragment
    kind: Kind

    def bound(self, text: str) -> Fragment:
        """A placeholder for ``text`` as a value of the operand's kind."""
        return bound(self.kind.converted(text))

    def require_text(self, what: str) -> None:
        """Raise DatabaseRefusal unless the operand is text; ``what`` needs it."""
        if self.kind.is_numeric:
            raise DatabaseRefusal(f"{what} needs text, {self.sql.text} is a number")


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or int(text) not in _INT64:
        raise DatabaseRefusal(f"{text[:40]!r} is no 64-bit integer")
    return int(text)


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise DatabaseRefusal(f"{text[:40]!r} is no number")
    if _INTEGER.fullmatch(text) and int(text) in _INT64:
        return int(text)
    return float(text)
