"""The condition strings of GenQuery1, e.g. ``like 'a%' || = 'b'``.

Source: ``general_query.cpp``: compoundConditionSpecified, handleCompoundCondition,
insertWhere, checkCondition and the n prefix in generateSQL. As there:

- A value goes from the first quote to the last, so quotes inside it need no escape.
- ``||`` and ``&&`` outside quotes join tests of one column; ``&&`` binds tighter.
- ``n`` right before ``<``, ``>`` or ``=`` at the very start compares as numbers, in all tests of the string.
- ``in`` and ``between`` take every quoted piece; parentheses and commas are decoration.
- ``begin_of``: the value begins with the column. ``parent_of``: the column is the value or a parent of it.
- There is no ``not in`` and no ``not between`` (irods/irods issue 3967).
- Keywords are in lower case or in capitals, ``begin_of`` and ``parent_of`` in lower case only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_INVALID_ARGUMENT,
    USER_STRLEN_TOOLONG,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, junction
from omero_irods_sandbox.irods_zone.genquery.operands import UNSTORABLE, Operand
from omero_irods_sandbox.irods_zone.genquery.predicates import (
    BeginOf,
    Comparison,
    Like,
    Membership,
    NullTest,
    Predicate,
    Range,
)

# inStrings in addInClauseToWhereForIn holds twice MAX_SQL_SIZE_GENERAL_QUERY.
MAX_CONDITION_LENGTH: Final = 32_000

_LEXEME: Final = re.compile(r"(?P<quoted>'[^']*')|(?P<connective>\|\||&&)|(?P<other>[^'|&]+|.)", re.DOTALL)
_QUOTED: Final = re.compile(r"'([^']*)'")
_VALUE: Final = re.compile(r"'(.*)'", re.DOTALL)
_AS_NUMBER: Final = re.compile(r" *n(?=[<>=])")
_OPERATOR: Final = re.compile(
    r" *(?:(?P<comparison><>|!=|<=|>=|=|<|>)"
    r"|(?P<like>(?:(?P<negation>not|NOT) +)?(?:like|LIKE))"
    r"|(?P<membership>in|IN)(?=[ ('])"
    r"|(?P<range>between|BETWEEN)"
    r"|(?P<path>begin_of|parent_of)"
    r") *(?=['( ])"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """Alternatives, each a row of tests that must all hold; at least one test in each."""

    as_number: bool
    alternatives: tuple[tuple[Predicate, ...], ...]

    @property
    def tests(self) -> tuple[Predicate, ...]:
        """All of them, in the order of the string."""
        return tuple(test for alternative in self.alternatives for test in alternative)


def parse(text: str) -> Condition:
    """What the condition string says.

    Raises:
        QueryError: CAT_INVALID_ARGUMENT; it is none. USER_STRLEN_TOOLONG.
    """
    _check_characters(text)
    as_number = _AS_NUMBER.match(text)
    parts = _split(text[as_number.end() :] if as_number else text)
    alternatives = tuple(tuple(_test(part) for part in row) for row in parts)
    return Condition(as_number is not None, alternatives)


def render(condition: Condition, operands: Sequence[Operand]) -> Fragment:
    """The SQL that tests ``operands``, one for each test in the order of the string.

    Raises:
        DatabaseRefusal: a value or an operator does not suit the operand.
    """
    following = iter(operands)
    rows = [[test.sql(next(following)) for test in row] for row in condition.alternatives]
    return junction("or", [junction("and", row) for row in rows])


def _check_characters(text: str) -> None:
    if len(text) > MAX_CONDITION_LENGTH:
        message = f"a condition of {len(text)} characters, the limit is {MAX_CONDITION_LENGTH}: split it"
        raise QueryError(USER_STRLEN_TOOLONG, message)
    if UNSTORABLE.search(text):
        raise QueryError(CAT_INVALID_ARGUMENT, f"no catalog value holds a character of {text[:60]!r}")


def _split(text: str) -> list[list[str]]:
    """The tests of a compound condition: alternatives of rows."""
    rows = [[""]]
    for lexeme in _LEXEME.finditer(text):
        match lexeme["connective"]:
            case "||":
                rows.append([""])
            case "&&":
                rows[-1].append("")
            case _:
                rows[-1][-1] += lexeme[0]
    return rows


def _test(part: str) -> Predicate:
    text = part.strip(" ")
    if text in {"IS NULL", "IS NOT NULL"}:
        return NullTest(negated=text == "IS NOT NULL")
    operator = _OPERATOR.match(text)
    if operator is None:
        raise _unreadable(part)
    rest = text[operator.end() :]
    if operator["membership"]:
        return Membership(_quoted(rest, part))
    if operator["range"]:
        return _range(rest, part)
    return _test_of_one_value(operator, _value(rest, part))


def _test_of_one_value(operator: re.Match[str], value: str) -> Predicate:
    if operator["comparison"]:
        return Comparison(operator["comparison"], value)
    if operator["like"]:
        return Like(value, negated=operator["negation"] is not None)
    return BeginOf(value) if operator["path"] == "begin_of" else Membership(_with_parents(value))


def _value(rest: str, part: str) -> str:
    value = _VALUE.match(rest)
    if value is None:
        raise _unreadable(part)
    return value[1]


def _quoted(rest: str, part: str) -> tuple[str, ...]:
    values = tuple(_QUOTED.findall(rest))
    if not values:
        raise _unreadable(part)
    return values


def _range(rest: str, part: str) -> Range:
    values = _quoted(rest, part)
    if len(values) != 2:
        raise _unreadable(part)
    return Range(*values)


def _unreadable(part: str) -> QueryError:
    return QueryError(
        CAT_INVALID_ARGUMENT,
        f"cannot read the condition {part[:60]!r}: wanted is an operator and a value in single quotes",
    )


def _with_parents(path: str) -> tuple[str, ...]:
    """``/a/b`` gives ``/``, ``/a`` and ``/a/b``."""
    names = [name for name in path.split("/") if name]
    root = "/" if path.startswith("/") or not names else ""
    parents = [root + "/".join(names[: depth + 1]) for depth in range(len(names))]
    return (root, *parents) if root else tuple(parents)
