"""Bytes at places, and the time."""

from __future__ import annotations

from typing import Protocol


class ByteSource(Protocol):
    """Bytes at places: a local file, a data object. Several threads may read at once."""

    @property
    def size(self) -> int:
        """In bytes; does not change while the source is open."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes from ``offset``, fewer only where the source ends."""
        ...


class Clock(Protocol):
    """Tells the time, so that tests can."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...
