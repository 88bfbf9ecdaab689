"""A large file on its way into OMERO: one thread reads ahead, one hashes, the caller's sends.

Reading waits for iRODS, hashing for the processor, sending for OMERO; one after the other they take as long
as all three together. A file of one block is worth no thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

AHEAD: Final = 2
"""Blocks that are being read or hashed while another one is handed on."""


def read_ahead(read: Callable[[int], bytes], offsets: range) -> Generator[tuple[int, bytes], None, None]:
    """The blocks at these offsets in order, each read by one call of ``read`` in a thread of its own.

    Raises what ``read`` raises, in the place of the block. Close the iterator, else reading goes on.
    """
    if len(offsets) <= 1:
        yield from ((offset, read(offset)) for offset in offsets)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="import-read")
    try:
        yield from _read_by(pool, read, offsets)
    finally:
        pool.shutdown(cancel_futures=True)


def _read_by(
    pool: ThreadPoolExecutor, read: Callable[[int], bytes], offsets: range
) -> Iterator[tuple[int, bytes]]:
    waiting: deque[tuple[int, Future[bytes]]] = deque()
    for offset in offsets:
        waiting.append((offset, pool.submit(read, offset)))
        if len(waiting) > AHEAD:
            first, block = waiting.popleft()
            yield first, block.result()
    while waiting:
        first, block = waiting.popleft()
        yield first, block.result()


@contextmanager
def hashed_beside(update: Callable[[bytes], None], *, blocks: int) -> Iterator[Callable[[bytes], None]]:
    """A function that lets a thread of its own call ``update`` for each block in order.

    All blocks have been taken when this ends well. At most ``AHEAD`` wait.
    """
    if blocks <= 1:
        yield update
        return
    with ThreadPoolExecutor(1, thread_name_prefix="import-hash") as pool:
        waiting: deque[Future[None]] = deque()

        def take(block: bytes) -> None:
            waiting.append(pool.submit(update, block))
            if len(waiting) > AHEAD:
                waiting.popleft().result()

        yield take
        for one in waiting:
            one.result()


class PendingWrite:
    """The write that OMERO has not answered; there is never a second one.

    The Hibernate session behind a stateful service is for one call at a time: a second one breaks what the
    first is doing, a third is refused (SessionHandler of omero-server).
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._result: Any = None

    def write(self, block: bytes, offset: int) -> None:
        """Send a block. Raises what the write before it met."""
        self.end()
        self._result = self._store.begin_write(block, offset, len(block))

    def end(self) -> None:
        """Wait for what was sent; raises what it met."""
        result, self._result = self._result, None
        if result is not None:
            self._store.end_write(result)
