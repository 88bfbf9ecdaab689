"""Zones for as long as a block of code runs: in a thread, or in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig

_STOP_TIMEOUT_S: Final = 15.0


@contextmanager
def running_zone(config: ZoneConfig) -> Iterator[Zone]:
    """A zone in threads of this process, with its faults, counters and catalog at hand."""
    zone = Zone(config).start()
    try:
        yield zone
    finally:
        zone.stop()


@dataclass
class ZoneProcess:
    """A zone in a process of its own, as its first line described it."""

    process: subprocess.Popen[str]
    host: str
    port: int
    zone: str
    admin: str
    environment_file: Path

    @property
    def password(self) -> str:
        """The administrator's, from the file in the zone's root."""
        return (self.environment_file.parent / "admin_password").read_text().strip()

    def kill(self) -> None:
        """``kill -9``: nothing is cleaned up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_STOP_TIMEOUT_S)

    def stop(self) -> int:
        """``SIGTERM``, and its exit status once it has ended."""
        self.process.terminate()
        return self.process.wait(_STOP_TIMEOUT_S)


@contextmanager
def zone_process(root: Path, *options: str) -> Iterator[ZoneProcess]:
    """``omero-irods-sandbox irods --root ROOT`` with more ``options``, ended at the end if it still runs.

    Raises:
        RuntimeError: it ended before it was ready; its messages are on standard error.
    """
    command = [sys.executable, "-m", "omero_irods_sandbox", "irods", "--root", str(root), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield _ready(process)
        finally:
            if process.poll() is None:
                process.terminate()


def _ready(process: subprocess.Popen[str]) -> ZoneProcess:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the zone ended with status {process.wait()} before it was ready")
    ready = json.loads(line)
    return ZoneProcess(
        process,
        ready["host"],
        ready["port"],
        ready["zone"],
        ready["admin"],
        Path(ready["environment_file"]),
    )
