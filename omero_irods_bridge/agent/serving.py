"""Runs the part of the agent that answers over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from omero_irods_bridge.agent.answering import application
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.parts import Parts, opened
from omero_irods_bridge.agent_settings import url_at
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.settings import Settings


def run_api(settings: Settings, stop: CancelToken) -> None:
    """Answer until ``stop`` is cancelled; it runs no job.

    Raises:
        Busy: there is somebody else at its address.
        BridgeError: see :func:`opened`.
    """
    with opened(settings) as parts, answering(parts):
        stop.wait()


@contextmanager
def answering(parts: Parts) -> Iterator[None]:
    """Answer while the block runs."""
    agent = parts.settings.agent
    app = application(parts)
    with served(app, *agent.address) as address:
        if agent.public_url is None and not agent.address[1]:  # links name the port that was free
            app.state.public_url = url_at(*address)
        yield
