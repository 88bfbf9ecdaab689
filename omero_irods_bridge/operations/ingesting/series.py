"""Numbered series by a pattern of the settings: ``*_t<001-100>_c<r,g>.tif``.

``<...>`` are blocks as in the pattern files of Bio-Formats; ``*`` stands for any text, the same one in all
files of a series.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.operations.ingesting.references import block_choices, expand_pattern, pattern_parts


class Series:
    """The names that a pattern stands for. Pure.

    Raises:
        UsageError: it is no pattern, or stands for too many names.
    """

    def __init__(self, pattern: str) -> None:
        self._templates = expand_pattern(pattern)
        parts = pattern_parts(pattern)
        if any("*" in part for part in parts[1::2]):
            raise UsageError(f"The series {pattern!r} has a * between < and >.")
        self._blocks = [frozenset(block_choices(part)) for part in parts[1::2]]
        self._expression = re.compile("".join(map(self._part, range(len(parts)), parts)), re.DOTALL)

    def _part(self, index: int, part: str) -> str:
        return _block(self._blocks[index // 2]) if index % 2 else re.escape(part).replace(r"\*", "(.*?)")

    def of(self, name: str) -> Sequence[str]:
        """All names of the series that ``name`` is one of, the one that is opened first; none for no one."""
        match = self._expression.fullmatch(name)
        if match is None:
            return ()
        texts = iter(match.groups())
        return _filled(self._templates, list(texts))


def _block(choices: frozenset[str]) -> str:
    """Longer ones first; what they have in common is found once, however many they are."""
    widths = {len(one) for one in choices}
    if len(widths) == 1 and len(choices) == 10 ** min(widths) and all(one.isdecimal() for one in choices):
        return f"[0-9]{{{min(widths)}}}"
    return f"(?:{'|'.join(re.escape(one) for one in sorted(choices, key=lambda one: (-len(one), one)))})"


def _filled(templates: Sequence[str], texts: Sequence[str]) -> list[str]:
    names = []
    for template in templates:
        parts = template.split("*")
        names.append("".join(part + text for part, text in zip(parts, [*texts, ""], strict=True)))
    return names
