"""What there is to see besides jobs: snapshots, queues, days, schedules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request

from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.http.answers import (
    DaysAnswer,
    QueueAnswer,
    QueuesAnswer,
    SchedulesAnswer,
    SnapshotAnswer,
    SnapshotsAnswer,
)
from omero_irods_bridge.agent.http.doors import Admin, Reader, TheDesk
from omero_irods_bridge.agent.http.site import queues_of, schedules_of, snapshots_of
from omero_irods_bridge.agent.http.snapshot_query import Path, SnapshotQuery
from omero_irods_bridge.agent.queues import Queues, queue_fields
from omero_irods_bridge.agent.snapshots import Snapshots, snapshot_fields
from omero_irods_bridge.agent.standing import Standing
from omero_irods_bridge.model.errors import AccessDenied, Unreachable, UsageError
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.model.work import LARGEST_NAME

router: Final = APIRouter(prefix="/api/v1")

PATIENCE_S: Final = 30.0
AT_ONCE: Final = 8
"""Threads that wait for iRODS; other requests have their own."""

_ROOM: Final = anyio.CapacityLimiter(AT_ONCE)

TheQueues = Annotated[Queues, Depends(queues_of)]
TheSnapshots = Annotated[Snapshots, Depends(snapshots_of)]
_T = TypeVar("_T")


@router.get("/snapshots", tags=["snapshots"], response_model=SnapshotsAnswer)
async def search(snapshots: TheSnapshots, asker: Reader, wanted: Annotated[SnapshotQuery, Query()]) -> Any:
    """Snapshots that this user may see in iRODS; ``next`` is the ``skip`` of the following page."""
    user, criteria = whose(asker, wanted.user), wanted.criteria()
    found = await patiently(lambda: snapshots.search(user, criteria, skip=wanted.skip, limit=wanted.limit))
    return {"snapshots": [snapshot_fields(one) for one in found.snapshots], "next": found.following}


@router.get("/snapshots/at", tags=["snapshots"], response_model=SnapshotAnswer)
async def at(
    snapshots: TheSnapshots,
    asker: Reader,
    path: Annotated[Path, Query()],
    user: Annotated[str | None, Query(min_length=1, max_length=LARGEST_NAME)] = None,
) -> Any:
    """The snapshot at a path."""
    who = whose(asker, user)
    return snapshot_fields(await patiently(lambda: snapshots.at(who, path)))


@router.get("/queues", tags=["queues"], response_model=QueuesAnswer)
def list_queues(queues: TheQueues, asker: Reader) -> Any:
    """The queue of each kind of jobs; numbers are of all users. Administrators see workers too."""
    return Standing(queues.all(), queues.workers(asker)).fields()


@router.post("/queues/{kind}/pause", tags=["queues"], response_model=QueueAnswer)
def pause(kind: JobKind, queues: TheQueues, asker: Admin) -> Any:
    """Let no more jobs of this kind begin; those that run go on. For administrators."""
    return queue_fields(queues.pause(kind, asker))


@router.post("/queues/{kind}/resume", tags=["queues"], response_model=QueueAnswer)
def resume(kind: JobKind, queues: TheQueues, asker: Admin) -> Any:
    """Let jobs of this kind begin again. For administrators."""
    return queue_fields(queues.resume(kind, asker))


@router.get("/days", tags=["jobs"], response_model=DaysAnswer)
def list_days(desk: TheDesk, asker: Reader, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Any:
    """How jobs ended on each of the last days, in UTC; today is the last."""
    return {"days": [{**asdict(one), "date": one.date.isoformat()} for one in desk.days(asker, days)]}


@router.get("/schedules", tags=["schedules"], response_model=SchedulesAnswer)
def list_schedules(request: Request, asker: Reader) -> Any:
    """What is asked for again and again for this user, for an administrator of all; and when it was last."""
    return {"schedules": schedules_of(request, asker)}


def whose(asker: Requester, user: str | None) -> str:
    """For whom it is looked: who asks, or whom a service or an administrator names.

    Raises:
        AccessDenied: somebody else, for an ordinary user.
        UsageError: a service did not say.
    """
    if user is None and asker.is_service:
        raise UsageError("A service has to say as whom it looks.", hint="Add ?user=NAME")
    if user not in {None, asker.user} and not asker.is_admin:
        raise AccessDenied(
            f"You are {asker.user}, and may not look as somebody else.", hint="Leave out user."
        )
    return user or asker.user


async def patiently(look: Callable[[], _T]) -> _T:
    """In a thread; one that iRODS keeps waiting is left to itself."""
    try:
        with anyio.fail_after(PATIENCE_S):
            return await anyio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=_ROOM)
    except TimeoutError as error:
        raise Unreachable("iRODS does not answer.", hint="Try again later.") from error
