"""Fetch files piece by piece with several readers at once, and hand the pieces over in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, TypeAlias, TypeVar

from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.operations.streaming.budget import ByteBudget, Stopped
from omero_irods_bridge.operations.streaming.parts import Part, PartReader, Piece, cut
from omero_irods_bridge.ports import FileReader

_T = TypeVar("_T")

MakeReader: TypeAlias = Callable[[], AbstractContextManager[FileReader]]

_LOOK_S: Final = 0.2
"""How long a wait lasts before it looks whether to stop."""

_AHEAD: Final = 2
"""Pieces that a file of unknown size may be ahead of whoever takes them."""


class _Slot:
    """Where one part's pieces arrive; none after the last, an error instead of what could not be read."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.arrived: queue.Queue[Piece | BaseException | None] = queue.Queue(_AHEAD)


class Fetcher:
    """Fetches ``files`` in pieces of at most ``piece_bytes`` with ``readers`` threads.

    Use it as a context manager and iterate over it once, in one thread. Leaving it stops the readers.
    Parts are begun in order, so those who wait for the first of them never wait for a later one.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        make_reader: MakeReader,
        budget: ByteBudget,
        *,
        readers: int,
        piece_bytes: int,
        cancel: CancelToken,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """``check`` raises what those who take the pieces met, who may not give back what these cost."""
        self._make_reader, self._budget, self._cancel, self._check = make_reader, budget, cancel, check
        self._parts = cut(files, piece_bytes)
        self._turn = threading.Lock()
        self._slots: queue.Queue[_Slot | BaseException | None] = queue.Queue()
        self._stopping = threading.Event()
        self._running = readers
        self._threads = [
            threading.Thread(target=self._run, name=f"reader-{number}", daemon=True)
            for number in range(readers)
        ]

    def __enter__(self) -> Fetcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._budget.stop()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Piece]:
        """All pieces of all files, in order.

        Raises:
            BridgeError: what a reader met, what ``check`` raises, or Interrupted.
        """
        while (slot := self._wait(self._slots)) is not None:
            while (piece := self._wait(slot.arrived)) is not None:
                yield piece

    def _wait(self, source: queue.Queue[_T | BaseException | None]) -> _T | None:
        while True:
            self._cancel.check()
            self._check()
            try:
                found = source.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if isinstance(found, BaseException):
                raise found
            return found

    # -- in the readers' threads

    def _run(self) -> None:
        try:
            with self._make_reader() as reader:
                self._read_parts(PartReader(reader))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again by whoever iterates
            self._slots.put(error)
        finally:
            self._leave()

    def _read_parts(self, reader: PartReader) -> None:
        while (slot := self._next_slot()) is not None:
            try:
                for piece in reader.pieces(slot.part):
                    self._put(slot, piece)
                self._put(slot, None)
            except Stopped:
                raise
            except BaseException as error:  # noqa: BLE001 -- raised again by whoever iterates
                self._put(slot, error)
                return

    def _next_slot(self) -> _Slot | None:
        with self._turn:
            part = next(self._parts, None)
            if part is None:
                return None
            self._budget.take(part.cost)
            slot = _Slot(part)
            self._slots.put(slot)
            return slot

    def _put(self, slot: _Slot, found: Piece | BaseException | None) -> None:
        while not self._stopping.is_set():
            try:
                return slot.arrived.put(found, timeout=_LOOK_S)
            except queue.Full:
                continue
        raise Stopped

    def _leave(self) -> None:
        with self._turn:
            self._running -= 1
            if not self._running:
                self._slots.put(None)
