"""Reads what programs hand in: JSON objects, field by field, with types and limits."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, Final

from omero_irods_bridge.model.errors import UsageError

LARGEST_PATH: Final = 1_024
"""Characters; iRODS takes no more (MAX_NAME_LEN)."""


class Fields:
    """Takes fields of a JSON object one by one; what is left in the end was not known."""

    def __init__(self, name: str, found: object) -> None:
        if not isinstance(found, dict):
            raise UsageError(f"{name} has to be a JSON object.")
        self._name, self._left = name, dict(found)

    def take(self, name: str, kind: type[Any], default: Any = None) -> Any:
        """A field of just this type; it has to be there where there is no default."""
        value = self._left.pop(name, default)
        if type(value) is not kind:
            raise UsageError(f"{self._name}: {name} is missing or has the wrong type.")
        return value

    def number(self, name: str, default: float | None) -> float | None:
        """A number that is neither endless nor none; none where there may be none."""
        value = self._left.pop(name, default)
        if value is None:
            return None
        if type(value) not in {int, float} or not _is_finite(value):
            raise UsageError(f"{self._name}: {name} is no number.")
        return float(value)

    def choice(self, name: str, kind: type[StrEnum], default: Any = None) -> Any:
        """One of ``kind``."""
        value = self._left.pop(name, default)
        if value not in list(kind):
            raise UsageError(f"{self._name}: {name} is one of {', '.join(kind)}.")
        return kind(value)

    def end(self) -> None:
        """Raises UsageError for what nobody took."""
        if self._left:
            names = ", ".join(ascii(name)[1:-1] for name in sorted(self._left)[:5])
            raise UsageError(f"{self._name} has unknown fields: {names[:200]}.")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON has integers of any length
        return False


def is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can smuggle in and no file or catalog takes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def check_text(name: str, text: str, longest: int) -> None:
    """Raises UsageError for what is longer, or cannot be shown in a line."""
    if len(text) > longest or not text.isprintable():
        raise UsageError(f"{name} is a text of at most {longest:,} printable characters.")


def check_path(name: str, path: str) -> None:
    """Raises UsageError for what is no path of iRODS, or template of one; "" is none at all."""
    check_text(name, path, LARGEST_PATH)
    if path and (not path.startswith("/") or {".", ".."} & set(path.split("/"))):
        raise UsageError(f"{name} is an absolute path in iRODS, without . and .. in it.")
