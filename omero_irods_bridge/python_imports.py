"""Importing modules that make very many objects, without the garbage collector going through them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

_freezes: Final = Event()


def freeze_imports() -> None:
    """Let :func:`collector_at_rest` freeze what there is, in a process of ours that has just begun."""
    _freezes.set()


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Import within the block: the collector rests, and is on again afterwards if it was.

    In a process of ours all that is there then is frozen (``gc.freeze``): neither a full collection nor the
    end of the process goes through it again. In that of somebody else nothing is: what he has may become
    garbage one day, and a cycle that is frozen is never collected.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _freezes.is_set():
            gc.freeze()
        if was_on:
            gc.enable()
