"""The order of the chapters, from the first step to the end of the servers."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from irods.exception import iRODSException

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_sandbox.demo.narrator import Narrator, StepFailed

if TYPE_CHECKING:
    from omero_irods_sandbox.demo.stage import Stage

CHAPTERS: Final = (
    "zone_chapter",
    "omero_chapter",
    "pack_chapter",
    "verify_chapter",
    "unpack_chapter",
    "agent_chapter",
    "ingest_chapter",
)
"""Modules of this package, each with ``play(stage, narrator)``: it raises StepFailed when a step did not do
what it says. What it leaves on the stage is in its docstring."""

_TROUBLE: Final = (OSError, RuntimeError, iRODSException, BridgeError, subprocess.SubprocessError)


def tell(folder: Path | None, narrator: Narrator | None = None) -> bool:
    """Play the whole demonstration; whether each step did what it says.

    Data lie in ``folder``, else in a temporary folder that is gone afterwards.
    With ``KEEP=1`` in the environment the servers run on until Ctrl-C.
    """
    narrator = narrator or Narrator()
    narrator.title("OMERO-iRODS bridge", "Everything runs on this machine only, and nothing of it stays.")
    # A process manager stops with SIGTERM; leave by the same door as Ctrl-C, so that the servers end too.
    # And hear Ctrl-C where whoever started this had it ignored: the servers hear it anyway.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        with _place(folder) as root:
            _play(root, narrator)
    except StepFailed as failure:
        narrator.failure(str(failure))
        return False
    except _TROUBLE as error:
        narrator.failure(f"The demonstration could not go on: {type(error).__name__}: {error}")
        narrator.say("Is there room on the disk, and may you write there? Another place: --folder DIR")
        return False
    except KeyboardInterrupt:
        narrator.say("\nInterrupted; the servers are stopped.")
        return False
    narrator.say("\nThat is what works today. How to go on with your own servers: README.md")
    return True


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StepFailed(f"{folder} is not empty. Name another folder: --folder DIR")
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="omero-irods-demo-") as temporary:
        yield Path(temporary)


def _play(root: Path, narrator: Narrator) -> None:
    os.environ["OMERO_TMPDIR"] = str(root / "tmp")  # omero-py makes it when it is imported, else in the home
    from omero_irods_sandbox.demo.stage import set_up  # noqa: PLC0415  # imports omero-py

    with set_up(root, narrator) as stage:
        for name in CHAPTERS:
            import_module(f"{__package__}.{name}").play(stage, narrator)
        if os.environ.get("KEEP") == "1":
            _keep(stage, narrator)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _keep(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Look around",
        "The servers and the agent run until you press Ctrl-C. In another terminal, as Alice:",
    )
    person = stage.person
    narrator.command(f"source {shlex.quote(str(person.profile))}\nomero-irods list\nomero-irods jobs list")
    try:
        narrator.say(f"In a browser: {stage.agent_url} (sign in as {person.name})")
        narrator.say(f"{person.name}'s password, of this demonstration only: {person.password}")
        narrator.say(f"Agent: its settings and its log are in {stage.service.home}")
        narrator.say(f"Passwords: {person.name}'s in {person.password_file}")
        narrator.say(f"           {stage.service.name}'s, of the agent, in {stage.service.password_file}")
        of_irods = stage.zone.environment_file.parent / "admin_password"
        narrator.say(f"           {stage.zone.admin}'s of iRODS in {of_irods}")
        narrator.say(f"           root's of OMERO in {stage.omero.root_password_file}")
        signal.pause()
    except KeyboardInterrupt:
        narrator.say("\nThe agent and the servers are stopped.")
