"""What a person and a program see of events, results and errors."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from omero_irods_bridge.cli import interrupts, output, progress, views
from omero_irods_bridge.model.errors import ExitStatus, Unreachable
from omero_irods_bridge.model.events import Notice, Progress, Step
from omero_irods_bridge.model.snapshot import State


def test_an_error_tells_a_program_whether_and_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    output.error(Unreachable("a did not answer", hint="Try later."), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "error": {
            "code": "unreachable",
            "message": "a did not answer",
            "hint": "Try later.",
            "exit_status": 14,
            "retryable": True,
        }
    }


def test_names_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    output.result("a\x1b[2Jb\rc\x9bd\u00e9\n")
    output.table(("NAME",), [("\x1b]0;title\x07 [red]x[/red] :smile:",)])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "a\\x1b[2Jb\\rc\\x9bd\u00e9" in shown
    assert "[red]x[/red] :smile:" in shown


def test_names_cannot_turn_what_follows_nor_look_like_a_line_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.result("\u202egnp.exe \u200d")
    output.table(("NAME",), [("a\n- b",)])
    assert capsys.readouterr().out.splitlines() == ["\\u202egnp.exe \u200d", "NAME", "a\\n- b"]


def test_a_row_of_a_table_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/zone/" + "deep/" * 100
    output.table(("SIZE", "PATH"), [("1", path), ("1,000", "/short")], right=("SIZE",))
    assert capsys.readouterr().out.splitlines() == [" SIZE  PATH", f"    1  {path}", "1,000  /short"]


def told(*events: object, clock: list[float]) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "json_line", lines.append)
        receive = progress.JsonLines(lambda: clock.pop(0) if len(clock) > 1 else clock[0])
        for event in events:
            receive(event)  # type: ignore[arg-type]
        receive.flush()
    return lines


def test_a_program_gets_progress_once_a_second_and_the_last_of_each_step() -> None:
    steps = [Step("one", 100), *(Progress(done) for done in range(1, 6)), Step("two"), Progress(items_done=1)]
    lines = told(*steps, clock=[10.0])
    assert [line.get("text") or line["bytes_done"] for line in lines] == ["one", 1, 5, "two", 0]
    assert lines[-1] == {"event": "progress", "bytes_done": 0, "items_done": 1}


def test_a_program_gets_notices_at_once() -> None:
    assert told(Notice("odd name"), clock=[0.0]) == [{"event": "notice", "text": "odd name"}]


@pytest.mark.parametrize("colour", ["", "1"])
def test_without_a_terminal_a_person_gets_what_a_program_gets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", colour)  # which makes no terminal of a file
    with progress.receiver() as report:
        report(Step("Copying", 10))
        report(Progress(5))
        report(Notice("odd name"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert list(map(json.loads, shown.err.splitlines())) == [
        {"event": "step", "text": "Copying", "bytes_total": 10},
        {"event": "progress", "bytes_done": 5, "items_done": 0},
        {"event": "notice", "text": "odd name"},
    ]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.receiver(quiet=True) as report:
        report(Notice("odd name"))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_each_step_with_bytes_or_items() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    with progress.receiver(console=console) as report:
        report(Step("Copying", bytes_total=96_000_000, items_total=3))
        report(Progress(48_000_000, 1))
        report(Notice("\x1b[2J odd name"))
        report(Step("Reading", items_total=30))
        report(Progress(items_done=30))
        report(Step("Sealing"))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    last = shown.rsplit("Copying", 1)[1]
    assert "96.0 MB" in last.splitlines()[0]
    assert "Reading" in last.splitlines()[1]
    assert " 30 " in last.splitlines()[1]
    assert "Sealing" in last.splitlines()[2]
    assert "Note: \\x1b[2J odd name" in shown
    assert shown.rstrip().endswith("\x1b[?25h")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, ""), (0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_times_read_as_on_a_clock(seconds: float | None, expected: str) -> None:
    assert progress.clock_time(seconds) == expected


def test_values_are_plain_for_programs() -> None:
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    assert views.plain({"a": (State.SEALED, moment, {1}, b"x")}) == {
        "a": ["sealed", "2026-01-31T00:00:00Z", [1], "b'x'"]
    }


# -- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop(number: int) -> None:
    before = signal.getsignal(number)
    said: list[str] = []
    with interrupts.cancel_token(said.append) as token:
        assert not token.is_cancelled
        os.kill(os.getpid(), number)
        assert token._cancelled.wait(10)
    assert said == [interrupts.STOPPING]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("as_json", [False, True])
def test_the_second_signal_ends_the_process_although_its_main_thread_waits(as_json: bool) -> None:
    program = f"""
