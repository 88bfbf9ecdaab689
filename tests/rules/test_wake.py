"""The program that tells the agent: quick, quiet about the token, and never a failure."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.rules.conftest import RULES

TOKEN = "s3cret-of-the-rules"


class Agent(BaseHTTPRequestHandler):
    """Notes who asks for what, and the command lines of all processes meanwhile."""

    seen: list[tuple[str, str, str]]
    commands: str
    status = 204

    def do_POST(self) -> None:
        type(self).commands = " ".join(_command(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
        self.seen.append((self.command, self.path, str(self.headers["Authorization"])))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Nobody reads it."""


def _command(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # it has ended


@pytest.fixture
def agent() -> Iterator[tuple[type[Agent], str]]:
    """An agent, and its address."""
    handler = type("OfThisTest", (Agent,), {"seen": [], "commands": ""})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}/api/v1/wake"
    server.shutdown()
    thread.join()
    server.server_close()


def run(folder: Path, conf: str | None) -> subprocess.CompletedProcess[str]:
    program = folder / "omero_bridge_wake"
    shutil.copy(RULES / "bin" / "omero_bridge_wake", program)
    if conf is not None:
        (folder / "omero_bridge_wake.conf").write_text(conf)
    return subprocess.run([program, "wake"], capture_output=True, text=True, check=False, timeout=20)


def test_it_touches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "with blank"
    done = run(tmp_path, f"# how\nfile={path}")
    assert (done.returncode, done.stdout, path.exists()) == (0, "", True)


def test_it_asks_the_agent_with_the_token_and_shows_the_token_to_nobody(
    tmp_path: Path, agent: tuple[type[Agent], str]
) -> None:
    handler, url = agent
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    done = run(tmp_path, f"url={url}\ntoken_file={tmp_path}/token\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert handler.seen == [("POST", "/api/v1/wake", f"Bearer {TOKEN}")]
    assert "curl" in handler.commands
    assert TOKEN not in handler.commands


def test_an_agent_that_refuses_or_is_away_is_no_failure(
    tmp_path: Path, agent: tuple[type[Agent], str]
) -> None:
    handler, url = agent
    handler.status = 500
    for address in (url, "http://127.0.0.1:1/api/v1/wake", "nonsense://"):
        done = run(tmp_path, f"url={address}\ntoken_file={tmp_path}/none\n")
        assert done.returncode == 0
        assert f"{address} did not answer well" in done.stdout


@pytest.mark.parametrize(
    "conf", [None, "", "nonsense\n=\nfile=\n", "file=/nowhere/at/all\n", "file=$(touch x)\n"]
)
def test_without_a_good_conf_it_does_nothing_and_ends_well(tmp_path: Path, conf: str | None) -> None:
    assert run(tmp_path, conf).returncode == 0
    assert not Path("$(touch x)").exists()
