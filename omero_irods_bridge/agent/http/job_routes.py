"""Jobs: hand in, look, follow, cancel, have tried again, forget."""

from __future__ import annotations

import json
import re
import uuid
from http import HTTPStatus
from typing import Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from starlette.exceptions import HTTPException

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http.answers import EventsAnswer, JobAnswer, JobsAnswer
from omero_irods_bridge.agent.http.doors import Keeper, Reader, Submitter, TheDesk, who_asks
from omero_irods_bridge.agent.http.job_bodies import ONE_LINE
from omero_irods_bridge.agent.http.sign_in import NotSignedIn
from omero_irods_bridge.agent.http.streaming import EventStream, stream
from omero_irods_bridge.agent.http.tokens import Scope
from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import LARGEST_SPEC, Job, JobEvent, JobKind, JobSpec, JobState

LARGEST_ID: Final = 2**31 - 1
"""What a column of PostgreSQL holds."""

JobId = Annotated[int, InPath(ge=1, le=LARGEST_ID)]
Number = Annotated[int, Query(ge=0, le=LARGEST_ID)]
Text = Annotated[str | None, Query(max_length=100, pattern=ONE_LINE)]

_STREAM: Final = {"text/event-stream": {"schema": {"type": "string"}}}
router: Final = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=JobAnswer)
async def submit(request: Request, response: Response, desk: TheDesk, asker: Submitter) -> Any:
    """Hand in a job; the same request_id of the same user is the same job."""
    spec = JobSpec.from_fields(_completed(await _body(request), asker))
    job = await anyio.to_thread.run_sync(desk.submit, spec, asker)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return _told(request, job)


def _filter(
    state: Annotated[list[JobState] | None, Query()] = None,
    kind: JobKind | None = None,
    user: Text = None,
    batch: Text = None,
    text: Text = None,
) -> JobFilter:
    return JobFilter(user, tuple(state or ()), kind, batch, text)


@router.get("", response_model=JobsAnswer)
def list_jobs(
    request: Request,
    desk: TheDesk,
    asker: Reader,
    wanted: Annotated[JobFilter, Depends(_filter)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Number | None = None,
) -> Any:
    """The newest first; ``next`` is the ``before`` of the following page."""
    found = desk.list_jobs(wanted, asker, limit=limit, before=before)
    following = found[-1].id if len(found) == limit else None
    return {"jobs": [_told(request, one) for one in found], "next": following}


@router.get("/{job}", response_model=JobAnswer)
def get(request: Request, job: JobId, desk: TheDesk, asker: Reader) -> Any:
    """A job as it is now."""
    return _told(request, desk.get(job, asker))


@router.get("/{job}/events", response_model=EventsAnswer, responses={200: {"content": _STREAM}})
def events(request: Request, job: JobId, desk: TheDesk, asker: Reader, after: Number = 0) -> Any:
    """The log of a job; as a stream of what comes, until it ends, for who accepts text/event-stream."""

    async def look(seen: int) -> tuple[Job, list[JobEvent]]:
        """Who listens is asked for after the reading: what comes once he has signed out he never hears."""
        found = await anyio.to_thread.run_sync(_look, desk, job, asker, seen)
        if await who_asks(request, Scope.READ) != asker:
            raise NotSignedIn("Who listens is known as somebody else by now.", hint="Connect again.")
        return found

    if "text/event-stream" not in request.headers.get("accept", ""):
        return {"events": [log_fields(one) for one in desk.events(job, asker, after=after)]}
    desk.get(job, asker)  # a job that is not there is an error, no stream
    return EventStream(stream(look, _last_event(request, after)), request.app.state.streams, asker)


@router.post("/{job}/cancel", response_model=JobAnswer)
def cancel(request: Request, job: JobId, desk: TheDesk, asker: Keeper) -> Any:
    """End a job; one that runs stops at its next piece."""
    return _told(request, desk.cancel(job, asker))


@router.post("/{job}/retry", response_model=JobAnswer)
def retry(request: Request, job: JobId, desk: TheDesk, asker: Keeper) -> Any:
    """Have a job that failed or was cancelled tried again."""
    return _told(request, desk.retry(job, asker))


@router.delete("/{job}", status_code=HTTPStatus.NO_CONTENT)
def delete(job: JobId, desk: TheDesk, asker: Keeper) -> None:
    """Forget a job that has ended, with its log."""
    desk.delete(job, asker)


def _look(desk: Desk, job: int, asker: Requester, seen: int) -> tuple[Job, list[JobEvent]]:
    """The job first: what happens to it afterwards is among the events of the next look."""
    return desk.get(job, asker), desk.events(job, asker, after=seen)


def _last_event(request: Request, after: int) -> int:
    """Where the stream broke off, as a browser tells when it connects again."""
    told = request.headers.get("last-event-id", "")
    return min(int(told), LARGEST_ID) if re.fullmatch(r"[0-9]{1,18}", told, re.ASCII) else after


def _completed(found: object, asker: Requester) -> object:
    """A user may leave out who asks, and the id of the request: it is one that was never there, then."""
    if isinstance(found, dict) and not asker.is_service:
        return {"requested_by": asker.user, "request_id": uuid.uuid4().hex, **found}
    return found


def _told(request: Request, job: Job) -> dict[str, Any]:
    """A job, and its page."""
    return {**job_fields(job), "url": f"{request.app.state.public_url}/jobs/{job.id}"}


async def _body(request: Request) -> object:
    """What the JSON of the body stands for; agent.http.limits ends one that is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A job is application/json.")
    return _json(await request.body())


def _json(data: bytes) -> object:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UsageError("A job is JSON in UTF-8.") from error
    if len(text) > LARGEST_SPEC:
        raise UsageError(f"A job has at most {LARGEST_SPEC:,} characters of JSON.")
    try:
        return json.loads(text, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise UsageError("A job is one JSON object, and this is none.") from error


def _number(text: str) -> float:
    """JSON has one kind of numbers: 7.0 is 7."""
    value = float(text)
    return int(value) if value.is_integer() else value
