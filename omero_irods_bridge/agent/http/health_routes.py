"""Whether the agent lives, and whether what it needs answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.health import NEEDED, Health
from omero_irods_bridge.agent.http.answers import AliveAnswer, HealthAnswer
from omero_irods_bridge.agent.http.doors import Reader, TheDesk
from omero_irods_bridge.agent.http.site import health_of
from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.errors import Unreachable

router: Final = APIRouter(tags=["health"])
TheHealth = Annotated[Health, Depends(health_of)]


@router.get("/healthz", response_model=AliveAnswer)
def healthz(desk: TheDesk) -> Any:
    """Whether the agent lives: its database answers."""
    desk.list_jobs(JobFilter(), Requester("healthz"), limit=1)
    return {"ok": True}


@router.get("/readyz", response_model=AliveAnswer)
def readyz(health: TheHealth) -> Any:
    """Whether jobs can be done: the database, OMERO and iRODS answer."""
    away = [one.name for one in health.checks() if one.name in NEEDED and not one.ok]
    if away:
        raise Unreachable(f"Not reachable: {', '.join(away)}.", hint="See /api/v1/health.")
    return {"ok": True}


@router.get("/api/v1/health", response_model=HealthAnswer)
def health_now(health: TheHealth, _: Reader) -> Any:
    """How database, OMERO, iRODS, and the files of users and tokens are; looked at every 10 s at most."""
    checks = health.checks()
    return {"ok": all(one.ok for one in checks), "checks": [asdict(one) for one in checks]}