import os, signal, threading, time
from omero_irods_bridge.cli import interrupts
def press(token):
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        token._cancelled.wait()
with interrupts.cancel_token(as_json={as_json}) as token:
    threading.Thread(target=press, args=(token,)).start()
    while True:
        time.sleep(100)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitStatus.INTERRUPTED
    if as_json:
        assert json.loads(done.stdout)["error"]["code"] == "interrupted"
    else:
        assert done.stderr.splitlines()[-1] == f"{interrupts.STOPPED} {interrupts.GO_ON}"


def _in_a_terminal_of(encoding: str, code: str, **streams: object) -> subprocess.CompletedProcess[bytes]:
    program = f"from omero_irods_bridge.cli import main, output\n{code}"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", program], env=environment, check=False, timeout=60, **streams
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_ends_no_command(encoding: str) -> None:
    code = "output.result('Gr\\u00f6\\u00dfe \\u2013'); output.json_result({'n': '\\u00f6\\u2013'})"
    done = _in_a_terminal_of(encoding, code, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first, rest = done.stdout.decode(encoding).split("\n", 1)
    shown = {"ascii": "Gr\\xf6\\xdfe \\u2013", "latin-1": "Gr\u00f6\u00dfe \\u2013"}
    assert first == shown.get(encoding, "Gr\u00f6\u00dfe \u2013")
    assert json.loads(rest) == {"n": "\u00f6\u2013"}
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("show", ["output.result('x')", "output.table(('A',), [('x',)])"])
def test_a_result_that_cannot_be_written_is_told_without_a_traceback(show: str) -> None:
    code = f"main.gc = lambda *_: None\nmain._run = lambda *_: {show}\nraise SystemExit(main.main(['gc']))"
    with Path("/dev/full").open("wb") as full:
        done = _in_a_terminal_of("utf-8", code, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitStatus.FAILED
    told = done.stderr.decode()
    assert told.startswith("omero-irods: What the command found cannot be written: No space left")
    assert "Traceback" not in told


def test_an_error_that_standard_output_does_not_take_is_a_json_line_on_standard_error() -> None:
    with Path("/dev/full").open("wb") as full:
        for arguments, status, code in (
            (["settings", "--json"], ExitStatus.FAILED, "no-space"),
            (["settings", "--json", "--config", "none"], ExitStatus.NOT_FOUND, "not-found"),
        ):
            run = f"raise SystemExit(main.main({arguments}))"
            done = _in_a_terminal_of("utf-8", run, stdout=full, stderr=subprocess.PIPE)
            assert done.returncode == status
            assert json.loads(done.stderr)["error"]["code"] == code


def test_a_log_that_is_full_stops_no_work() -> None:
    code = """
from omero_irods_bridge.cli import progress
from omero_irods_bridge.model.events import Notice
with progress.receiver() as report:
    report(Notice("odd name"))
raise SystemExit(main.main(["settings", "--config", "none"]))
"""
    with Path("/dev/full").open("wb") as full:
        done = _in_a_terminal_of("utf-8", code, stdout=subprocess.PIPE, stderr=full)
    assert (done.returncode, done.stdout) == (ExitStatus.NOT_FOUND, b"")


def test_names_and_values_never_run_into_each_other() -> None:
    assert list(views.aligned([("path", "/z"), ("members checked", "6")])) == [
        "  path             /z",
        "  members checked  6",
    ]
