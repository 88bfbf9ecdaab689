"""Slows down who guesses: so many failures within a while, then none more for as long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError

MOST_KEYS: Final = 10_000
"""Of whom failures are remembered at once."""


class TooManyAttempts(BridgeError):
    """Somebody failed too often; ``wait_s`` says when the next attempt is looked at."""

    code: ClassVar[str] = "too-many-attempts"
    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, hint: str = "", wait_s: int = 60) -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


class Throttle:
    """At most ``most`` attempts that fail within ``within_s`` seconds, for each key. Any thread may use it.

    It is kept in memory: each worker counts for itself, and a new start forgets.
    """

    def __init__(self, most: int, within_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._within_s, self._now = most, within_s, now
        self._failures: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """One attempt, made in the block; it has failed when AccessDenied leaves it.

        Those under way count, so that many at once are no way around.

        Raises:
            TooManyAttempts: this one is not to be made.
        """
        self._take(key)
        try:
            yield
        except AccessDenied:
            raise
        except BaseException:
            self._give_back(key)
            raise
        self._give_back(key)

    def _take(self, key: str) -> None:
        with self._lock:
            made, now = self._recent(key)
            if len(made) >= self._most:
                wait_s = max(1, round(made[0] + self._within_s - now))
                raise TooManyAttempts(
                    "There were too many attempts that failed.",
                    hint=f"Try again in {wait_s} seconds.",
                    wait_s=wait_s,
                )
            made.append(now)

    def _give_back(self, key: str) -> None:
        with self._lock:
            made, _ = self._recent(key)
            if made:
                made.pop()

    def _recent(self, key: str) -> tuple[deque[float], float]:
        """The attempts that still count, and the time; of too many keys the one used first is dropped."""
        now = self._now()
        made = self._failures.pop(key, deque())
        while made and made[0] <= now - self._within_s:
            made.popleft()
        self._failures[key] = made
        if len(self._failures) > MOST_KEYS:
            del self._failures[next(iter(self._failures))]
        return made, now
