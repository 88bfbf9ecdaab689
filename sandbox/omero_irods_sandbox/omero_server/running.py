"""Servers for as long as a block of code runs: in this process, or in one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.server import OmeroServer
from omero_irods_sandbox.processes import EmbeddedProcess, started


@contextmanager
def running_server(config: ServerConfig) -> Iterator[OmeroServer]:
    """A server in threads of this process, with its faults, counters, clock and store at hand."""
    server = OmeroServer(config).start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class ServerProcess(EmbeddedProcess):
    """A server in a process of its own, as its first line described it."""

    host: str
    ssl: int
    tcp: int
    uuid: str
    root_password_file: Path
    managed_repository: Path

    @property
    def root_password(self) -> str:
        return self.root_password_file.read_text().strip()


@contextmanager
def server_process(data: Path, *options: str, messages: Path | None = None) -> Iterator[ServerProcess]:
    """``omero-irods-sandbox omero --data DATA`` with more ``options``.

    Its messages go to the file ``messages``, else to our standard error.

    Raises:
        RuntimeError: it ended before it was ready; says where its messages are.
    """
    with started("omero", "--data", str(data), *options, messages=messages) as (process, ready):
        yield ServerProcess(
            process,
            ready["host"],
            ready["ssl"],
            ready["tcp"],
            ready["uuid"],
            Path(ready["root_password_file"]),
            Path(ready["managed_repository"]),
        )
