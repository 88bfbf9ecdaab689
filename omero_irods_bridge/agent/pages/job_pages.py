"""Jobs: the list, the form, and the page of each."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http.doors import Keeper, Reader, Submitter, TheDesk
from omero_irods_bridge.agent.http.job_bodies import ONE_LINE
from omero_irods_bridge.agent.http.job_routes import JobId, Number
from omero_irods_bridge.agent.pages import job_views, words
from omero_irods_bridge.agent.pages.forms import OFFERED, Filled, Posted, read_form
from omero_irods_bridge.agent.pages.refusals import PageRoute
from omero_irods_bridge.agent.pages.rendering import go_to, link, page
from omero_irods_bridge.agent.pages.strip import strip_of
from omero_irods_bridge.agent.store.jobs import LARGEST_PAGE, JobFilter
from omero_irods_bridge.model.errors import BridgeError, NotFound
from omero_irods_bridge.model.events import Step
from omero_irods_bridge.model.jobs import Job, JobEvent, JobKind, JobState

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=Response)

PAGE_LENGTH: Final = 25
LINES_SHOWN: Final = 200
"""Of a log, the last ones; its JSON has all."""

_API: Final = "/api/v1/jobs"
Text = Annotated[str, Query(max_length=100, pattern=ONE_LINE)]


class Chosen:
    """What a reader wants to see of the list; what is empty does not matter."""

    def __init__(
        self, state: Text = "", kind: Text = "", user: Text = "", text: Text = "", batch: Text = ""
    ) -> None:
        self.state = JobState(state) if state in list(JobState) else None
        self.kind = JobKind(kind) if kind in list(JobKind) else None
        self.user, self.text, self.batch = user.strip(), text.strip(), batch.strip()

    def fields(self, **other: Any) -> dict[str, Any]:
        """As the address has it."""
        mine = {"state": self.state, "kind": self.kind, "user": self.user, "text": self.text}
        return {**mine, "batch": self.batch, **other}

    def filter(self, *, any_state: bool = False) -> JobFilter:
        """As the store has it."""
        states = (self.state,) if self.state and not any_state else ()
        return JobFilter(self.user or None, states, self.kind, self.batch or None, self.text or None)


Wanted = Annotated[Chosen, Depends(Chosen)]


@router.get("/")
def start() -> Response:
    """The list of jobs is where people start."""
    return go_to("/jobs")


@router.get("/jobs")
def list_jobs(
    request: Request, desk: TheDesk, asker: Reader, chosen: Wanted, before: Number | None = None
) -> Response:
    """The newest first."""
    found = desk.list_jobs(chosen.filter(), asker, limit=PAGE_LENGTH + 1, before=before)
    shown = found[:PAGE_LENGTH]
    return page(
        request,
        "jobs.html",
        asker,
        twin=link(_API, chosen.fields(limit=PAGE_LENGTH, before=before)),
        chosen=chosen,
        counts=desk.count(chosen.filter(any_state=True), asker),
        rows=[(job, words.title(job.spec), job_views.progress(job)) for job in shown],
        older=shown[-1].id if len(found) > PAGE_LENGTH else None,
        is_first=before is None,
        strip=strip_of(request, desk, asker),
        now=time.time(),
    )


@router.get("/jobs/new")
def new_job(request: Request, asker: Submitter, kind: JobKind = JobKind.PACK) -> Response:
    """The form; what the address says is filled in."""
    values = {name: value for name, value in request.query_params.items() if name != "kind"}
    return _form(request, asker, Filled(_offered(kind), values))


@router.post("/jobs")
def submit(request: Request, desk: TheDesk, asker: Submitter, values: Posted) -> Response:
    """Hand in a job; what is wrong is said beside the field, and nothing that was written is lost."""
    kind = _offered(values.get("kind", ""))
    spec = read_form(kind, values, asker.user)
    if isinstance(spec, Filled):
        return _form(request, asker, spec, status=422)
    try:
        job = desk.submit(spec, asker)
    except BridgeError as error:
        return _form(request, asker, Filled(kind, values).with_error(error), status=422)
    return go_to(f"/jobs/{job.id}")


def _offered(kind: str) -> JobKind:
    if kind not in OFFERED:
        raise NotFound("There is no form for such a job.", hint="Begin with New job.")
    return JobKind(kind)


def _form(request: Request, asker: Requester, form: Filled, *, status: int = 200) -> Response:
    return page(request, "new_job.html", asker, status=status, form=form, offered=OFFERED, place="/jobs/new")


@router.get("/jobs/{job}")
def show_job(request: Request, desk: TheDesk, asker: Reader, job: JobId) -> Response:
    """What is known of a job; while it is under way the script of the page asks anew."""
    found = desk.get(job, asker)
    log = _log(desk, asker, found)
    now = time.time()
    begun = next((one.at for one in reversed(log) if isinstance(one.event, Step)), None)
    return page(
        request,
        "job.html",
        asker,
        twin=f"{_API}/{job}",
        job=found,
        title=words.title(found.spec),
        progress=job_views.progress(found, begun, now),
        steps=job_views.steps(found, log),
        lines=job_views.lines(log[-LINES_SHOWN:]),
        left_out=max(0, len(log) - LINES_SHOWN),
        seen=log[-1].number if log else 0,
        asked=job_views.asked(found),
        outcome=job_views.outcome(found.result),
        findings=job_views.findings(found.result),
        snapshot=_snapshot(found),
        now=now,
    )


def _log(desk: Desk, asker: Requester, job: Job) -> list[JobEvent]:
    log: list[JobEvent] = []
    while True:
        more = desk.events(job.id, asker, after=log[-1].number if log else 0)
        log += more
        if len(more) < LARGEST_PAGE:
            return log


def _snapshot(job: Job) -> str:
    """Where the snapshot is that the job made or worked at; "" for none."""
    path = (job.result or {}).get("path") or getattr(job.spec.work, "path", "")
    return path if isinstance(path, str) else ""


@router.post("/jobs/{job}/cancel")
def cancel(desk: TheDesk, asker: Keeper, _values: Posted, job: JobId) -> Response:
    """End a job; one that runs stops at its next piece."""
    desk.cancel(job, asker)
    return go_to(f"/jobs/{job}")


@router.post("/jobs/{job}/retry")
def retry(desk: TheDesk, asker: Keeper, _values: Posted, job: JobId) -> Response:
    """Have a job tried again."""
    desk.retry(job, asker)
    return go_to(f"/jobs/{job}")


@router.post("/jobs/{job}/delete")
def delete(desk: TheDesk, asker: Keeper, _values: Posted, job: JobId) -> Response:
    """Forget a job that has ended."""
    desk.delete(job, asker)
    return go_to("/jobs")
