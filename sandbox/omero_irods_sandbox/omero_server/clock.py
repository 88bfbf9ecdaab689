"""The server's time, which a test may put forward."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds since 1970, as OMERO counts."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self._ahead_ms

    def advance(self, seconds: float) -> None:
        """Let the server believe that ``seconds`` have passed."""
        self._ahead_ms += int(seconds * 1000)

    def reset(self) -> None:
        self._ahead_ms = 0
