"""From a connection into a file, in pieces that are taken first and written then.

A piece that was taken and can't be written is dropped; the caller knows how much of the stream is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, Self

_PIPE_BYTES: Final = 1 << 20
"""Of single pages; the network's pages are eight times as large, so it holds more."""

CAN_SPLICE: Final = hasattr(os, "splice")
"""Whether bytes can move between descriptors inside the kernel: on Linux."""


class Carrier(Protocol):
    """Carries one stream; a context manager."""

    def load(self, count: int) -> int:
        """Take at most ``count`` bytes, at least one; how many. Raises what taking raises."""

    def unload(self, descriptor: int, offset: int) -> None:
        """Write all that was taken. Raises OSError."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BufferCarrier:
    """Through memory: ``receive_into`` fills a view of ``buffer``, for any connection on any system."""

    def __init__(self, receive_into: Callable[[memoryview], None], buffer: memoryview) -> None:
        self._receive_into = receive_into
        self._buffer = buffer
        self._loaded = buffer[:0]

    def load(self, count: int) -> int:
        """As much as the buffer holds."""
        self._loaded = self._buffer[:count]
        self._receive_into(self._loaded)
        return len(self._loaded)

    def unload(self, descriptor: int, offset: int) -> None:
        done = 0
        while done < len(self._loaded):
            done += os.pwrite(descriptor, self._loaded[done:], offset + done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to give back."""


class PipeCarrier:
    """Through a pipe of pages, which ``splice_into`` fills: the one copy is the one into the file's cache.

    Against a buffer it saves a fifth of the zone's processor time of a put.
    """

    def __init__(self, splice_into: Callable[[int, int], int]) -> None:
        self._splice_into = splice_into
        self._out, self._in = os.pipe()
        self._loaded = 0
        with contextlib.suppress(OSError):  # a user with many pipes; this one is small then, and works
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def load(self, count: int) -> int:
        """What is there already, or comes next."""
        self._loaded = self._splice_into(self._in, count)
        return self._loaded

    def unload(self, descriptor: int, offset: int) -> None:
        while self._loaded:
            count = os.splice(self._out, descriptor, self._loaded, offset_dst=offset)
            self._loaded -= count
            offset += count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What was not written goes with the pipe."""
        os.close(self._in)
        os.close(self._out)
