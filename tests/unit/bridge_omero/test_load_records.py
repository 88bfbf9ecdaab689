"""Records of loads, as keys and values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.imports import ImportMark
from omero_irods_bridge.model.loads import LoadRecord, LoadState, draft_bytes, mark_pairs

STARTED = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
WORDS = st.text(min_size=1)
MOMENTS = st.datetimes(
    datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone(timedelta(hours=5)))
).map(lambda moment: moment.replace(microsecond=0))


@st.composite
def records(draw: st.DrawFn) -> LoadRecord:
    is_done = draw(st.booleans())
    return LoadRecord(
        load=draw(WORDS),
        snapshot=draw(st.text()),
        by=draw(WORDS),
        started=draw(MOMENTS),
        sha256=draw(st.text()),
        source_server=draw(st.text()),
        state=LoadState.DONE if is_done else LoadState.RUNNING,
        finished=draw(MOMENTS) if is_done else None,
        counts=draw(st.dictionaries(WORDS, st.integers(0))),
    )


@given(records())
def test_a_record_comes_back_from_its_pairs(record: LoadRecord) -> None:
    pairs = record.pairs()
    assert LoadRecord.from_pairs(pairs) == record
    assert all(value for _, value in pairs)


def test_keys_that_somebody_added_are_passed_over() -> None:
    record = LoadRecord("load", "/zone/a.zip", "alice", STARTED)
    assert LoadRecord.from_pairs([*record.pairs(), ("note", "mine")]) == record


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("load", "x"), ("by", "alice"), ("state", "running"), ("started", "yesterday")],
        [("load", "x"), ("by", "alice"), ("state", "paused"), ("started", "2026-11-28T13:00:00Z")],
        [("load", "x"), ("by", "alice"), ("state", "done"), ("started", "2026-11-28T13:00:00Z")],
        [("load", ""), ("by", "alice"), ("state", "running"), ("started", "2026-11-28T13:00:00Z")],
    ],
)
def test_pairs_that_tell_no_record_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        LoadRecord.from_pairs(pairs)


def test_a_load_that_runs_has_no_end() -> None:
    with pytest.raises(ValueError, match="a time when it was finished"):
        LoadRecord("load", "", "alice", STARTED, finished=STARTED)


def test_a_mark_is_written_as_an_import_writes_it() -> None:
    mark = ImportMark("load", "/zone/a.zip", "Dataset:5")
    assert dict(mark_pairs(mark)) == {
        "load": "load",
        "snapshot": "/zone/a.zip",
        "source": "Dataset:5",
        "state": "complete",
    }


def test_a_draft_is_about_as_long_as_its_texts_and_bytes_wherever_they_are() -> None:
    small = draft_bytes({"@": "Mask:_1", "x": 1.0})
    long = "x" * 1_000_000
    for value in (long, {"b64": long}, [["key", long]], {"unit": [long]}):
        assert 999_900 <= draft_bytes({"@": "Mask:_1", "x": value}) - small < 1_000_200
