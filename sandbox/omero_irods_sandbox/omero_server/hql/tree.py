"""What a query says, as values.

Every expression is one of the classes in :data:`Expression`; the parser builds
them, the compiler translates them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, truth value or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """``:name``."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """``a.b.c``; also the bare name of a class."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Star:
    """The ``*`` of ``count(*)``."""


@dataclass(frozen=True, slots=True)
class Negative:
    """``-x``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """``not x``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator``: and, or, a comparison, an arithmetical one, or ``||``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Like:
    """``x like pattern``; ``ilike`` does not look at case."""

    operand: Expression
    pattern: Expression
    ignores_case: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """``x between low and high``."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class IsNull:
    """``x is null``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """``a.collection is empty``."""

    collection: Path


@dataclass(frozen=True, slots=True)
class In:
    """``x in (...)``: expressions (a parameter may be a list), a subquery, or a collection's elements."""

    operand: Expression
    options: tuple[Expression, ...] | Query | Path


@dataclass(frozen=True, slots=True)
class MemberOf:
    """``x member of a.collection``."""

    operand: Expression
    collection: Path


@dataclass(frozen=True, slots=True)
class Exists:
    """``exists (select ...)`` or ``exists elements(a.collection)``."""

    what: Query | Path


@dataclass(frozen=True, slots=True)
class Subquery:
    """``(select ...)`` as a value."""

    query: Query


@dataclass(frozen=True, slots=True)
class Case:
    """``case [base] when x then y ... [else z] end``."""

    base: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``, the name in lower case."""

    name: str
    arguments: tuple[Expression, ...]
    is_distinct: bool = False


Expression: TypeAlias = (
    Literal | Parameter | Path | Star | Negative | Not | Binary | Like | Between | IsNull | IsEmpty | In
    | MemberOf | Exists | Subquery | Case | Call
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selected:
    """One item of the select list and the name it is given."""

    expression: Expression
    alias: str | None


@dataclass(frozen=True, slots=True)
class Range:
    """``from Entity alias``."""

    entity: str
    alias: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """``[left] join [fetch] path [alias] [with condition]``."""

    path: Path
    alias: str | None
    is_left: bool = False
    is_fetch: bool = False
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One item of ``order by``."""

    expression: Expression
    is_descending: bool


class Shape(Enum):
    """What becomes of a row of the select list."""

    PLAIN = auto()
    MAP = auto()
    """``select new map(...)``."""
    LIST = auto()
    """``select new list(...)``."""


@dataclass(frozen=True, slots=True)
class Query:
    """``selection`` is empty when there is no select clause: all that ``sources`` range over is meant."""

    sources: tuple[Range | Join, ...]
    selection: tuple[Selected, ...] = ()
    is_distinct: bool = False
    shape: Shape = Shape.PLAIN
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    order_by: tuple[Order, ...] = field(default=())
