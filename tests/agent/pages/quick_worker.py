"""A worker whose jobs move no bytes but tell as if they did; what a note says happens. Run as a process.

A file ``go`` beside the database lets jobs go on that are ``gated``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from omero_irods_bridge.agent.engine.worker import Worker, WorkerOptions
from omero_irods_bridge.agent.store.attempts import Begun
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.cli.interrupts import cancel_token
from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step
from omero_irods_bridge.model.jobs import PackWork
from omero_irods_bridge.wiring import SystemClock
from tests.agent.pages.world import LIMITS

SIZE = 48_000_000
PIECES = 10


def perform(begun: Begun, report: Report, cancel: CancelToken, go: Path) -> Outcome:
    """A note of ``slow`` lasts until it is cancelled, ``gated`` waits, ``fails once`` fails at first."""
    work = begun.job.spec.work
    note = work.note if isinstance(work, PackWork) else ""
    report(Step("Reading what OMERO knows"))
    if "fails once" in note and begun.job.attempt == 1:
        raise AccessDenied("You may not write to /lab/home/shared.", hint="Ask its owner for the right.")
    report(Step("Moving the files", SIZE, PIECES))
    for piece in range(PIECES):
        while piece == 4 and ("slow" in note or ("gated" in note and not go.exists())):
            _rest(cancel, 0.05)
        report(Progress(SIZE * (piece + 1) // PIECES, piece + 1))
    report(Notice("One file had no checksum in OMERO."))
    report(Step("Sealing"))
    return Outcome(End.DONE, _result(begun))


def _rest(cancel: CancelToken, seconds: float) -> None:
    cancel.check()
    time.sleep(seconds)


def _result(begun: Begun) -> dict[str, Any]:
    path = f"/lab/home/{begun.job.spec.requested_by}/job-{begun.job.id}.zip"
    return {"path": path, "bytes": SIZE, "images": 12, "files": PIECES, "sha256": "ab" * 32}


def main(database: str) -> int:
    options = WorkerOptions("quick", LIMITS, (0.2,), keep_days=30, patience_s=10)
    doing = partial(perform, go=Path(database).with_name("go"))
    with cancel_token() as stop:
        return 0 if Worker(Database(database), options, SystemClock(), doing).run(stop) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
