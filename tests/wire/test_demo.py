"""The demonstration as a newcomer runs it: a process of its own, from the first step to the last."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from omero_irods_sandbox.demo import images, picture
from omero_irods_sandbox.demo.narrator import Narrator, StepFailed
from omero_irods_sandbox.demo.person import Person
from omero_irods_sandbox.demo.story import CHAPTERS

COMMAND = (sys.executable, "-m", "omero_irods_sandbox", "demo")
WIDTH = 100


@pytest.fixture
def quiet() -> Narrator:
    return Narrator(Console(quiet=True))


@contextmanager
def demo(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The demonstration in a process group of its own, as a terminal starts it."""
    ends = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(  # type: ignore[call-overload]  # the ends are all of one kind
        [*COMMAND, *arguments],
        text=True,
        env={**os.environ, "COLUMNS": str(WIDTH), **environment},
        start_new_session=True,
        **ends,
    ) as process:
        yield process


def read_until(process: subprocess.Popen[str], said: str) -> str:
    """All that the demonstration says, up to the line with ``said``."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if said in line:
            return "".join(lines)
    raise AssertionError(f"it never said {said!r}: {''.join(lines)}")


def running(place: Path) -> str:
    """Processes with this place in their arguments."""
    return subprocess.run(["pgrep", "-f", str(place)], capture_output=True, text=True, check=False).stdout


@dataclass(frozen=True)
class Told:
    """A demonstration that was played to its end; ``place`` has all that it may write to."""

    status: int
    out: str
    errors: str
    place: Path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    place = tmp_path_factory.mktemp("told")
    for name in ("home", "tmp"):
        (place / name).mkdir()
    surroundings = {"HOME": "home", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}
    variables = {name: str(place / folder) for name, folder in surroundings.items()}
    with demo("--folder", str(place / "demo"), **variables) as process:
        out, errors = process.communicate(timeout=280)
    return Told(process.returncode, out, errors, place)


def test_the_demo_shows_each_command_and_what_came_of_it(told: Told) -> None:
    out = told.out
    assert (told.status, told.errors) == (0, ""), out + told.errors
    for command in (
        "$ omero login alice@",
        "$ omero-irods pack Dataset:1 --dry-run\n",
        "$ omero-irods pack Dataset:1\n",
        "$ omero-irods list\n",
        "$ omero-irods show /tempZone/home/alice/microscopy.zip --tree\n",
        "$ omero-irods verify /tempZone/home/alice/microscopy.zip --data\n",
        "$ omero-irods list --state damaged\n",
        "$ omero-irods unpack /tempZone/home/alice/microscopy.zip\n",
        "$ omero-irods diff /tempZone/home/alice/microscopy.zip\n",
        "$ omero-irods loads\n",
        "$ omero-irods doctor\n",
        "$ omero-irods agent run &\n",
        "$ omero-irods scripts install --agent http://127.0.0.1:",
        '>>> script = scripts.getScriptID("/omero/iRODS/Save_to_iRODS.py")\n',
        "$ omero-irods jobs watch 1\n",
        "/api/v1/jobs/1\n",
        "$ omero-irods pack Dataset:1 --note 'for the paper' --agent --wait\n",
        "$ omero-irods rules install --target etc",
        "$ imeta add -C /tempZone/home/alice/microscope omero::ingest in-place\n",
        "$ omero-irods ingest scan /tempZone/home/alice/microscope --service\n",
        "$ omero-irods ingest status /tempZone/home/alice/microscope/ihc.png\n",
        "$ omero delete Image:5\n",
    ):
        assert command in out
    assert re.findall(r"✓ (Image:\d \(retina\.jpg\)) is named and no other; exit status 4", out)
    assert re.search(r"\$ omero-irods undo [0-9a-f]{24}\n", out)
    assert re.search(r"^    Identical *$", out, re.MULTILINE)
    assert "✓ just the new name is told; exit status 5" in out
    for outcome in (
        "she has the number 1 at once, and may log out",
        "the page says done",
        "owned and packed by alice",
        "omero::ingest_state is waiting",
        "0 bytes were copied: it is a link",
        "the rename is refused, with the reason",
        "the removal is refused, with the reason",
        "it is not protected any more",
    ):
        assert f"✓ {outcome}\n" in out
    assert out.count("✓ ") >= 45
    assert "exit status 0" not in out  # of a step that failed
    for whose in ("alice", "bridge"):
        assert (told.place / "demo" / whose / "password").read_text().strip() not in out
    assert list((told.place / "home").iterdir()) == []
    assert list((told.place / "tmp").iterdir()) == []
    assert running(told.place) == ""


def test_every_step_is_numbered_explained_and_within_the_terminal(told: Told) -> None:
    lines = told.out.splitlines()
    begins = [index for index, line in enumerate(lines) if re.match(r"\d+\. ", line)]
    assert [int(lines[index].partition(".")[0]) for index in begins] == list(range(1, len(begins) + 1))
    assert len(begins) > len(CHAPTERS)
    for index in begins:
        assert lines[index + 1].endswith((".", "?")) or lines[index + 2].endswith((".", "?"))
    assert [line for line in lines if len(line) > WIDTH and not line.startswith(("    $", "    >>>"))] == []


def test_the_picture_shows_steps_that_there_are(told: Told) -> None:
    for title in picture.STEPS:
        assert re.search(rf"^\d+\. {re.escape(title)}$", told.out, re.MULTILINE)
    drawn = (Path(__file__).parents[2] / "docs" / "images" / "demo.svg").read_text()
    seen = drawn.replace("&#160;", " ")
    assert [title for title in picture.STEPS if title not in seen] == []
    assert "@font-face" not in drawn
    assert len(drawn) < 100_000


def test_a_demo_that_is_kept_can_be_used_by_hand_and_ends_on_sigterm(tmp_path: Path) -> None:
    with demo("--folder", str(tmp_path), KEEP="1") as process:
        said = read_until(process, "root's of OMERO")
        profile = tmp_path / "alice" / "profile.sh"
        assert f"$ source {profile}\n" in said
        url = re.search(r"In a browser: (\S+) \(sign in as alice\)", said)
        assert url is not None
        assert httpx.get(f"{url[1]}/readyz").status_code == 200
        lines = "omero-irods list --json; omero-irods pack Dataset:1; omero-irods jobs list"
        shell = ["bash", "-c", f"source {profile}; {lines}"]
        listed = subprocess.run(shell, capture_output=True, text=True, env={}, timeout=120, check=False)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert '"path": "/tempZone/home/alice/microscopy.zip"' in listed.stdout
    assert "/tempZone/home/alice/microscopy-4.zip" in listed.stdout, listed.stderr
    assert listed.stdout.count(" done ") == 2
    assert process.returncode == 0
    assert running(tmp_path) == ""


@pytest.mark.parametrize("when", ["omero-irods pack Dataset:1 --dry-run", "--agent --wait"])
def test_ctrl_c_in_the_middle_stops_the_servers_and_leaves_nothing(tmp_path: Path, when: str) -> None:
    with demo(TMPDIR=str(tmp_path)) as process:
        read_until(process, when)
        os.killpg(process.pid, signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the servers are stopped" in rest
    assert "Traceback" not in rest + errors
    assert running(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with demo("--folder", str(tmp_path)) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "is not empty" in out + errors
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with demo("--folder", str(tmp_path / "file" / "below")) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--folder DIR" in out
    assert "Traceback" not in out + errors


# -- what the chapters are made of


def test_a_step_that_fails_ends_the_demo_with_a_reason(quiet: Narrator) -> None:
    with pytest.raises(StepFailed, match="all bytes agree"):
        quiet.check(False, "all bytes agree")


def test_a_command_with_another_exit_status_than_expected_is_a_failed_step(
    tmp_path: Path, quiet: Narrator
) -> None:
    alice = Person.moves_in("alice", tmp_path / "alice")
    assert alice.types("echo said; exit 4", quiet, status=4).out == "said\n"
    with pytest.raises(StepFailed, match="exit status 0; it is 4"):
        alice.types("exit 4", quiet)


def test_commands_meet_the_persons_settings_and_not_those_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMERO_SESSIONDIR", "/elsewhere")
    monkeypatch.setenv("IRODS_HOST", "elsewhere")
    alice = Person.moves_in("alice", tmp_path / "alice")
    shown = alice.run("env").out
    assert "elsewhere" not in shown
    assert f"IRODS_ENVIRONMENT_FILE={alice.irods_environment}\n" in shown
    assert alice.password not in shown
    assert alice.password_file.stat().st_mode & 0o077 == 0


def test_missing_images_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "files", lambda _package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cell\.png.*make clean setup"):
        images.microscope_images()
