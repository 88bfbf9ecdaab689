"""How many bytes may be under way at once."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """The work ends early; whoever waits lets go. Never leaves this package."""


class ByteBudget:
    """Bytes under way, between being fetched and being written. Any thread may call any method.

    A piece that is larger than the whole budget passes alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, count: int) -> None:
        """Wait until ``count`` more bytes may be under way.

        Raises:
            Stopped: :meth:`stop` was called.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or not self._used or self._used + count <= self._limit
            )
            if self._stopped:
                raise Stopped
            self._used += count

    def give_back(self, count: int) -> None:
        with self._changed:
            self._used -= count
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake all who wait, and let nobody wait any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
