"""Names of files made safe: rewritten, never refused.

Source: FilePathRestrictionInstance, FilePathRestrictions and MakePathComponentSafe
in ome.services.blitz.repo.path of omero-blitz. There is no Unicode normalisation
and no limit on the length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

SAFE: Final = "_"
"""Stands for what has no better substitute, and marks reserved names."""

_WINDOWS_CHARACTERS: Final = {
    '"': "'",
    "*": "x",
    "/": "!",
    ":": ";",
    "<": "[",
    ">": "]",
    "?": "%",
    "\\": "!",
    "|": "!",
}
_WINDOWS_NAMES: Final = frozenset(
    [
        "AUX",
        "CLOCK$",
        "CON",
        "NUL",
        "PRN",
        *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)),
    ]
)
_CONTROL_CHARACTERS: Final = {chr(point): SAFE for point in (*range(0x20), *range(0x7F, 0xA0))}


@dataclass(frozen=True, slots=True)
class _RuleSet:
    characters: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    suffixes: frozenset[str] = frozenset()


_WINDOWS_REQUIRED: Final = _RuleSet(
    _WINDOWS_CHARACTERS, _WINDOWS_NAMES, frozenset([*(f"{name}." for name in _WINDOWS_NAMES), "$"])
)
_WINDOWS_OPTIONAL: Final = _RuleSet(suffixes=frozenset(". "))
_UNIX_REQUIRED: Final = _RuleSet({"/": "!"})
_UNIX_OPTIONAL: Final = _RuleSet(prefixes=frozenset(".-"))

_RULE_SETS: Final = {
    "Windows required": _WINDOWS_REQUIRED,
    "Windows optional": _WINDOWS_OPTIONAL,
    "UNIX required": _UNIX_REQUIRED,
    "UNIX optional": _UNIX_OPTIONAL,
    "local required": _UNIX_REQUIRED,
    "local optional": _UNIX_OPTIONAL,
}

DEFAULT_RULES: Final = "Windows required, UNIX required"
"""The server's default of the setting ``omero.fs.repo.path_rules``."""


class Sanitiser:
    """Rewrites one component of a path after another; what is safe stays as it is.

    ``rules`` names sets of rules, separated by commas.

    Raises:
        ValueError: a set of this name is unknown.
    """

    def __init__(self, rules: str = DEFAULT_RULES) -> None:
        sets = [_rule_set(name.strip()) for name in rules.split(",") if name.strip()]
        self._names = _united(rule_set.names for rule_set in sets)
        self._prefixes = _united(rule_set.prefixes for rule_set in sets)
        self._suffixes = _united(rule_set.suffixes for rule_set in sets)
        characters = dict(_CONTROL_CHARACTERS)
        for rule_set in sets:
            characters |= rule_set.characters
        self._characters = str.maketrans(characters)

    def component(self, name: str) -> str:
        """One component, safe."""
        upper = name.upper()
        if upper in self._names:
            name += SAFE
        name = SAFE * sum(upper.startswith(prefix) for prefix in self._prefixes) + name
        name += SAFE * sum(upper.endswith(suffix) for suffix in self._suffixes)
        return name.translate(self._characters)

    def components(self, names: Iterable[str]) -> tuple[str, ...]:
        """Every component, safe."""
        return tuple(map(self.component, names))


@cache
def sanitiser(rules: str) -> Sanitiser:
    """The sanitiser of a setting."""
    return Sanitiser(rules)


def _rule_set(name: str) -> _RuleSet:
    try:
        return _RULE_SETS[name]
    except KeyError:
        known = ", ".join(_RULE_SETS)
        raise ValueError(
            f"unknown rule set {name!r} in omero.fs.repo.path_rules; there are: {known}"
        ) from None


def _united(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
