"""Several imports at once, each through an importer of its own.

A small fileset costs OMERO's answers and hardly any bytes; while one import waits for them the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from omero_irods_bridge.model.errors import BridgeError, Interrupted
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.ports import Importer

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_R = TypeVar("_R")


class SideBySide(Generic[_T, _R]):
    """Carries out ``work`` for each item, as many at once as the importer lets."""

    def __init__(self, importer: Importer, work: Callable[[Importer, _T, CancelToken], _R]) -> None:
        """``work`` is called in several threads, each with an importer for it alone."""
        self._importer = importer
        self._work = work
        self._lock = threading.Lock()
        self._done: dict[int, _R] = {}
        self._failed: dict[int, BaseException] = {}

    def run(self, items: Sequence[_T], cancel: CancelToken) -> list[_R]:
        """The results in the order of the items. This thread works too, with the importer that was given.

        After a failure no further item begins; those that have begun come to their end, for what is imported
        needs not be imported again. When this thread is interrupted they are stopped as well.

        Raises:
            BridgeError: what the first item that failed met; Interrupted only where nothing else happened.
        """
        self._left = iter(enumerate(items))
        stop = _StopsToo(cancel)
        others = [
            threading.Thread(target=self._beside, args=(stop,), name=f"unpack-{number}", daemon=True)
            for number in range(1, min(self._importer.at_once, len(items)))
        ]
        for one in others:
            one.start()
        try:
            self._go_on(self._importer, stop)
        except BaseException:
            stop.cancel()
            raise
        finally:
            for one in others:
                one.join()
        self._raise_failure()
        return [self._done[index] for index in range(len(items))]

    def _beside(self, cancel: CancelToken) -> None:
        """Where there is no further connection to be had, those that there are do all of it."""
        try:
            with self._importer.another() as importer:
                self._go_on(importer, cancel)
        except BridgeError as error:
            log.info("one import at a time less: %s", error.message)

    def _go_on(self, importer: Importer, cancel: CancelToken) -> None:
        while (found := self._next(cancel)) is not None:
            index, item = found
            try:
                self._done[index] = self._work(importer, item, cancel)
            except Exception as error:  # noqa: BLE001 -- raised again by ``run``
                self._failed[index] = error

    def _next(self, cancel: CancelToken) -> tuple[int, _T] | None:
        with self._lock:
            if self._failed:
                return None
            found = next(self._left, None)
            if found is not None and cancel.is_cancelled:
                self._failed[found[0]] = Interrupted(
                    "Stopped as asked.", hint="Run the same command again to go on."
                )
                return None
            return found

    def _raise_failure(self) -> None:
        if self._failed:
            first = min(self._failed, key=lambda index: (isinstance(self._failed[index], Interrupted), index))
            raise self._failed[first]


class _StopsToo(CancelToken):
    """Cancelled when the outer token is, or by itself."""

    def __init__(self, outer: CancelToken) -> None:
        super().__init__()
        self._outer = outer

    @property
    def is_cancelled(self) -> bool:
        return super().is_cancelled or self._outer.is_cancelled

    def check(self) -> None:
        self._outer.check()
        super().check()
