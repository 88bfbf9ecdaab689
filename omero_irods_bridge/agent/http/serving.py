"""Serves the application beside a worker, in threads of the same process."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from omero_irods_bridge.model.errors import Busy

log = logging.getLogger(__name__)


@contextmanager
def served(app: FastAPI, host: str, port: int) -> Iterator[tuple[str, int]]:
    """Answer at this address while the block runs, which gets it; port 0 takes a free one.

    Raises:
        Busy: somebody else is there.
    """
    channel = _listening(host, port)
    address = str(channel.getsockname()[0]), int(channel.getsockname()[1])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
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
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise Busy(
            f"The agent cannot answer at {host}:{port}: {error.strerror}.", hint="Set agent.listen."
        ) from error
