"""An embedded OMERO server in a process of its own that can be asked how many calls it got."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server

_CALLS: Final = "calls"
_STOP: Final = "stop"


@dataclass(frozen=True, slots=True)
class CountedServer:
    """Where it is, and its administrator's password."""

    host: str
    ssl: int
    tcp: int
    root_password: str
    _asked: Connection

    def calls(self) -> int:
        """Calls of all clients since it started."""
        self._asked.send(_CALLS)
        return int(self._asked.recv())


@contextmanager
def counted_server(folder: Path) -> Iterator[CountedServer]:
    """A new one, with its data in ``folder``."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_serve, args=(folder, far), daemon=True)
    process.start()
    try:
        host, ssl, tcp, password = near.recv()
        yield CountedServer(host, ssl, tcp, password, near)
    finally:
        near.send(_STOP)
        process.join()


def _serve(folder: Path, parent: Connection) -> None:
    with running_server(ServerConfig(data=folder)) as server:
        parent.send((server.host, server.ssl_port, server.tcp_port, server.root_password))
        while parent.recv() == _CALLS:
            parent.send(server.counters.calls())
