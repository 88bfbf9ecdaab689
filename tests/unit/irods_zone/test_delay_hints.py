"""When delayed rules run: ``delayExec`` tags and EF, as ``rcMisc.cpp`` of iRODS reads them."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.delay_hints import After, Next, moment, next_run, offset_s, parse

NOW = 1_700_000_000


def test_without_hints_a_rule_runs_once_at_once_with_middle_priority() -> None:
    hints = parse("", NOW)
    assert (hints.run_at, hints.frequency, hints.priority, hints.instance) == (NOW, "", "5", "")


def test_all_tags_are_read() -> None:
    hints = parse(
        "<PLUSET>2m</PLUSET><EF>1h REPEAT 3 TIMES</EF><PRIORITY>9</PRIORITY><INST_NAME>x</INST_NAME>", NOW
    )
    assert (hints.run_at, hints.frequency, hints.priority, hints.instance) == (
        NOW + 120,
        "1h REPEAT 3 TIMES",
        "9",
        "x",
    )


@pytest.mark.parametrize(
    "hints", ["<PLUSET>1s", "<PLUSET>1s</ET>", "</EF>", "<PLUSET>soon</PLUSET>", "<PLUSET>1.5m</PLUSET>"]
)
def test_hints_that_are_not_well_formed_are_refused(hints: str) -> None:
    with pytest.raises(ZoneError) as refused:
        parse(hints, NOW)
    assert refused.value.code == -1_084_000  # INPUT_ARG_NOT_WELL_FORMED_ERR


@pytest.mark.parametrize("priority", ["0", "10", "high", ""])
def test_a_priority_is_a_number_from_1_to_9(priority: str) -> None:
    with pytest.raises(ZoneError) as refused:
        parse(f"<PRIORITY>{priority}</PRIORITY>", NOW)
    assert refused.value.code == -130_000  # SYS_INVALID_INPUT_PARAM


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("30", 30), ("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), (" 3s", 3)],
)
def test_an_offset_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert offset_s(text) == seconds


def test_a_time_is_seconds_or_a_date_whose_end_may_be_missing() -> None:
    assert moment("1700000000") == NOW
    assert moment("2026-07-29.12") == moment("2026-07-29.12:00:00")
    assert time.strftime("%Y-%m-%d.%H:%M:%S", time.localtime(moment("2026-01"))) == "2026-01-01.00:00:00"
    with pytest.raises(ZoneError, match="Not a time"):
        moment("tomorrow")


@pytest.mark.parametrize(
    ("frequency", "after"),
    [
        ("10s", Next(NOW + 10, "10s", After.REPEAT)),
        ("1m REPEAT FOR EVER", Next(NOW + 60, "1m REPEAT FOR EVER", After.REPEAT)),
        ("1m DOUBLE FOR EVER", Next(NOW + 60, "2m DOUBLE FOR EVER", After.REPEAT)),
        ("1m REPEAT UNTIL SUCCESS", Next(NOW + 60, "1m REPEAT UNTIL SUCCESS", After.REPEAT_UNLESS_DONE)),
        ("1m DOUBLE UNTIL SUCCESS", Next(NOW + 60, "2m DOUBLE UNTIL SUCCESS", After.REPEAT_UNLESS_DONE)),
        ("1s REPEAT 3 TIMES", Next(NOW + 1, "1s REPEAT 2 TIMES", After.REPEAT)),
        ("1s REPEAT 1 TIMES", Next(NOW + 1, "1s REPEAT 0 TIMES", After.END)),
        (
            "5m REPEAT UNTIL SUCCESS OR 6 TIMES",
            Next(NOW + 300, "5m REPEAT UNTIL SUCCESS OR 5 TIMES", After.REPEAT_UNLESS_DONE),
        ),
        (
            "5m REPEAT UNTIL SUCCESS OR 1 TIMES",
            Next(NOW + 300, "5m REPEAT UNTIL SUCCESS OR 0 TIMES", After.END),
        ),
        (f"1m REPEAT UNTIL {NOW + 59}", Next(NOW + 60, f"1m REPEAT UNTIL {NOW + 59}", After.END)),
        (f"1m REPEAT UNTIL {NOW + 61}", Next(NOW + 60, f"1m REPEAT UNTIL {NOW + 61}", After.REPEAT)),
        (
            f"1m REPEAT UNTIL SUCCESS OR UNTIL {NOW + 61}",
            Next(NOW + 60, f"1m REPEAT UNTIL SUCCESS OR UNTIL {NOW + 61}", After.REPEAT_UNLESS_DONE),
        ),
        (
            "1m DOUBLE UNTIL SUCCESS UPTO 1h",
            Next(NOW + 60, "2m DOUBLE UNTIL SUCCESS UPTO 1h", After.REPEAT_UNLESS_DONE),
        ),
        (
            "1h DOUBLE UNTIL SUCCESS UPTO 30m",
            Next(NOW + 3600, "1h DOUBLE UNTIL SUCCESS UPTO 30m", After.REPEAT_UNLESS_DONE),
        ),
        ("1m REPEAT UNTIL never", Next(NOW + 60, "1m REPEAT UNTIL never", After.END)),
        ("10s and again", Next(NOW + 10, "10s and again", After.REPEAT)),
    ],
)
def test_a_frequency_says_when_and_whether_a_rule_runs_again(frequency: str, after: Next) -> None:
    assert next_run(frequency, NOW) == after


def test_n_times_means_n_runs() -> None:
    frequency, runs = "1s REPEAT 4 TIMES", 0
    while True:
        runs += 1
        coming = next_run(frequency, NOW)
        if coming.after is After.END:
            break
        frequency = coming.frequency
    assert runs == 4


@given(st.text(max_size=40))
def test_any_text_as_a_frequency_has_an_answer(frequency: str) -> None:
    assert isinstance(next_run(frequency, NOW), Next)


@given(st.text(alphabet="<>/PLUSETF0123456789smhdy ", max_size=40))
def test_any_hints_are_read_or_refused(hints: str) -> None:
    with contextlib.suppress(ZoneError):
        assert 1 <= int(parse(hints, NOW).priority) <= 9
