"""What a query can demand of an operand, in both languages.

Every ``sql`` raises DatabaseRefusal when PostgreSQL would refuse to compare so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import DatabaseRefusal
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, bound, joined
from omero_irods_sandbox.irods_zone.genquery.operands import Operand

# SQLite's SQLITE_LIMIT_LIKE_PATTERN_LENGTH: longer patterns are an error there.
_MAX_PATTERN_BYTES: Final = 50_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """``operator`` is one of ``= <> != < <= > >=``."""

    operator: str
    value: str

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        return joined(f" {self.operator} ", (operand.sql, operand.bound(self.value)))


@dataclass(frozen=True, slots=True)
class Like:
    """``%`` and ``_`` are wildcards, a backslash makes the next character plain, as in PostgreSQL."""

    pattern: str
    negated: bool = False

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        operand.require_text("like")
        if len(self.pattern.encode()) > _MAX_PATTERN_BYTES:
            raise DatabaseRefusal(f"a pattern of more than {_MAX_PATTERN_BYTES} bytes cannot be matched")
        test = joined(_not(self.negated, "like"), (operand.sql, bound(self.pattern)))
        return test.wrapped("", " escape '\\'")


@dataclass(frozen=True, slots=True)
class Membership:
    """Equal to one of the values, of which there is at least one."""

    values: tuple[str, ...]
    negated: bool = False

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        choices = joined(", ", (operand.bound(value) for value in self.values)).wrapped("(", ")")
        return joined(_not(self.negated, "in"), (operand.sql, choices))


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``, both included."""

    low: str
    high: str
    negated: bool = False

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        limits = joined(" and ", (operand.bound(self.low), operand.bound(self.high)))
        return joined(_not(self.negated, "between"), (operand.sql, limits)).wrapped("(", ")")


@dataclass(frozen=True, slots=True)
class NullTest:
    """Nothing is there; negated: something is, be it empty."""

    negated: bool = False

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        return operand.sql.wrapped("", " is not null" if self.negated else " is null")


@dataclass(frozen=True, slots=True)
class BeginOf:
    """The operand is not empty, and ``value`` begins with it."""

    value: str

    def sql(self, operand: Operand) -> Fragment:
        """The test of ``operand``."""
        operand.require_text("begin_of")
        beginning = joined(", 1, length(", (bound(self.value), operand.sql)).wrapped("substr(", "))")
        same = joined(" = ", (operand.sql, beginning))
        return joined(" and ", (same, operand.sql.wrapped("length(", ") > 0"))).wrapped("(", ")")


Predicate = Comparison | Like | Membership | Range | NullTest | BeginOf


def _not(negated: bool, operator: str) -> str:
    return f" not {operator} " if negated else f" {operator} "
