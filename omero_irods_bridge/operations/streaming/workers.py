"""Threads that carry out tasks in any order, each with a number of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from omero_irods_bridge.model.events import CancelToken

Task: TypeAlias = Callable[[int], None]
"""Called with the number of the worker, from 0: a stream belongs to the worker of its number."""

_LOOK_S: Final = 0.2


class Workers:
    """``count`` threads. Use it as a context manager; leaving it waits for the tasks that have begun.

    After the first failure no further task begins, and every method raises that failure.
    """

    def __init__(self, count: int, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._failure: BaseException | None = None
        self._open = 0
        self._finished = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"writer-{number}", daemon=True)
            for number in range(count)
        ]

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_error: object) -> None:
        if error_type is not None:
            self._fail(RuntimeError("abandoned"))
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def count(self) -> int:
        return len(self._threads)

    def submit(self, task: Task) -> None:
        """Let the next free worker carry out ``task``. Raises what an earlier one raised."""
        self.check()
        with self._finished:
            self._open += 1
        self._tasks.put(task)

    def drain(self) -> None:
        """Wait until all tasks are done.

        Raises:
            BridgeError: what a task raised, or Interrupted.
        """
        with self._finished:
            while self._open and self._failure is None:
                self._finished.wait(_LOOK_S)
                self._cancel.check()
        self.check()

    def check(self) -> None:
        """Raises what a task raised."""
        if self._failure is not None:
            raise self._failure

    def _fail(self, error: BaseException) -> None:
        with self._finished:
            self._failure = self._failure or error
            self._finished.notify_all()

    def _run(self, number: int) -> None:
        while (task := self._tasks.get()) is not None:
            if self._failure is None:
                try:
                    task(number)
                except BaseException as error:  # noqa: BLE001 -- raised again by whoever submits or drains
                    self._fail(error)
            with self._finished:
                self._open -= 1
                self._finished.notify_all()
