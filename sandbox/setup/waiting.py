"""Set-ups that run at the same time: the later one waits, and says for what."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from progress import say


@contextmanager
def held(lock: Path, other: str) -> Iterator[None]:
    """Hold the lock of a file until the block, or this process, ends; ``other`` says who may have it now."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{other}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
