"""Jobs: what somebody asked the agent to do, and what has become of it. JSON and back, with limits.

A job names objects and paths; it never holds a credential or bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Final, Self, TypeAlias

from omero_irods_bridge.model.errors import BridgeError, UsageError
from omero_irods_bridge.model.events import Event, Notice, Progress, Step
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope

LARGEST_SPEC: Final = 256 * 1024
"""Characters of a job in JSON."""

LARGEST_OBJECTS: Final = 10_000
"""Objects that one job names."""

LARGEST_PATH: Final = 1_024
"""Characters; iRODS takes no more (MAX_NAME_LEN)."""

LARGEST_NOTE: Final = 2_000
LARGEST_NAME: Final = 100
LOWEST_PRIORITY: Final = 9

_RANGE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,100}", re.ASCII)


class JobKind(StrEnum):
    """What a job does."""

    PACK = "pack"
    VERIFY = "verify"
    GC = "gc"


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


@dataclass(frozen=True, slots=True)
class PackWork:
    """Pack ``objects``; without ``target`` to where the agent's settings say.

    ``group`` is the OMERO group to work in, by name; "" for the user's default group.
    """

    kind: ClassVar[JobKind] = JobKind.PACK

    objects: tuple[ObjectRef, ...]
    target: str = ""
    group: str = ""
    form: Form = Form.ZIP
    existing: Existing = Existing.VERSION
    note: str = ""
    figures: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.objects) <= LARGEST_OBJECTS:
            raise UsageError(f"A job packs from 1 to {LARGEST_OBJECTS:,} objects.")
        _check_path("target", self.target)
        _check_text("group", self.group, LARGEST_NAME)
        if len(self.note) > LARGEST_NOTE or not _is_unicode(self.note):
            raise UsageError(f"The note is a text of at most {LARGEST_NOTE:,} characters.")


@dataclass(frozen=True, slots=True)
class VerifyWork:
    """Verify the snapshot at ``path``; ``sample`` (above 0, at most 1) is a part of its data."""

    kind: ClassVar[JobKind] = JobKind.VERIFY

    path: str
    scope: Scope = Scope.METADATA
    sample: float | None = None

    def __post_init__(self) -> None:
        if not self.path:
            raise UsageError("The job does not say which snapshot to verify.")
        _check_path("path", self.path)
        if self.sample is not None and not (self.scope is Scope.DATA and 0 < self.sample <= 1):
            raise UsageError("A sample is a part of the data: above 0, at most 1.")


@dataclass(frozen=True, slots=True)
class GcWork:
    """Remove leftovers at and below ``collection``, the user's home if it is ""."""

    kind: ClassVar[JobKind] = JobKind.GC

    collection: str = ""
    older_than_s: float = 24 * 3600.0

    def __post_init__(self) -> None:
        _check_path("collection", self.collection)
        if not 0 <= self.older_than_s < math.inf:
            raise UsageError("The age of leftovers is not negative.")


Work: TypeAlias = PackWork | VerifyWork | GcWork

