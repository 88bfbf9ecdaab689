"""Where a plane stands among all planes of an image."""

from __future__ import annotations

from collections.abc import Mapping


def plane_index(order: str, sizes: Mapping[str, int], at: Mapping[str, int]) -> int:
    """The number of plane ``at`` (by ``Z``, ``C``, ``T``): in the order XYZCT Z varies fastest."""
    index, step = 0, 1
    for axis in order[2:]:
        index += at[axis] * step
        step *= sizes[axis]
    return index


def plane_at(order: str, sizes: Mapping[str, int], index: int) -> dict[str, int]:
    """The inverse of :func:`plane_index`."""
    at: dict[str, int] = {}
    for axis in order[2:]:
        index, at[axis] = divmod(index, sizes[axis])
    return at
