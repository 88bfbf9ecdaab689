"""What the agent logs, and what it never does."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.agent import logs
from omero_irods_bridge.agent.auditing import AUDIT, audit
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.errors import AccessDenied
from tests.agent.answers import USERS, KnownUsers, answering, by, session_of, signing_in, tokens

KEY = "6d1e8f5a-1c2b-4d3e-9f00-aabbccddeeff"


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root, dbos = logging.getLogger(), logging.getLogger("dbos")
    before = root.handlers[:], root.level, dbos.handlers[:], AUDIT.handlers[:], dbos.propagate
    yield
    logging.captureWarnings(capture=False)
    for handler in AUDIT.handlers:
        handler.close()
    root.handlers[:], level, dbos.handlers[:], AUDIT.handlers[:], dbos.propagate = before
    root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def set_up(tmp_path: Path, log_format: Any = "json") -> Path:
    made = tmp_path / "audit.log"
    logs.set_up(AgentSettings(log_format=log_format, audit=made))
    return made


def test_a_line_of_json_says_when_what_and_about_which_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(tmp_path)
    with logs.about_job(42, "ada"):
        logging.getLogger("a").warning("first\nline %s", 1)
    logging.getLogger("dbos").error("second", exc_info=ValueError("no number"))
    first, second = lines(capsys.readouterr().err)
    assert first.pop("time").endswith("Z")
    assert first == {"level": "warning", "logger": "a", "message": "first\nline 1", "job": 42, "user": "ada"}
    assert "ValueError: no number" in second["error"]
    assert "job" not in second


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "text",
    [
        f"joined {KEY}",
        "Authorization: Bearer abc.def-SECRET",
        "X-OMERO-Session: SECRET",
        "password=SECRET",
        "{'password': 'SECRET and more'}",
        '{"token": "SECRET"}',
        "postgresql://me:SECRET@host/db",
    ],
)
def test_what_looks_like_a_secret_is_not_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, log_format: str
) -> None:
    file = set_up(tmp_path, log_format)
    logging.getLogger("x").info("it says %s", text)
    logging.getLogger("x").error("it broke", exc_info=ValueError(text))
    audit("ada", "submit", note=text)
    told = capsys.readouterr().err + file.read_text()
    assert "it broke" in told
    assert "SECRET" not in told
    assert KEY not in told


@pytest.mark.parametrize(
    "text",
    [
        "job 42, pack for ada: done, 3 tokens were read",
        "token:rules: submit (job 42)",
        "refused: /zone/home/ada/secret/a token.zip is no snapshot",
        "sha2:q0CnM/kZmeoXxFq0qQzL1kJ3Wj3F0dXyP9Jr4o0rJ4o=",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert logs.redact(text) == text


def test_the_audit_log_says_who_did_what_and_is_for_its_group(tmp_path: Path) -> None:
    file = set_up(tmp_path)
    audit("ada", "submit", job=42, user="ada", kind="pack")
    audit("bob", "submit", user="ada", refused="Not his.")
    first, second = lines(file.read_text())
    assert first.pop("time") <= second.pop("time")
    assert first == {"who": "ada", "did": "submit", "job": 42, "user": "ada", "kind": "pack"}
    assert second == {"who": "bob", "did": "submit", "user": "ada", "refused": "Not his."}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_name_that_somebody_made_up_is_no_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    file = set_up(tmp_path, log_format)
    made_up = "eve\n2026-11-28 INFO root: signed in"
    audit(made_up, f"GET /{made_up}", user=made_up, refused=made_up)
    assert len(capsys.readouterr().err.splitlines()) == 1
    (line,) = lines(file.read_text())
    assert line["who"] == made_up


def test_the_audit_log_goes_on_in_a_new_file_when_it_was_rotated(tmp_path: Path) -> None:
    file = set_up(tmp_path)
    audit("ada", "first")
    file.rename(tmp_path / "audit.log.1")
    audit("ada", "second")
    assert [one["did"] for one in lines(file.read_text())] == ["second"]
    assert [one["did"] for one in lines((tmp_path / "audit.log.1").read_text())] == ["first"]


def test_two_processes_write_whole_lines_into_one_audit_log(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    program = """
import sys
from omero_irods_bridge.agent import auditing, logs
from omero_irods_bridge.agent_settings import AgentSettings
logs.set_up(AgentSettings(audit=sys.argv[1]))
for _ in range(100):
    auditing.audit(sys.argv[2], "submit", note="x" * 3000)
"""
    command = [sys.executable, "-c", program, str(file)]
    both = [subprocess.Popen([*command, who], stderr=subprocess.DEVNULL) for who in "ab"]
    assert [one.wait() for one in both] == [0, 0]
    assert len(lines(file.read_text())) == 200


def test_an_audit_log_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="audit"):
        logs.set_up(AgentSettings(audit=tmp_path / "none" / "audit.log"))


def test_each_request_that_is_taken_or_refused_is_in_the_audit_log(jobs: Jobs, tmp_path: Path) -> None:
    file = set_up(tmp_path)
    site = Site(sign_in=signing_in(KnownUsers()))
    body = {"kind": "gc", "work": {}}
    with answering(create_app(Desk(jobs, USERS), tokens(), site)) as client:
        client.post("/api/v1/jobs", json=body, headers=session_of("ada"))
        client.post("/api/v1/jobs", json={**body, "requested_by": "ada"}, headers=session_of("bob"))
        client.get("/api/v1/jobs/1", headers=session_of("bob"))
        client.post("/api/v1/jobs/1/cancel", headers=by("manage"))
        client.post("/api/v1/jobs/1/cancel", headers=by("read"))
        client.post("/api/v1/session", json={"user": "ada", "password": "wrong-word"})
    found = lines(file.read_text())
    told = [(one["who"], one["did"], one.get("job"), "refused" in one) for one in found]
    assert told[:4] == [
        ("ada", "submit", 1, False),
        ("bob", "submit", None, True),
        ("bob", "look", 1, True),
        ("token:manage", "cancel", 1, False),
    ]
    assert told[4:] == [
        ("token:read", "POST /api/v1/jobs/1/cancel", None, True),
        ("ada", "sign in", None, True),
    ]
    assert {one["from"] for one in found} == {"127.0.0.1"}
    assert "wrong-word" not in file.read_text()
