"""What there is besides jobs: queues, days, health."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from omero_irods_bridge.agent.health import NEEDED
from omero_irods_bridge.agent.http.doors import Admin, Reader, TheDesk
from omero_irods_bridge.agent.http.health_routes import TheHealth
from omero_irods_bridge.agent.http.site import queues_of, schedules_of
from omero_irods_bridge.agent.pages.forms import Posted
from omero_irods_bridge.agent.pages.refusals import PageRoute
from omero_irods_bridge.agent.pages.rendering import go_to, page
from omero_irods_bridge.agent.pages.strip import strip_of
from omero_irods_bridge.model.jobs import JobKind

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=Response)


@router.get("/queues")
def show_queues(request: Request, asker: Reader) -> Response:
    """How full each queue is; administrators stop and start them here, and see who works."""
    known = queues_of(request)
    workers = known.workers(asker)
    return page(request, "queues.html", asker, twin="/api/v1/queues", queues=known.all(), workers=workers)


@router.post("/queues/{kind}/pause")
def pause(request: Request, asker: Admin, _values: Posted, kind: JobKind) -> Response:
    """Let no more jobs of this kind begin."""
    queues_of(request).pause(kind, asker)
    return go_to("/queues")


@router.post("/queues/{kind}/resume")
def resume(request: Request, asker: Admin, _values: Posted, kind: JobKind) -> Response:
    """Let them begin again."""
    queues_of(request).resume(kind, asker)
    return go_to("/queues")


@router.get("/days")
def show_days(request: Request, desk: TheDesk, asker: Reader) -> Response:
    """The strip, as a table too; and the schedules."""
    return page(
        request,
        "days.html",
        asker,
        twin="/api/v1/days?days=30",
        strip=strip_of(request, desk, asker),
        schedules=schedules_of(request, asker),
    )


@router.get("/health")
def show_health(request: Request, asker: Reader, health: TheHealth) -> Response:
    """Whether what the agent needs answers."""
    return page(request, "health.html", asker, twin="/api/v1/health", checks=health.checks(), NEEDED=NEEDED)
