"""Tasks are carried out, and a failure stops what has not begun."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from omero_irods_bridge.model.errors import Interrupted, Unreachable
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.operations.streaming.workers import Workers


def test_drain_waits_for_all_tasks() -> None:
    done: list[int] = []
    with Workers(3, CancelToken()) as workers:
        for number in range(50):
            workers.submit(partial(lambda number, _stream: done.append(number), number))
        workers.drain()
        assert sorted(done) == list(range(50))


def test_a_number_belongs_to_one_thread() -> None:
    seen: dict[int, set[int]] = {}
    with Workers(3, CancelToken()) as workers:
        for _ in range(60):
            workers.submit(lambda stream: seen.setdefault(stream, set()).add(threading.get_ident()))
        workers.drain()
    assert set(seen) <= {0, 1, 2}
    assert all(len(threads) == 1 for threads in seen.values())


def fail(_stream: int) -> None:
    raise Unreachable("iRODS did not answer")


def wait_for(release: threading.Event) -> None:
    release.wait(10)


def test_the_first_failure_is_raised_by_drain_and_by_the_next_submit() -> None:
    with Workers(2, CancelToken()) as workers:
        workers.submit(fail)
        with pytest.raises(Unreachable):
            workers.drain()
        with pytest.raises(Unreachable):
            workers.submit(lambda _stream: None)


def test_after_a_failure_nothing_more_begins() -> None:
    begun: list[int] = []
    release = threading.Event()

    def blocked(_stream: int) -> None:
        release.wait(10)
        raise Unreachable("gone")

    with Workers(1, CancelToken()) as workers:
        workers.submit(blocked)
        workers.submit(lambda _stream: begun.append(1))
        release.set()
        with pytest.raises(Unreachable):
            workers.drain()
    assert not begun


def test_drain_hears_that_the_work_is_cancelled() -> None:
    cancel, release = CancelToken(), threading.Event()
    threading.Timer(0.05, cancel.cancel).start()
    with Workers(1, cancel) as workers:
        workers.submit(lambda _stream: wait_for(release))
        with pytest.raises(Interrupted):
            workers.drain()
        release.set()
