from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from omero_irods_bridge import __version__
from omero_irods_bridge.cli.main import app, main
from omero_irods_bridge.model.errors import ExitStatus, Unreachable

COMMAND = Path(sys.executable).with_name("omero-irods")

LOADED_AFTER = """
import sys
from omero_irods_bridge.cli.main import main
status = main(sys.argv[1:])
print("LOADED", status, *sorted({"Ice", "IcePy", "irods", "omero"} & set(sys.modules)))
"""


@pytest.fixture
def _commands() -> Iterator[None]:
    """Whatever a test registers is gone afterwards."""
    before = list(app.registered_commands)
    yield
    app.registered_commands[:] = before


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_help_says_what_the_command_is_for() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert "between OMERO and iRODS" in re.sub(r"\s+", " ", done.stdout)


def test_version_is_that_of_the_distribution() -> None:
    done = _run("--version")
    assert (done.returncode, done.stdout) == (0, f"omero-irods {__version__}\n")


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nonsense"], []])
def test_what_is_not_understood_is_a_usage_error(arguments: list[str]) -> None:
    assert _run(*arguments).returncode == ExitStatus.USAGE


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_starting_up_imports_no_client_library(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AFTER, option], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED 0"


@pytest.mark.usefixtures("_commands")
def test_a_bridge_error_is_told_in_words_and_gives_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    @app.command("reach")
    def reach() -> None:
        raise Unreachable("omero.example.org did not answer", hint="Run: omero-irods doctor")

    assert main(["reach"]) == ExitStatus.UNREACHABLE
    shown = capsys.readouterr()
    assert shown.err == "omero-irods: omero.example.org did not answer\nRun: omero-irods doctor\n"
    assert not shown.out


@pytest.mark.usefixtures("_commands")
def test_a_command_returns_its_exit_status() -> None:
    @app.command("half")
    def half() -> int:
        return ExitStatus.PARTIAL

    assert main(["half"]) == ExitStatus.PARTIAL


@pytest.mark.usefixtures("_commands")
def test_ctrl_c_exits_as_the_shell_expects() -> None:
    @app.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    assert main(["wait"]) == ExitStatus.INTERRUPTED


@pytest.mark.usefixtures("_commands")
def test_a_defect_keeps_its_traceback() -> None:
    @app.command("broken")
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main(["broken"])


@pytest.mark.usefixtures("_commands")
def test_giving_up_at_a_question_is_a_failure() -> None:
    @app.command("ask")
    def ask() -> None:
        raise typer.Abort

    assert main(["ask"]) == ExitStatus.FAILED
