"""The application: what is under ``/api/v1``."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from omero_irods_bridge import __version__
from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http import problems
from omero_irods_bridge.agent.http.doors import Keeper, NotSignedIn, Reader, Submitter, TheDesk
from omero_irods_bridge.agent.http.streaming import stream
from omero_irods_bridge.agent.http.tokens import Tokens
from omero_irods_bridge.agent.job_fields import job_fields, log_fields
from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.errors import BridgeError, UsageError
from omero_irods_bridge.model.jobs import LARGEST_SPEC, Job, JobEvent, JobKind, JobSpec, JobState

LARGEST_BODY: Final = 4 * LARGEST_SPEC
"""Bytes: UTF-8 has up to four a character."""

LARGEST_ID: Final = 2**31 - 1
"""What a column of PostgreSQL holds."""

JobId = Annotated[int, InPath(ge=1, le=LARGEST_ID)]
Number = Annotated[int, Query(ge=0, le=LARGEST_ID)]

_BODY: Final = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_router: Final = APIRouter(prefix="/api/v1/jobs")


def create_app(desk: Desk, tokens: Tokens) -> FastAPI:
    """The application over a desk. It keeps nothing of its own; several may run beside each other."""
    app = FastAPI(title="omero-irods agent", version=__version__, docs_url=None, redoc_url=None)
    app.state.desk, app.state.tokens = desk, tokens
    app.add_exception_handler(BridgeError, problems.of_bridge)
    app.add_exception_handler(NotSignedIn, problems.ask_for_token)
    app.add_exception_handler(SQLAlchemyError, problems.of_database)
    app.add_exception_handler(HTTPException, problems.of_http)
    app.add_exception_handler(RequestValidationError, problems.of_validation)
    app.include_router(_router)
    app.add_api_route("/healthz", _healthz)
    return app


def _healthz(desk: TheDesk) -> dict[str, bool]:
    """Whether the database answers."""
    desk.list_jobs(JobFilter(), Requester("healthz"), limit=1)
    return {"ok": True}


@_router.post("", status_code=HTTPStatus.ACCEPTED, openapi_extra=_BODY)
async def submit(request: Request, response: Response, desk: TheDesk, asker: Submitter) -> Any:
    """Hand in a job; the same request_id of the same user is the same job."""
    spec = JobSpec.from_json(await _body(request))
    job = await anyio.to_thread.run_sync(desk.submit, spec, asker)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job_fields(job)


@_router.get("")
def list_jobs(
    desk: TheDesk,
    asker: Reader,
    state: Annotated[list[JobState] | None, Query()] = None,
    kind: JobKind | None = None,
    user: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Number | None = None,
) -> Any:
    """The newest first; ``next`` is the ``before`` of the following page."""
    wanted = JobFilter(user, tuple(state or ()), kind)
    found = desk.list_jobs(wanted, asker, limit=limit, before=before)
    following = found[-1].id if len(found) == limit else None
    return {"jobs": [job_fields(one) for one in found], "next": following}


@_router.get("/{job}")
def get(job: JobId, desk: TheDesk, asker: Reader) -> Any:
    """A job as it is now."""
    return job_fields(desk.get(job, asker))


@_router.get("/{job}/events")
def events(request: Request, job: JobId, desk: TheDesk, asker: Reader, after: Number = 0) -> Any:
    """The log of a job; as a stream of what comes, until it ends, for who accepts text/event-stream."""

    def look(seen: int) -> tuple[Job, list[JobEvent]]:
        """The job first: what happens to it afterwards is among the events of the next look."""
        return desk.get(job, asker), desk.events(job, asker, after=seen)

    if "text/event-stream" not in request.headers.get("accept", ""):
        return {"events": [log_fields(one) for one in desk.events(job, asker, after=after)]}
    look(after)  # a job that is not there is an error, no stream
    told = stream(look, _last_event(request, after))
    return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@_router.post("/{job}/cancel")
def cancel(job: JobId, desk: TheDesk, asker: Keeper) -> Any:
    """End a job; one that runs stops at its next piece."""
    return job_fields(desk.cancel(job, asker))


@_router.post("/{job}/retry")
def retry(job: JobId, desk: TheDesk, asker: Keeper) -> Any:
    """Have a job that failed or was cancelled tried again."""
    return job_fields(desk.retry(job, asker))


@_router.delete("/{job}", status_code=HTTPStatus.NO_CONTENT)
def delete(job: JobId, desk: TheDesk, asker: Keeper) -> None:
    """Forget a job that has ended, with its log."""
    desk.delete(job, asker)


def _last_event(request: Request, after: int) -> int:
    """Where the stream broke off, as a browser tells when it connects again."""
    told = request.headers.get("last-event-id", "")
    return min(int(told), LARGEST_ID) if re.fullmatch(r"[0-9]{1,18}", told, re.ASCII) else after


async def _body(request: Request) -> str:
    """The text of the body; one that is too large is not read to its end."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A job is application/json.")
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {LARGEST_BODY:,} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError("A job is JSON in UTF-8.") from error
