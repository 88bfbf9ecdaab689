"""Runs the part of the agent that answers over HTTP."""

from __future__ import annotations

from contextlib import AbstractContextManager

from omero_irods_bridge.agent.answering import application
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.metrics import Metrics
from omero_irods_bridge.agent.parts import Parts, opened
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


def answering(parts: Parts) -> AbstractContextManager[object]:
    """Answer while the block runs."""
    app = application(parts.settings, parts.jobs, parts.identities)
    app.state.schedules = parts.schedules.fields
    app.state.metrics = Metrics(parts.database, parts.clock, parts.schedules.states)
    return served(app, *parts.settings.agent.address)
