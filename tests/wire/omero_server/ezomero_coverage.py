"""Which public function of ezomero a test is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., None])

_MARK = "covers_of_ezomero"


def covers(function: Callable[..., Any]) -> Callable[[Test], Test]:
    """Say that the decorated test is about ``function``."""

    def mark(test: Test) -> Test:
        setattr(test, _MARK, function.__name__)
        return test

    return mark


def covered_by(module: ModuleType) -> set[str]:
    """The names of all functions that tests of a module are about; only what pytest collects counts."""
    members: Mapping[str, object] = vars(module)
    tests = (member for name, member in members.items() if name.startswith("test_"))
    return {getattr(test, _MARK) for test in tests if hasattr(test, _MARK)}
