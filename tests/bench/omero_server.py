"""An embedded OMERO server in a process of its own, and clients of it over TLS and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import omero
import omero.clients

from omero_irods_sandbox.omero_server.running import ServerProcess, server_process

Client = Any

TRANSPORTS: Final = ("plain", "TLS")


class Server(Protocol):
    """Where a server is, and its administrator's password."""

    @property
    def host(self) -> str: ...

    @property
    def ssl(self) -> int: ...

    @property
    def tcp(self) -> int: ...

    @property
    def root_password(self) -> str: ...


@contextmanager
def omero_server(folder: Path) -> Iterator[ServerProcess]:
    """A new server on free ports, with its data in ``folder``."""
    with server_process(folder, "--ssl", "0", "--tcp", "0") as server:
        yield server


@contextmanager
def root_clients(server: Server, transport: str, count: int = 1) -> Iterator[list[Client]]:
    """So many clients of root, each with a connection and a session of its own."""
    with ExitStack() as stack:
        yield [stack.enter_context(_root_client(server, transport)) for _ in range(count)]


@contextmanager
def _root_client(server: Server, transport: str) -> Iterator[Client]:
    scheme, port = ("ssl", server.ssl) if transport == "TLS" else ("tcp", server.tcp)
    client = omero.client(f"{scheme}://{server.host}:{port}")
    client.createSession("root", server.root_password)
    try:
        yield client
    finally:
        client.closeSession()
