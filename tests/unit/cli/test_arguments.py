"""What typer, the parsers and the settings make of arguments, before any server is asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge import settings
from omero_irods_bridge.cli import parsing
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import ExitStatus, UsageError


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither settings nor servers: whoever asked one would be told so."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("IRODS_ENVIRONMENT_FILE", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["pack"], "Missing argument 'OBJECT'"),
        (["pack", "Datset:1"], "'Datset:1' does not name an OMERO object"),
        (["pack", "Dataset:1", "--exising", "refuse"], "--existing"),
        (["pack", "Dataset:1", "--existing", "overwrite"], "'overwrite' is not one of 'version', 'refuse'"),
        (["pack", "Dataset:1", "-s", "a:b:c"], "is not a server"),
        (["unpack"], "Missing argument 'SNAPSHOT'"),
        (["unpack", "a.zip", "--into", "Image:1"], "Nothing can be loaded into Image:1"),
        (["unpack", "a.zip", "--only", "Image"], "'Image' does not name an OMERO object"),
        (["undo"], "Missing argument 'LOAD'"),
        (["diff"], "Missing argument 'SNAPSHOT'"),
        (["diff", "a.zip", "Datset:1"], "'Datset:1' does not name an OMERO object"),
        (["pack", "Dataset:1", "--key", "secret"], "No such option"),
        (["pack", "Dataset:1", "--password", "secret"], "No such option"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "10000", "--page", "300000"], "Nothing is on page 300000"),
        (["list", "--source", "Dataset:1,2"], "one source at a time"),
        (["list", "--since", "yesterday"], "is not a date"),
        (["list", "--until", "0001-01-01T00:00+02:00"], "is not a date"),
        (["list", "--min-size", "large"], "is not a size"),
        (["list", "--since", "2026-02-01", "--until", "2026-01-01"], "Nothing is since"),
        (["verify", "x", "--data=7"], "is not a share"),
        (["verify", "x", "--data", "5%"], "unexpected extra argument"),
        (["verify", "x", "--data=5%", "--replicas"], "--replicas reads all data"),
        (["gc", "--older-than", "3y"], "is no time span"),
        (["jobs", "cancel", "9223372036854775808"], "9223372036854775807"),
        (["jobs", "list", "--before", "9223372036854775808"], "9223372036854775807"),
        (["ingest", "watch", "--every", "0s"], "is no time between scans"),
        (["ingest", "watch", "--every", "99999999w"], "is no time between scans"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_understood_is_said_in_words_and_in_json(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str, as_json: bool
) -> None:
    assert main([*arguments, *(["--json"] if as_json else [])]) == ExitStatus.USAGE
    shown = capsys.readouterr()
    if not as_json:
        assert said in shown.err
        assert shown.out == ""
        return
    error = json.loads(shown.out)["error"]
    assert said in error["message"]
    assert (error["code"], error["exit_status"], error["retryable"]) == ("usage", 2, False)
    assert error["hint"]
    assert shown.err == ""


def test_a_settings_file_that_was_named_must_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--config", "none.toml"]) == ExitStatus.NOT_FOUND
    assert "none.toml is not there" in capsys.readouterr().err


def test_an_interrupted_command_says_so_in_words_and_in_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "load", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert main(["settings"]) == ExitStatus.INTERRUPTED
    assert capsys.readouterr() == ("", "omero-irods: Interrupted.\n")
    assert main(["settings", "--json"]) == ExitStatus.INTERRUPTED
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "interrupted"


@pytest.mark.parametrize("name", ["~nobody-here/a.zip", "x" * 300])
def test_a_packet_that_cannot_be_looked_for_is_told_in_words(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["show", name]) in {ExitStatus.NOT_FOUND, ExitStatus.FAILED}
    assert name in capsys.readouterr().err


def test_rules_that_cannot_be_looked_at_are_a_problem_that_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["rules", "check", "--target", "x" * 300, "--json"]) == ExitStatus.FAILED
    *_, last = json.loads(capsys.readouterr().out)["diagnoses"]
    assert last["verdict"] == "problem"
    assert last["text"].endswith("cannot be looked at: File name too long")
    assert last["remedy"]


def test_a_command_that_needs_no_omero_does_not_wait_for_its_library(tmp_path: Path) -> None:
    program = """
import sys
from omero_irods_bridge.cli.main import main
status = main(["list"])
print(status, *sorted({"Ice", "irods", "omero"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{int(ExitStatus.USAGE)} irods\n"


# -- parsers


@pytest.mark.parametrize(
    ("text", "end_of_day", "expected"),
    [
        ("2026-01-31", False, datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31", True, datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-31T15:30", True, datetime(2026, 1, 31, 15, 30, tzinfo=UTC)),
        ("2026-01-31T15:30+02:00", False, datetime(2026, 1, 31, 13, 30, tzinfo=UTC)),
        ("2026-01-31T15:30Z", False, datetime(2026, 1, 31, 15, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_utc_and_the_last_day_counts_whole(text: str, end_of_day: bool, expected: datetime) -> None:
    assert parsing.moment(text, end_of_day=end_of_day) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("1500", 1500), ("1.5k", 1500), ("500MB", 500_000_000), ("2GiB", 2 << 30), ("2 tib", 2 << 40)],
)
def test_sizes_have_units_of_1000_or_1024(text: str, expected: int) -> None:
    assert parsing.size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("90s", 90), ("30m", 1800), ("12h", 43200), ("1d", 86400), ("2w", 1209600)],
)
def test_ages_are_a_number_and_a_unit(text: str, expected: float) -> None:
    assert parsing.age(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("5%", 0.05), ("0.5 %", 0.005), ("100%", 1.0)])
def test_shares_are_percentages(text: str, expected: float) -> None:
    assert parsing.share(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("omero.example.org", ("omero.example.org", None)),
        ("omero.example.org:4064", ("omero.example.org", 4064)),
        ("[::1]:4064", ("::1", 4064)),
    ],
)
def test_a_server_is_a_host_and_perhaps_a_port(text: str, expected: tuple[str, int | None]) -> None:
    assert parsing.host_and_port(text) == expected


@pytest.mark.parametrize("parse", [parsing.moment, parsing.size, parsing.age, parsing.share])
@given(text=st.text(max_size=30) | st.from_regex(r"[0-9.]{1,8} ?[a-zA-Z%:-]{0,3}"))
def test_any_text_is_understood_or_refused_with_words(parse: Callable[[str], object], text: str) -> None:
    hints = ["understood"]
    try:
        parse(text)
    except UsageError as refused:
        hints = [refused.hint]
    assert all(hints)


def test_an_empty_path_is_told_and_an_empty_note_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", ""]) == ExitStatus.USAGE
    assert "An argument is empty." in capsys.readouterr().err
    main(["pack", "nonsense", "--note", ""])
    assert "An argument is empty." not in capsys.readouterr().err


def test_a_path_that_lacks_its_quotes_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "/zone/Tag", "1.zip"]) == ExitStatus.USAGE
    assert "A path with spaces needs quotes. See: omero-irods verify --help" in capsys.readouterr().err


def test_a_share_that_stands_apart_is_written_out_as_it_should_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", "/z/a.zip", "--data", "5%"]) == ExitStatus.USAGE
    assert "Write --data=5% in one word. See: omero-irods verify --help" in capsys.readouterr().err
