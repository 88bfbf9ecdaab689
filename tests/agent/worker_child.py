"""A worker whose jobs write when they begin and end into a file, to be killed. Run as a process."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

from omero_irods_bridge.agent.engine.running import Perform
from omero_irods_bridge.agent.engine.worker import Worker, WorkerOptions
from omero_irods_bridge.agent.store.attempts import Begun, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.cli.interrupts import cancel_token
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step
from omero_irods_bridge.model.jobs import GcWork, JobKind
from omero_irods_bridge.wiring import SystemClock

LIMITS = Limits(total=4, per_user=3, kinds=dict.fromkeys(JobKind, 4) | {JobKind.VERIFY: 2})


def write_down(book: Path) -> Perform:
    """Jobs that take as long as GcWork.older_than_s says, in steps of 10 ms, and else 20 ms."""

    def perform(begun: Begun, report: Report, cancel: CancelToken) -> Outcome:
        spec = begun.job.spec
        seconds = spec.work.older_than_s if isinstance(spec.work, GcWork) else 0.02
        _write(book, "begin", begun)
        report(Step("counting", items_total=round(seconds * 100)))
        for done in range(round(seconds * 100)):
            cancel.check()
            time.sleep(0.01)
            report(Progress(items_done=done + 1))
        _write(book, "end", begun)
        return Outcome(End.DONE, {"runs": begun.runs})

    return perform


def _write(book: Path, what: str, begun: Begun) -> None:
    """One write of a short line at the end of a file is not torn."""
    spec = begun.job.spec
    line = f"{time.monotonic_ns()} {what} {os.getpid()} {begun.job.id} {spec.kind} {spec.requested_by}\n"
    with book.open("a") as file:
        file.write(line)


def main(database: str, name: str, book: str) -> int:
    logging.basicConfig(level=logging.INFO)
    options = WorkerOptions(name, LIMITS, (0.2, 0.4), keep_days=30, patience_s=10, sweep_s=1)
    worker = Worker(Database(database), options, SystemClock(), write_down(Path(book)))
    with cancel_token() as stop:
        return 0 if worker.run(stop) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
