"""An embedded OMERO server in a process of its own that can be asked how many calls it got."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from tests.bench.apart import serving

_CALLS: Final = "calls"


@dataclass(frozen=True, slots=True)
class CountedServer:
    """Where it is, its administrator's password, and its process."""

    host: str
    ssl: int
    tcp: int
    root_password: str
    pid: int
    _line: Connection

    def calls(self) -> int:
        """Calls of all clients since it started."""
        self._line.send(_CALLS)
        return int(self._line.recv())


@contextmanager
def counted_server(folder: Path) -> Iterator[CountedServer]:
    """A new one, with its data in ``folder``."""
    with serving(_serve, folder) as (pid, line, (host, ssl, tcp, password)):
        yield CountedServer(host, ssl, tcp, password, pid, line)


def _serve(folder: Path, parent: Connection) -> None:
    with running_server(ServerConfig(data=folder)) as server:
        parent.send((server.host, server.ssl_port, server.tcp_port, server.root_password))
        while parent.recv() == _CALLS:
            parent.send(server.counters.calls())
