"""Pieces come in order, whole, and within the budget, whatever the readers do."""

from __future__ import annotations

import random
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import ChecksumMismatch, Interrupted, Unreachable
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.operations.streaming.budget import ByteBudget
from omero_irods_bridge.operations.streaming.fetching import Fetcher
from omero_irods_bridge.operations.streaming.parts import Piece
from tests.unit.packing.fakes import FakeFiles, FakeReader, content, source_file

PIECE = 10


def fetcher(
    files: list[SourceFile],
    source: FakeFiles,
    *,
    readers: int = 3,
    budget: ByteBudget | None = None,
    cancel: CancelToken | None = None,
) -> Fetcher:
    return Fetcher(
        files,
        source.reader,
        budget or ByteBudget(8 * PIECE),
        readers=readers,
        piece_bytes=PIECE,
        cancel=cancel or CancelToken(),
    )


def fetch(files: list[SourceFile], source: FakeFiles, readers: int = 3) -> list[Piece]:
    budget = ByteBudget(8 * PIECE)
    pieces = []
    with fetcher(files, source, readers=readers, budget=budget) as running:
        for piece in running:
            pieces.append(piece)
            budget.give_back(piece.cost)
    return pieces


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 45), st.booleans()), max_size=12),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_pieces_put_together_in_their_order_are_the_files(
    sizes: list[tuple[int, bool]], readers: int, chance: random.Random
) -> None:
    waits = [chance.random() / 2000 for _ in range(50)]
    source = FakeFiles(
        {number: content(number, size) for number, (size, _) in enumerate(sizes)},
        hook=lambda number, offset: time.sleep(waits[(number + offset) % 50]),
    )
    files = [source_file(number, size if known else None) for number, (size, known) in enumerate(sizes)]
    pieces = fetch(files, source, readers)
    found = {index: list(group) for index, group in groupby(pieces, lambda piece: piece.index)}
    assert list(found) == list(range(len(files)))
    for number, (size, _) in enumerate(sizes):
        assert b"".join(piece.data for piece in found[number]) == content(number, size)
        assert [piece.offset for piece in found[number]] == list(range(0, max(size, 1), PIECE))
        assert [piece.is_last for piece in found[number]] == [False] * (len(found[number]) - 1) + [True]
        assert {piece.size for piece in found[number]} == {size}


def test_what_is_under_way_stays_within_the_budget() -> None:
    source = FakeFiles({0: content(0, 500)})
    budget = ByteBudget(4 * PIECE)
    read = 0

    def count(_id: int, _offset: int) -> None:
        nonlocal read
        read += PIECE

    source.hook = count
    with fetcher([source_file(0, 500)], source, readers=1, budget=budget) as running:
        given_back = 0
        for piece in running:
            assert read - given_back <= 4 * PIECE
            given_back += piece.cost
            budget.give_back(piece.cost)
    assert read == 500


def test_a_piece_larger_than_the_budget_passes_alone() -> None:
    budget = ByteBudget(5)
    with fetcher([source_file(0, 30)], FakeFiles({0: content(0, 30)}), budget=budget) as running:
        for piece in running:
            budget.give_back(piece.cost)


def test_a_file_of_another_size_than_omero_recorded_is_refused_by_name() -> None:
    source = FakeFiles({1: content(1, 30)})
    with pytest.raises(ChecksumMismatch, match=r"file-1\.tif.* 30 bytes.* 31"):
        fetch([source_file(1, 31)], source)


def test_a_file_that_ends_early_is_refused_by_name() -> None:
    class Short(FakeReader):
        def read_at(self, offset: int, length: int) -> bytes:
            return super().read_at(offset, length)[:3]

    class ShortFiles(FakeFiles):
        def reader(self) -> AbstractContextManager[FakeReader]:
            return nullcontext(Short(self))

    with pytest.raises(ChecksumMismatch, match=r"file-1\.tif.*ended early, at byte 3"):
        fetch([source_file(1, 10)], ShortFiles({1: content(1, 10)}))


def fails_at(number: int) -> FakeFiles:
    def fail(found: int, _offset: int) -> None:
        if found == number:
            raise Unreachable("OMERO did not answer")

    return FakeFiles({one: content(one, 25) for one in range(6)}, hook=fail)


@pytest.mark.parametrize("number", range(6))
def test_what_a_reader_meets_reaches_whoever_iterates_and_all_readers_end(number: int) -> None:
    before = threading.active_count()
    with pytest.raises(Unreachable, match="did not answer"):
        fetch([source_file(one, 25) for one in range(6)], fails_at(number))
    assert threading.active_count() == before


def test_a_reader_that_cannot_be_made_is_told() -> None:
    class NoReader(FakeFiles):
        def reader(self) -> AbstractContextManager[FakeReader]:
            raise Unreachable("no connection")

    with pytest.raises(Unreachable, match="no connection"):
        fetch([source_file(0, 25)], NoReader({0: content(0, 25)}))


def test_cancelling_ends_the_wait_for_a_reader_that_hangs() -> None:
    release, cancel = threading.Event(), CancelToken()
    source = FakeFiles({0: content(0, 25)}, hook=lambda _id, _offset: release.wait(30))
    threading.Timer(0.05, cancel.cancel).start()
    with fetcher([source_file(0, 25)], source, cancel=cancel) as running:
        with pytest.raises(Interrupted):
            list(running)
        release.set()


def test_leaving_early_ends_readers_that_wait_for_the_budget() -> None:
    before = threading.active_count()
    with fetcher([source_file(0, 500)], FakeFiles({0: content(0, 500)})) as running:
        next(iter(running))
    assert threading.active_count() == before


def test_a_file_is_opened_once_by_each_reader_that_reads_of_it() -> None:
    source = FakeFiles({0: content(0, 200)})
    fetch([source_file(0, 200)], source, readers=2)
    assert 1 <= len(source.opened) <= 2
