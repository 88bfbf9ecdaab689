"""Pieces of SQL that carry the values of their placeholders, so that the two cannot get out of step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

_CHAIN: Final = 32


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL text with a ``?`` for each parameter, in the order of the text."""

    text: str
    parameters: tuple[object, ...] = ()

    def wrapped(self, before: str, after: str) -> Fragment:
        """The same piece with constant SQL around it."""
        return Fragment(f"{before}{self.text}{after}", self.parameters)


def bound(value: object) -> Fragment:
    """A placeholder for ``value``."""
    return Fragment("?", (value,))


def joined(separator: str, pieces: Iterable[Fragment]) -> Fragment:
    """The pieces in a row."""
    row = list(pieces)
    parameters = tuple(value for piece in row for value in piece.parameters)
    return Fragment(separator.join(piece.text for piece in row), parameters)


def junction(connective: Literal["and", "or"], terms: Sequence[Fragment]) -> Fragment:
    """One condition out of several; at least one is needed.

    Many terms make groups of groups: SQLite refuses an expression deeper than
    1000, which a chain of that many is, and more than some 30 parentheses in a row.
    """
    if len(terms) == 1:
        return terms[0]
    if len(terms) > _CHAIN:
        groups = [terms[start : start + _CHAIN] for start in range(0, len(terms), _CHAIN)]
        return junction(connective, [junction(connective, group) for group in groups])
    return joined(f" {connective} ", terms).wrapped("(", ")")
