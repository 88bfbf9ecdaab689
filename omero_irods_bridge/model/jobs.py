"""Jobs: what somebody asked the agent to do, and what has become of it. JSON and back, with limits.

A job names objects and paths; it never holds a credential or bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

from omero_irods_bridge.model.errors import BridgeError, UsageError
from omero_irods_bridge.model.events import Event, Notice, Progress, Step
from omero_irods_bridge.model.json_fields import Fields, check_text
from omero_irods_bridge.model.work import (
    LARGEST_NAME,
    LARGEST_OBJECTS,
    GcWork,
    IngestWork,
    JobKind,
    PackWork,
    UnpackWork,
    VerifyWork,
    Work,
    read_work,
    work_fields,
)

__all__ = [
    "LARGEST_OBJECTS",
    "LARGEST_SPEC",
    "GcWork",
    "IngestWork",
    "Job",
    "JobError",
    "JobEvent",
    "JobKind",
    "JobSpec",
    "JobState",
    "PackWork",
    "Phase",
    "StateChanged",
    "UnpackWork",
    "VerifyWork",
    "Work",
    "event_fields",
    "event_of",
]

LARGEST_SPEC: Final = 256 * 1024
"""Characters of a job in JSON."""

LOWEST_PRIORITY: Final = 9

_ID_ALPHABET: Final = re.compile(r"[A-Za-z0-9._:/-]{1,100}", re.ASCII)


class JobState(StrEnum):
    """Where a job is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """It failed in a way that passes; it is tried again later."""
    DONE = "done"
    FAILED = "failed"
    """It is tried no more; it stays, with its log, until somebody deletes it or has it tried again."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to the job any more by itself."""
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


# -- what is asked for


def check_priority(priority: int) -> None:
    """Raises UsageError for what is no priority of a job."""
    if not 0 <= priority <= LOWEST_PRIORITY:
        raise UsageError(f"The priority is from 0, the first, to {LOWEST_PRIORITY}, the last.")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job as it is asked for, on behalf of the OMERO user ``requested_by``.

    The same user asking again with the same ``request_id`` gets the job that is there already. Jobs of
    ``priority`` 0 begin first, those of 9 last. ``batch`` is the same for all jobs that were asked for at
    once, "" for one that was asked for alone.
    """

    work: Work
    requested_by: str
    request_id: str
    priority: int = 5
    batch: str = ""

    def __post_init__(self) -> None:
        if not self.requested_by:
            raise UsageError("The job does not say for whom it is.")
        check_text("requested_by", self.requested_by, LARGEST_NAME)
        if not _ID_ALPHABET.fullmatch(self.request_id):
            raise UsageError("request_id has from 1 to 100 letters, digits and any of . _ : / -")
        if self.batch and not _ID_ALPHABET.fullmatch(self.batch):
            raise UsageError("batch has at most 100 letters, digits and any of . _ : / -")
        check_priority(self.priority)

    @property
    def kind(self) -> JobKind:
        return self.work.kind

    @property
    def lane(self) -> str:
        """Jobs of one lane run one after the other; "" for those that may run beside all others."""
        work = self.work
        return f"ingest {self.requested_by} {work.collection}" if isinstance(work, IngestWork) else ""

    def to_json(self) -> str:
        """Reads back as an equal value by :meth:`from_json`."""
        rest = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "work"}
        return json.dumps({"kind": self.kind, "work": work_fields(self.work), **rest}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises UsageError for what is no job: says which field is wrong."""
        if len(text) > LARGEST_SPEC:
            raise UsageError(f"A job has at most {LARGEST_SPEC:,} characters of JSON.")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError("A job is one JSON object, and this is none.") from error
        return cls.from_fields(found)

    @classmethod
    def from_fields(cls, found: object) -> Self:
        """As :meth:`from_json`, of what the JSON stands for."""
        taken = Fields("job", found)
        kind = taken.choice("kind", JobKind)
        work = read_work(kind, Fields("work", taken.take("work", dict, {})))
        spec = cls(
            work,
            taken.take("requested_by", str),
            taken.take("request_id", str),
            taken.take("priority", int, 5),
            taken.take("batch", str, ""),
        )
        taken.end()
        return spec


# -- what has become of it


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, as a ``BridgeError`` says it."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False

    @classmethod
    def of(cls, error: BridgeError) -> Self:
        return cls(error.code, error.message, error.hint, error.retryable)

    def to_error(self) -> BridgeError:
        """The error that it was made of; one of a code that is not known any more is a plain one."""
        return _error_class(BridgeError, self.code)(self.message, hint=self.hint)


def _error_class(kind: type[BridgeError], code: str) -> type[BridgeError]:
    """The class of this code among ``kind`` and those derived from it; ``kind`` where there is none."""
    if kind.code == code:
        return kind
    found = (_error_class(one, code) for one in kind.__subclasses__())
    return next((one for one in found if one.code == code), kind)


@dataclass(frozen=True, slots=True)
class Phase:
    """The step that a running job is at, and how far; absolute for the present attempt."""

    text: str = ""
    bytes_done: int = 0
    items_done: int = 0
    bytes_total: int | None = None
    items_total: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now. Times are seconds since 1970, UTC.

    ``uuid`` is its name everywhere, ``id`` within one agent. ``attempt`` counts from 1 on and names who may
    write of it; ``tries`` is how many attempts failed since it was last asked for. ``run_after`` is when a
    waiting job is tried again. ``worker`` is who had it last.
    """

    id: int
    uuid: str
    spec: JobSpec
    state: JobState
    created_at: float
    attempt: int = 0
    tries: int = 0
    worker: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    run_after: float | None = None
    is_cancel_requested: bool = False
    phase: Phase = field(default_factory=Phase)
    result: Mapping[str, Any] | None = None
    error: JobError | None = None


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """A job went on to another state; ``text`` says why, in words for the person who asked."""

    state: JobState
    text: str = ""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """What happened to a job; ``number`` counts from 1 for each job."""

    number: int
    at: float
    event: Event


_EVENTS: Final[Mapping[str, type[Event]]] = {
    "step": Step,
    "progress": Progress,
    "notice": Notice,
    "state": StateChanged,
}
_EVENT_NAMES: Final = {kind: name for name, kind in _EVENTS.items()}


def event_fields(event: Event) -> dict[str, Any]:
    """An event as a JSON object; what is none is left out."""
    assert isinstance(event, (Step, Progress, Notice, StateChanged))
    told = {name: value for name, value in asdict(event).items() if value is not None}
    return {"event": _EVENT_NAMES[type(event)], **told}


def event_of(found: Mapping[str, Any]) -> Event:
    """The event that :func:`event_fields` told of."""
    told = dict(found)
    kind = _EVENTS[told.pop("event")]
    if "state" in told:
        told["state"] = JobState(told["state"])
    return kind(**told)
