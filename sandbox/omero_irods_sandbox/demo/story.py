"""The order of the chapters, and the stage they play on."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from irods.exception import iRODSException

from omero_irods_sandbox.demo import zone_chapter
from omero_irods_sandbox.demo.narrator import Narrator, StepFailed
from omero_irods_sandbox.irods_zone.running import zone_process


def tell(folder: Path | None, narrator: Narrator | None = None) -> bool:
    """Play the whole demonstration; whether each step did what it says.

    Data lie in ``folder``, else in a temporary folder that is gone afterwards.
    With ``KEEP=1`` in the environment the servers run on until Ctrl-C.
    """
    narrator = narrator or Narrator()
    narrator.title("OMERO-iRODS bridge", "Everything runs on this machine only, and nothing of it stays.")
    try:
        with _stage(folder) as root:
            _play(root, narrator)
    except StepFailed as failure:
        narrator.failure(str(failure))
        return False
    except (OSError, RuntimeError, iRODSException) as error:
        narrator.failure(f"The demonstration could not go on: {type(error).__name__}: {error}")
        narrator.say("Is there room on the disk, and may you write there? Another place: --folder DIR")
        return False
    except KeyboardInterrupt:
        narrator.say("\nInterrupted; the servers are stopped.")
        return False
    narrator.say("\nThat is what works today. How to go on with your own servers: README.md")
    return True


@contextmanager
def _stage(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="omero-irods-demo-") as temporary:
        yield Path(temporary)


def _play(root: Path, narrator: Narrator) -> None:
    # A process manager stops with SIGTERM; leave by the same door as Ctrl-C, so that the servers end too.
    signal.signal(signal.SIGTERM, _interrupt)
    narrator.step(
        "Start an iRODS zone",
        "An embedded zone that speaks the iRODS protocol; the unmodified python-irodsclient talks to it.",
    )
    narrator.command(f"omero-irods-sandbox irods --root {root / 'zone'} --port 0")
    with zone_process(root / "zone", "--port", "0") as zone:
        narrator.outcome(f"zone {zone.zone} listens on {zone.host}:{zone.port}")
        zone_chapter.play(zone, narrator)
        if os.environ.get("KEEP") == "1":
            _keep(zone.environment_file, narrator)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _keep(environment_file: Path, narrator: Narrator) -> None:
    narrator.step(
        "Look around", "The zone runs until you press Ctrl-C. Clients find it by its environment file:"
    )
    narrator.command(f"export IRODS_ENVIRONMENT_FILE={environment_file}")
    try:
        narrator.say(f"   password of the administrator: in {environment_file.parent / 'admin_password'}")
        signal.pause()
    except KeyboardInterrupt:
        narrator.say("\nThe servers are stopped.")
