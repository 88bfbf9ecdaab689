"""Several imports at once: how many, in which order the results come, and what a failure stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from omero_irods_bridge.model.errors import ChecksumMismatch, Interrupted, Unreachable
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.operations.unpacking.side_by_side import SideBySide
from omero_irods_bridge.ports import Importer

_LONG_S = 20


class Connected:
    """Stands for an importer; only how many there may be matters here."""

    def __init__(self, at_once: int, *, refuses: bool = False) -> None:
        self.at_once = at_once
        self.refuses = refuses
        self.open = 0

    @contextmanager
    def another(self) -> Iterator[Connected]:
        if self.refuses:
            raise Unreachable("no further connection")
        self.open += 1
        yield Connected(1)
        self.open -= 1


def side_by_side(importer: Connected, work: Callable[[Any, int, CancelToken], Any]) -> SideBySide[int, Any]:
    return SideBySide(cast("Importer", importer), work)


def test_as_many_run_at_once_as_the_importer_lets_each_with_an_importer_of_its_own() -> None:
    meeting, importers = threading.Barrier(3), []

    def work(importer: Any, item: int, _cancel: CancelToken) -> int:
        importers.append(importer)
        meeting.wait(_LONG_S)
        return item * 10

    connected = Connected(3)
    assert side_by_side(connected, work).run([1, 2, 3], CancelToken()) == [10, 20, 30]
    assert len({id(one) for one in importers}) == 3
    assert connected in importers
    assert connected.open == 0


def test_one_item_opens_no_further_connection() -> None:
    connected = Connected(4, refuses=True)
    assert side_by_side(connected, lambda by, _item, _: by is connected).run([1], CancelToken()) == [True]


def test_where_no_further_connection_is_to_be_had_all_is_done_by_the_first() -> None:
    done = side_by_side(Connected(4, refuses=True), lambda _by, item, _: item)
    assert done.run(list(range(20)), CancelToken()) == list(range(20))


def test_after_a_failure_nothing_begins_and_what_has_begun_comes_to_its_end() -> None:
    failed, begun, ended = threading.Event(), [], []

    def work(_by: Any, item: int, _cancel: CancelToken) -> None:
        begun.append(item)
        if item == 0:
            failed.set()
            raise ChecksumMismatch("the first one")
        failed.wait(_LONG_S)
        ended.append(item)

    with pytest.raises(ChecksumMismatch, match="the first one"):
        side_by_side(Connected(2), work).run(list(range(50)), CancelToken())
    assert len(begun) < 50
    assert sorted(ended) == sorted(set(begun) - {0})


def test_the_failure_of_the_first_item_is_told_and_not_that_others_were_stopped() -> None:
    both = threading.Barrier(2)

    def work(_by: Any, item: int, _cancel: CancelToken) -> None:
        both.wait(_LONG_S)
        raise Interrupted("stopped") if item == 0 else ChecksumMismatch("why")

    with pytest.raises(ChecksumMismatch, match="why"):
        side_by_side(Connected(2), work).run([0, 1], CancelToken())


def test_a_cancelled_run_begins_nothing_more() -> None:
    cancel, begun = CancelToken(), []

    def work(_by: Any, item: int, _cancel: CancelToken) -> None:
        begun.append(item)
        cancel.cancel()

    with pytest.raises(Interrupted):
        side_by_side(Connected(1), work).run([0, 1, 2], cancel)
    assert begun == [0]


def test_an_interrupted_first_thread_stops_the_others() -> None:
    under_way = threading.Event()

    def work(_by: Any, item: int, cancel: CancelToken) -> None:
        if threading.current_thread() is threading.main_thread():
            under_way.wait(_LONG_S)
            raise KeyboardInterrupt
        under_way.set()
        while True:
            cancel.check()

    with pytest.raises(KeyboardInterrupt):
        side_by_side(Connected(2), work).run([0, 1, 2, 3], CancelToken())
