"""The log of a job as server-sent events: what there is, then what comes, until the job ends."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import anyio
import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.jobs import Job, JobEvent

LOOK_S: Final = 0.5
KEEP_ALIVE_S: Final = 15.0

Look = Callable[[int], tuple[Job, list[JobEvent]]]
"""The job, and its events after a number; called in a thread."""


async def stream(look: Look, after: int) -> AsyncIterator[str]:
    """Events of the log have their number as id; ``progress`` and ``end`` have none and are not kept.

    It breaks off when the job is deleted or the database is away; who connects again is told so.
    """
    phase, told_at = None, time.monotonic()
    while True:
        try:
            job, events = await anyio.to_thread.run_sync(look, after)
        except (BridgeError, SQLAlchemyError):
            return
        messages = [_of_log(one) for one in events]
        after = events[-1].number if events else after
        if job.phase != phase:
            phase = job.phase
            messages.append(_message("progress", job_fields(job)["phase"]))
        if not messages and time.monotonic() - told_at > KEEP_ALIVE_S:
            messages.append(": still here\n\n")
        for text in messages:
            yield text
            told_at = time.monotonic()
        if job.state.is_final and not events:
            yield _message("end", job_fields(job))
            return
        if not events:
            await anyio.sleep(LOOK_S)


def _of_log(one: JobEvent) -> str:
    told = log_fields(one)
    return _message(told.pop("event"), told, one.number)


def _message(event: str, data: dict[str, Any], number: int | None = None) -> str:
    """JSON is one line, so that nothing in it can begin another message."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n"