_WORKS: Final[Mapping[JobKind, type[Work]]] = {one.kind: one for one in (PackWork, VerifyWork, GcWork)}


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job as it is asked for, on behalf of the OMERO user ``requested_by``.

    The same user asking again with the same ``request_id`` gets the job that is there already. Jobs of
    ``priority`` 0 begin first, those of 9 last.
    """

    work: Work
    requested_by: str
    request_id: str
    priority: int = 5

    def __post_init__(self) -> None:
        if not self.requested_by:
            raise UsageError("The job does not say for whom it is.")
        _check_text("requested_by", self.requested_by, LARGEST_NAME)
        if not _REQUEST_ID.fullmatch(self.request_id):
            raise UsageError("request_id has from 1 to 100 letters, digits and any of . _ : / -")
        if not 0 <= self.priority <= LOWEST_PRIORITY:
            raise UsageError(f"The priority is from 0, the first, to {LOWEST_PRIORITY}, the last.")

    @property
    def kind(self) -> JobKind:
        return self.work.kind

    def to_json(self) -> str:
        """Reads back as an equal value by :meth:`from_json`."""
        work = {name: value for name, value in asdict(self.work).items() if value is not None}
        if isinstance(self.work, PackWork):
            work["objects"] = [str(ref) for ref in self.work.objects]
        rest = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "work"}
        return json.dumps({"kind": self.kind, "work": work, **rest}, ensure_ascii=False)

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
        taken = _Fields("job", found)
        kind = taken.choice("kind", JobKind)
        work = _read_work(kind, _Fields("work", taken.take("work", dict, {})))
        spec = cls(
            work,
            taken.take("requested_by", str),
            taken.take("request_id", str),
            taken.take("priority", int, 5),
        )
        taken.end()
        return spec


def _read_work(kind: JobKind, taken: _Fields) -> Work:
    made: Work
    if kind is JobKind.PACK:
        made = PackWork(
            _objects(taken.take("objects", list)),
            taken.take("target", str, ""),
            taken.take("group", str, ""),
            taken.choice("form", Form, Form.ZIP),
            taken.choice("existing", Existing, Existing.VERSION),
            taken.take("note", str, ""),
            taken.take("figures", bool, default=False),
        )
    elif kind is JobKind.VERIFY:
        scope = taken.choice("scope", Scope, Scope.METADATA)
        made = VerifyWork(taken.take("path", str), scope, taken.number("sample", None))
    else:
        usual = GcWork()
        age = taken.number("older_than_s", usual.older_than_s)
        made = GcWork(taken.take("collection", str, ""), usual.older_than_s if age is None else age)
    taken.end()
    return made


def _objects(texts: Sequence[object]) -> tuple[ObjectRef, ...]:
    found = [text for text in texts if isinstance(text, str)]
    if len(found) != len(texts) or sum(map(_named, found)) > LARGEST_OBJECTS:
        raise UsageError(
            f"objects is a list of texts such as Dataset:51, of {LARGEST_OBJECTS:,} objects at most."
        )
    return parse_objects(found)


def _named(text: str) -> int:
    """How many objects a text names, without making them: a range may be long."""
    ranges = sum(int(last) - int(first) for first, last in _RANGE.findall(text))
    return ranges + text.count(",") + 1


class _Fields:
    """Takes fields of a JSON object one by one; what is left in the end was not known."""

    def __init__(self, name: str, found: object) -> None:
        if not isinstance(found, dict):
            raise UsageError(f"{name} has to be a JSON object.")
        self._name, self._left = name, dict(found)

    def take(self, name: str, kind: type[Any], default: Any = None) -> Any:
        """A field of just this type; it has to be there where there is no default."""
        value = self._left.pop(name, default)
        if type(value) is not kind:
            raise UsageError(f"{self._name}: {name} is missing or has the wrong type.")
        return value

    def number(self, name: str, default: float | None) -> float | None:
        value = self._left.pop(name, default)
        if value is None or (type(value) in {int, float} and math.isfinite(value)):
            return None if value is None else float(value)
        raise UsageError(f"{self._name}: {name} is no number.")

    def choice(self, name: str, kind: type[StrEnum], default: Any = None) -> Any:
        value = self._left.pop(name, default)
        if value not in list(kind):
            raise UsageError(f"{self._name}: {name} is one of {', '.join(kind)}.")
        return kind(value)

    def end(self) -> None:
        if self._left:
            raise UsageError(
                f"{self._name} has unknown fields: {', '.join(sorted(map(str, self._left))[:5])}."
            )


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which JSON can smuggle in and no file or catalog takes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.isprintable():
        raise UsageError(f"{name} is a text of at most {longest:,} printable characters.")


def _check_path(name: str, path: str) -> None:
    """A path of iRODS, or a template of one."""
    _check_text(name, path, LARGEST_PATH)
    if path and (not path.startswith("/") or {".", ".."} & set(path.split("/"))):
        raise UsageError(f"{name} is an absolute path in iRODS, without . and .. in it.")


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
