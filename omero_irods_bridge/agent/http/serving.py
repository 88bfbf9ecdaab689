"""Serves the application beside a worker, in threads of the same process."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from omero_irods_bridge.agent.http.connections import Connection
from omero_irods_bridge.agent.http.limits import LARGEST_HEAD
from omero_irods_bridge.model.errors import Busy

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 500
"""At once; who comes then is told to try again later."""


@contextmanager
def served(app: FastAPI, host: str, port: int) -> Iterator[tuple[str, int]]:
    """Answer at this address while the block runs, which gets it; port 0 takes a free one.

    Raises:
        Busy: somebody else is there.
    """
    channel = _listening(host, port)
    address = str(channel.getsockname()[0]), int(channel.getsockname()[1])
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.config.load()
    thread = threading.Thread(target=server.run, args=([channel],), name="http", daemon=True)
    thread.start()
    log.info("answering at http://%s:%s/api/v1", *address)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        channel.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        channel = socket.create_server((host, port), family=family, backlog=128)
        # asyncio does this by itself for sockets that name their protocol alone; without it an answer in two
        # pieces waits for the acknowledgement of the first, 40 ms.
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return channel
    except OSError as error:
        raise Busy(
            f"The agent cannot answer at {host}:{port}: {error.strerror}.", hint="Set agent.listen."
        ) from error
