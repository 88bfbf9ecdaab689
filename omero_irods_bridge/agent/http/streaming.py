"""The log of a job as server-sent events: what there is, then what comes, until the job ends."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import anyio
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.jobs import Job, JobEvent

LOOK_S: Final = 0.5
KEEP_ALIVE_S: Final = 15.0
MOST_OF_A_USER: Final = 20
"""A page follows its job only while it is looked at."""

_AGAIN_S: Final = 60

Look = Callable[[int], Awaitable[tuple[Job, list[JobEvent]]]]
"""The job, and its events after a number. Raises BridgeError for who may not see it, or not any more."""


class Streams:
    """How many each user has of this agent. It is used in the event loop alone."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_of(self, asker: Requester) -> Iterator[None]:
        """One more while the block runs; services, which ask for many, have as many as they like.

        Raises:
            HTTPException: this user has ``MOST_OF_A_USER``.
        """
        if not asker.is_service and self._open[asker.user] >= MOST_OF_A_USER:
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{asker.user} follows {MOST_OF_A_USER} jobs at once already: end one of them first.",
                {"Retry-After": str(_AGAIN_S)},
            )
        self._open[asker.user] += 1
        try:
            yield
        finally:
            self._open -= Counter((asker.user,))


class EventStream(StreamingResponse):
    """The answer to who follows a job; it counts among ``streams`` from its first byte to its last."""

    media_type = "text/event-stream"

    def __init__(self, told: AsyncIterator[str], streams: Streams, asker: Requester) -> None:
        super().__init__(told, headers={"Cache-Control": "no-store"})
        self._streams, self._asker = streams, asker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        with self._streams.one_of(self._asker):
            await super().__call__(scope, receive, send)


async def stream(look: Look, after: int) -> AsyncIterator[str]:
    """Events of the log have their number as id; ``progress`` and ``end`` have none and are not kept.

    It breaks off when the job is deleted, the database is away, or who listens may not see the job any more;
    who connects again is told so.
    """
    phase, told_at = None, time.monotonic()
    while True:
        try:
            job, events = await look(after)
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
