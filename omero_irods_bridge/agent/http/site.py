"""What stands behind the application besides its desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from fastapi import FastAPI, Request

from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.health import Health
from omero_irods_bridge.agent.http.sign_in import SignIn
from omero_irods_bridge.agent.metrics import Metrics
from omero_irods_bridge.agent.queues import Queues
from omero_irods_bridge.agent.snapshots import Snapshots
from omero_irods_bridge.agent.waking import Waking
from omero_irods_bridge.model.errors import NotFound

PUBLIC_URL: Final = "http://127.0.0.1:8640"

Rows: TypeAlias = Callable[[], Sequence[Mapping[str, Any]]]
"""Of all schedules, as programs get them."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Site:
    """What is none is not there for this application: who asks for it is told so.

    Links begin with ``public_url``. ``schedules`` gives the rows of all schedules.
    """

    public_url: str = PUBLIC_URL
    sign_in: SignIn | None = None
    snapshots: Snapshots | None = None
    queues: Queues | None = None
    health: Health | None = None
    schedules: Rows | None = None
    metrics: Metrics | None = None
    waking: Waking | None = None

    def set_on(self, app: FastAPI) -> None:
        """Let requests find it, on ``app.state``."""
        app.state.public_url = self.public_url.rstrip("/")
        app.state.sign_in, app.state.snapshots = self.sign_in, self.snapshots
        app.state.queues, app.state.health = self.queues, self.health
        app.state.schedules, app.state.metrics = self.schedules, self.metrics
        app.state.waking = self.waking


def snapshots_of(request: Request) -> Snapshots:
    """Raises NotFound where there are none."""
    found: Snapshots | None = request.app.state.snapshots
    return _there(found, "snapshots")


def queues_of(request: Request) -> Queues:
    """Raises NotFound where there are none."""
    found: Queues | None = request.app.state.queues
    return _there(found, "queues")


def health_of(request: Request) -> Health:
    """Raises NotFound where nobody looks."""
    found: Health | None = request.app.state.health
    return _there(found, "health")


def waking_of(request: Request) -> Waking:
    """Raises NotFound where nobody can be woken."""
    found: Waking | None = request.app.state.waking
    return _there(found, "wake-ups")


def schedules_of(request: Request, asker: Requester) -> list[Mapping[str, Any]]:
    """The schedules that work for this user; for an administrator all."""
    known: Rows | None = request.app.state.schedules
    return [one for one in (known() if known else ()) if asker.is_admin or one["user"] == asker.user]


def _there(found: _T | None, what: str) -> _T:
    if found is None:
        raise NotFound(f"This agent tells nothing of {what}.")
    return found
