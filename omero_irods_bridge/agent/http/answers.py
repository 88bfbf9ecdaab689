"""What the agent answers, as it is described to programs.

The answers are made elsewhere (:mod:`agent.job_fields` and others); a test compares the two.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from omero_irods_bridge.model.jobs import JobKind, JobState
from omero_irods_bridge.model.snapshot import State

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""ISO 8601 in UTC."""

Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """Has all the fields that are named; there may be more one day."""

    model_config = ConfigDict(extra="allow")


class PhaseAnswer(Answer):
    """The step that a running job is at, and how far; the totals are none when nobody knows yet."""

    text: str
    bytes_done: Count
    items_done: Count
    bytes_total: Count | None
    items_total: Count | None


class ErrorAnswer(Answer):
    """Why a job failed, and what to do; ``retryable`` failures are tried again by themselves."""

    code: str
    message: str
    hint: str
    retryable: bool


class JobAnswer(Answer):
    """A job as it is now. ``url`` is its page."""

    id: Annotated[int, Field(ge=1)]
    uuid: str
    url: str
    state: JobState
    kind: JobKind
    work: dict[str, Any]
    requested_by: str
    request_id: str
    priority: Annotated[int, Field(ge=0, le=9)]
    batch: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    run_after: Annotated[Moment | None, Field(description="When a waiting job is tried again.")]
    attempt: Count
    tries: Count
    worker: str
    cancel_requested: bool
    phase: PhaseAnswer
    result: dict[str, Any] | None
    error: ErrorAnswer | None


class JobsAnswer(Answer):
    """A page of jobs, the newest first; ``next`` is the ``before`` of the following page."""

    jobs: list[JobAnswer]
    next: int | None


class EventAnswer(Answer):
    """What happened to a job; the other fields depend on ``event``."""

    number: Annotated[int, Field(ge=1)]
    at: Moment
    event: Literal["step", "progress", "notice", "state"]


class EventsAnswer(Answer):
    """The log of a job."""

    events: list[EventAnswer]


class SnapshotAnswer(Answer):
    """A snapshot as its AVUs describe it. ``bytes`` is its size; ``images`` and ``files`` are counts."""

    path: str
    bytes: Count
    server: str
    host: str
    sources: list[str]
    name: str
    owner: str
    group: str
    packed_by: str
    images: Count
    files: Count
    sha256: str
    packed_at: Moment
    software: str
    note: str
    job: str
    image_ids: list[int]
    state: State
    verified_at: Moment | None
    packet: str


class SnapshotsAnswer(Answer):
    """A page of snapshots in the order of their paths; ``next`` is the ``skip`` of the following page."""

    snapshots: list[SnapshotAnswer]
    next: int | None


class QueueAnswer(Answer):
    """The queue of a kind of jobs. At most ``limit`` run at once; a paused queue lets none begin.

    ``paused_by`` is a user, ``token:`` and a service, or ``account:`` and one of the agent's computer.
    """

    kind: JobKind
    paused: bool
    paused_at: Moment | None
    paused_by: str
    limit: Count
    running: Count
    queued: Count
    waiting: Count


class WorkerAnswer(Answer):
    """A worker that did not stop by itself; one that is ``silent`` says nothing any more.

    ``kinds`` are those that it takes, ``running`` is how many jobs it is at.
    """

    name: str
    kinds: list[JobKind]
    started_at: Moment | None
    seen_at: Moment | None
    silent: bool
    running: Count


class QueuesAnswer(Answer):
    """One queue of each kind; and the workers, of which only administrators are told."""

    queues: list[QueueAnswer]
    workers: list[WorkerAnswer]


class DayAnswer(Answer):
    """How many jobs ended in which way on a day, in UTC."""

    date: dt.date
    done: Count
    failed: Count
    cancelled: Count


class DaysAnswer(Answer):
    """The last days, the earliest first and today last."""

    days: list[DayAnswer]


class ScheduleAnswer(Answer):
    """What is asked for again and again. ``overdue`` means that its time has come and nothing was asked."""

    name: str
    kind: JobKind
    cron: str
    user: str
    last_at: Moment | None
    next_at: Moment | None
    overdue: bool


class SchedulesAnswer(Answer):
    """All schedules of the settings."""

    schedules: list[ScheduleAnswer]


class CheckAnswer(Answer):
    """How one of what the agent needs is; ``text`` is empty when it is well."""

    name: str
    ok: bool
    text: str
    seconds: Annotated[float, Field(ge=0)]


class HealthAnswer(Answer):
    """How all that the agent needs is."""

    ok: bool
    checks: list[CheckAnswer]


class AliveAnswer(Answer):
    """It is well."""

    ok: Literal[True]


class SessionAnswer(Answer):
    """Who is signed in; for a token the name of its service."""

    user: str
    admin: bool


class Problem(Answer):
    """What failed and what to do (RFC 9457). ``code`` is for programs and keeps its meaning."""

    type: Literal["about:blank"]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: str
    hint: str = ""
