"""What a benchmark is: a named section that yields measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure. In the section's table ``what`` is the row and ``case`` the column.

    ``ratio`` is to the baseline of the same case, or to what is wanted, and ``expected`` what it should at
    least be.
    """

    what: str
    case: str
    value: float
    unit: str
    ratio: float | None = None
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """How to measure: ``folder`` is empty and on the disk to measure, ``is_quick`` asks for small sizes,
    ``is_long`` for the largest ones too.
    """

    folder: Path
    is_quick: bool
    is_long: bool = False


Benchmark = Callable[[Setting], Iterator[Measurement]]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    run: Benchmark


SECTIONS: Final[dict[str, Section]] = {}


def section(name: str, title: str) -> Callable[[Benchmark], Benchmark]:
    """Register a benchmark; ``name`` selects it on the command line, ``title`` heads its table."""

    def register(run: Benchmark) -> Benchmark:
        SECTIONS[name] = Section(name, title, run)
        return run

    return register
