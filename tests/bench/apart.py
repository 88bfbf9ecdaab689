"""Work in a process of its own: what it holds in memory, or how busy it is, is its own then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

STOP: Final = "stop"
"""The last that a server hears."""


def apart(step: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """What ``step`` returns there. Passwords go through a pipe."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(step, *arguments, **named).result()


@contextmanager
def serving(
    serve: Callable[[Path, Connection], object], folder: Path
) -> Iterator[tuple[int, Connection, Any]]:
    """The number of a process in which ``serve`` runs, the line to it, and what it said first, when ready.

    It is told to ``STOP`` at the end, and waited for.
    """
    context = get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=serve, args=(folder, far), daemon=True)
    process.start()
    try:
        yield process.pid or 0, near, near.recv()
    finally:
        near.send(STOP)
        process.join()
