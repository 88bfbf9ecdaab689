"""The one place of the set-up that prints, and the one way in which it fails."""

from __future__ import annotations

import sys
import time

_LINES_WITHOUT_TERMINAL = 10


class SetUpError(Exception):
    """The set-up cannot go on; the message says why and what to do, in words for the person who ran make."""


def say(text: str) -> None:
    """Announce a step, in one line."""
    print(f"set-up: {text}", flush=True)


def fail(error: SetUpError) -> int:
    """Show why the set-up ends here, and return the exit status."""
    print(f"set-up: {error}", file=sys.stderr, flush=True)
    return 1


class Counter:
    """Shows ``n of total`` with the time taken: one moving line on a terminal, about ten lines elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._moving = sys.stdout.isatty()

    def show(self, done: int, total: int) -> None:
        """Tell that ``done`` of ``total`` are finished."""
        text = f"set-up: {self._what} {done} of {total}, {self.seconds:.0f} s"
        if self._moving:
            print(f"\r{text}", end="\n" if done == total else "", flush=True)
        elif done == total or done % max(1, total // _LINES_WITHOUT_TERMINAL) == 0:
            print(text, flush=True)

    @property
    def seconds(self) -> float:
        """Time since this counter was made."""
        return time.monotonic() - self._started
