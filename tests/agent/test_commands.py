"""``omero-irods agent`` and ``omero-irods jobs``, as far as no worker is needed."""

from __future__ import annotations

import getpass
import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
import typer

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.cli.main import app, main
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import JobKind, JobSpec, JobState, PackWork
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.wiring import SystemClock
from tests.agent.conftest import Hands, counting

GROUPS = ("agent", "jobs")
COMMANDS = [
    (group, name)
    for group in GROUPS
    for name in typer.main.get_command(app).commands[group].commands  # type: ignore[attr-defined]
]


@pytest.fixture(autouse=True)
def _database(memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OMERO_IRODS_AGENT__DATABASE", str(memory / "agent.db"))


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_help_fits_a_screen_has_an_example_and_explains_each_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, group: str, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main([group, name, "--help"]) == ExitStatus.DONE
    lines = capsys.readouterr().out.rstrip("\n").split("\n")
    assert len(lines) <= 24
    assert any(f"Example:  omero-irods {group} {name}" in line for line in lines)
    command = typer.main.get_command(app).commands[group].commands[name]  # type: ignore[attr-defined]
    for option in command.params:
        assert option.param_type_name == "argument" or option.help, option.name


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_alone_shows_its_help_as_a_usage_error(
    capsys: pytest.CaptureFixture[str], group: str
) -> None:
    assert main([group]) == ExitStatus.USAGE
    shown = capsys.readouterr()
    assert "Commands:" in shown.out + shown.err


@pytest.mark.parametrize("arguments", [["--help"], ["jobs", "list"], ["settings"]])
def test_nobody_waits_for_libraries_that_only_a_worker_needs(arguments: list[str]) -> None:
    program = """
import sys
import tomllib
from omero_irods_bridge.cli.main import main
main(sys.argv[1:])
print("LOADED", *sorted({"Ice", "irods", "omero", "dbos", "fastapi", "uvicorn"} & set(sys.modules)))
print("LOADED", *sorted({"sqlalchemy"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    needs = " sqlalchemy" if arguments[0] == "jobs" else ""
    assert done.stdout.splitlines()[-2:] == ["LOADED", f"LOADED{needs}"]


def test_jobs_are_listed_shown_cancelled_tried_again_and_forgotten(
    jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = tuple(ObjectRef(Kind.IMAGE, number) for number in range(5))
    first = jobs.submit(JobSpec(PackWork(objects), "ada", "r")).id
    jobs.submit(counting(2, user="grace"))
    assert main(["jobs", "list", "--by", "ada"]) == ExitStatus.DONE
    (row,) = capsys.readouterr().out.splitlines()[1:]
    assert row.split()[:4] == [str(first), "queued", "pack", "ada"]
    assert row.endswith("Image:0, Image:1, Image:2 and 2 more")
    assert main(["jobs", "cancel", str(first)]) == ExitStatus.DONE
    told = capsys.readouterr()
    assert "cancelled" in told.out
    assert "had ended" not in told.err
    assert main(["jobs", "cancel", str(first)]) == ExitStatus.DONE
    assert f"Job {first} had ended already" in capsys.readouterr().err
    assert main(["jobs", "show", str(first)]) == ExitStatus.DONE
    assert "Cancelled before it ran." in capsys.readouterr().out
    assert main(["jobs", "list", "--state", "cancelled", "--json"]) == ExitStatus.DONE
    (job,) = json.loads(capsys.readouterr().out)["jobs"]
    assert (job["id"], job["work"]["objects"][4], job["requested_by"]) == (first, "Image:4", "ada")
    assert main(["jobs", "list", "--batch", "none"]) == ExitStatus.DONE
    assert "no such jobs" in capsys.readouterr().err
    assert main(["jobs", "retry", str(first)]) == ExitStatus.DONE
    assert jobs.get(first).state is JobState.QUEUED
    assert main(["jobs", "delete", str(first)]) == ExitStatus.USAGE
    jobs.cancel(first)
    capsys.readouterr()
    assert main(["jobs", "delete", str(first)]) == ExitStatus.DONE
    assert f"Job {first} is forgotten." in capsys.readouterr().err
    assert main(["jobs", "show", "99"]) == ExitStatus.NOT_FOUND


def test_kinds_are_paused_and_go_on(jobs: Jobs) -> None:
    assert main(["agent", "pause", "verify"]) == ExitStatus.DONE
    assert set(jobs.paused()) == {JobKind.VERIFY}
    assert main(["agent", "resume", "verify"]) == ExitStatus.DONE
    assert jobs.paused() == {}
    assert main(["agent", "pause", "everything"]) == ExitStatus.USAGE


def test_it_is_shown_what_is_paused_what_waits_and_who_works(
    jobs: Jobs, database: Database, hands: Hands, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.submit(counting(1))
    assert main(["agent", "pause", "verify"]) == ExitStatus.DONE
    jobs.pause(JobKind.VERIFY, "somebody who comes later")
    jobs.pause(JobKind.GC)
    Workers(database, SystemClock()).seen("host-1", [JobKind.PACK, JobKind.GC], hands.at)
    capsys.readouterr()
    assert main(["agent", "status"]) == ExitStatus.DONE
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()) for line in lines if line}
    account = f"account:{getpass.getuser()}"
    assert re.fullmatch(rf"verify paused since .* UTC by {account} 0 of 4 0 0", rows["verify"])
    assert re.fullmatch(r"gc paused since 1970-01-12 13:46 UTC 0 of 4 1 0", rows["gc"])
    assert re.fullmatch(r"pack open 0 of 4 0 0", rows["pack"])
    assert re.fullmatch(r"host-1 at work, seen .* UTC 0 pack, gc", rows["host-1"])
    assert main(["agent", "status", "--json"]) == ExitStatus.DONE
    found = json.loads(capsys.readouterr().out)
    (paused,) = (one for one in found["queues"] if one["kind"] == "verify")
    assert (paused["paused"], paused["paused_by"]) == (True, account)
    assert found["workers"][0]["kinds"] == ["pack", "gc"]
    assert set(jobs.paused()) == {JobKind.VERIFY, JobKind.GC}


def test_schedules_are_listed_with_what_is_overdue(
    memory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"nightly": {"cron": "0 2 * * *", "kind": "gc", "user": "ada"}}
    monkeypatch.setenv("OMERO_IRODS_AGENT__SCHEDULES", json.dumps(wanted))
    assert main(["agent", "schedules"]) == ExitStatus.DONE
    (row,) = capsys.readouterr().out.splitlines()[1:]
    assert row.split()[:3] == ["nightly", "gc", "ada"]
    Database(str(memory / "agent.db")).close()
    with closing(sqlite3.connect(memory / "agent.db")) as connection, connection:
        connection.execute("insert into bridge_schedules values ('nightly', '0 2 * * *', null, 7200)")
    assert main(["agent", "schedules", "--json"]) == ExitStatus.DONE
    (found,) = json.loads(capsys.readouterr().out)["schedules"]
    assert (found["next_at"], found["overdue"]) == ("1970-01-01T02:00:00.000Z", True)


def test_a_worker_of_an_unknown_kind_does_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "worker", "--queues", "pack,everything"]) == ExitStatus.USAGE
    assert "no kind of job" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("DATABASE", "agent.db", "absolute path"),
        ("DATABASE", "postgresql://me:secret-word@host/db", "must not hold a password"),
        ("DATABASE", "postgresql://host/db?password=secret-word&x=1", "must not hold a password"),
        ("DATABASE", "postgresql://me:secret-word@[::1]:5432/db", "must not hold a password"),
        ("LISTEN", "localhost:80", "an IP address and a port"),
        ("LISTEN", "127.0.0.1:99999", "an IP address and a port"),
        ("WORKER", "a/b", "pattern"),
        ("LIMIT", "0", "greater than or equal to 1"),
        ("RETRY_AFTER_S", "[0]", "greater than 0"),
    ],
)
def test_a_setting_that_is_wrong_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"OMERO_IRODS_AGENT__{setting}", value)
    assert main(["jobs", "list"]) == ExitStatus.USAGE
    shown = capsys.readouterr().err
    assert said in shown
    assert "secret-word" not in shown


@pytest.mark.parametrize(
    "arguments",
    [("jobs", "list"), ("jobs", "show", "1"), ("agent", "pause", "pack"), ("agent", "adopt", "x")],
)
def test_where_no_agent_has_run_nobody_is_told_that_there_are_no_jobs(
    memory: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main(["agent", "schedules"]) == ExitStatus.DONE
    assert main(arguments) == ExitStatus.NOT_FOUND
    assert "--config FILE" in capsys.readouterr().err
    assert not (memory / "agent.db").exists()


def test_the_lines_for_a_token_are_toml_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "token", "rules_7-b"]) == ExitStatus.DONE
    assert set(tomllib.loads(capsys.readouterr().err)["tokens"]) == {"rules_7-b"}
    assert main(["agent", "token", "two words"]) == ExitStatus.USAGE
    assert capsys.readouterr().out == ""
