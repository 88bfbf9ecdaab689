"""The demonstration as a newcomer runs it: a process of its own, from the first step to the last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from omero_irods_sandbox.demo import images
from omero_irods_sandbox.demo.narrator import Narrator, StepFailed

COMMAND = (sys.executable, "-m", "omero_irods_sandbox", "demo")


def test_the_demo_ends_well_and_says_what_it_did() -> None:
    finished = subprocess.run(COMMAND, capture_output=True, text=True, timeout=240, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    for said in ("Start an iRODS zone", "cell.png", "4 data objects", "fundus photography", "sha2:"):
        assert said in finished.stdout


def test_a_demo_that_is_kept_ends_on_sigterm_and_leaves_no_server(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--folder", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KEEP": "1"},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "password of the administrator" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(60) == 0
    running = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert running.stdout == ""


def test_a_step_that_fails_ends_the_demo_with_a_reason() -> None:
    narrator = Narrator(Console(quiet=True))
    with pytest.raises(StepFailed, match="all bytes agree"):
        narrator.check(False, "all bytes agree")


def test_missing_images_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "files", lambda _package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"cell\.png.*make clean setup"):
        images.microscope_images()


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [*COMMAND, "--folder", str(tmp_path / "file" / "below")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 1
    assert "--folder DIR" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
