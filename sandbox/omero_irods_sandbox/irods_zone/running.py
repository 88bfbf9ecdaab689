"""Zones for as long as a block of code runs: in threads of this process, or in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from omero_irods_sandbox.processes import EmbeddedProcess, started


@contextmanager
def running_zone(config: ZoneConfig) -> Iterator[Zone]:
    """A zone in threads of this process, with its faults, counters and catalog at hand."""
    zone = Zone(config).start()
    try:
        yield zone
    finally:
        zone.stop()


@dataclass(frozen=True)
class ZoneProcess(EmbeddedProcess):
    """A zone in a process of its own, as its first line described it."""

    host: str
    port: int
    zone: str
    admin: str
    environment_file: Path

    @property
    def password(self) -> str:
        """The administrator's, from the file in the zone's root."""
        return (self.environment_file.parent / "admin_password").read_text().strip()


@contextmanager
def zone_process(root: Path, *options: str, messages: Path | None = None) -> Iterator[ZoneProcess]:
    """``omero-irods-sandbox irods --root ROOT`` with more ``options``.

    Its messages go to the file ``messages``, else to our standard error.

    Raises:
        RuntimeError: it ended before it was ready; says where its messages are.
    """
    with started("irods", "--root", str(root), *options, messages=messages) as (process, ready):
        yield ZoneProcess(
            process,
            ready["host"],
            ready["port"],
            ready["zone"],
            ready["admin"],
            Path(ready["environment_file"]),
        )
