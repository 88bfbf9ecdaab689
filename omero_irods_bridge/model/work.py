"""What a job works at, in one value for each kind of job. JSON and back, with limits.

It names objects and paths; it never holds a credential or bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeAlias

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.json_fields import Fields, check_path, check_text, is_unicode
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.ownership import OwnerMap
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.model.verification import Scope

LARGEST_OBJECTS: Final = 10_000
"""Objects that one job names."""

LARGEST_AGE_S: Final = 100 * 365 * 24 * 3600.0
LARGEST_NOTE: Final = 2_000
LARGEST_NAME: Final = 100

_RANGE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class JobKind(StrEnum):
    """What a job does."""

    PACK = "pack"
    UNPACK = "unpack"
    VERIFY = "verify"
    GC = "gc"
    INGEST = "ingest"


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
        check_path("target", self.target)
        check_text("group", self.group, LARGEST_NAME)
        if len(self.note) > LARGEST_NOTE or not is_unicode(self.note):
            raise UsageError(f"The note is a text of at most {LARGEST_NOTE:,} characters.")


@dataclass(frozen=True, slots=True)
class UnpackWork:
    """Load the packet at ``path`` in iRODS, as :class:`UnpackRequest` says.

    ``group`` is the OMERO group to work in, by name; "" for that of ``into``; where nothing is named for that
    of the packet when owners are kept, and else the user's default group.
    """

    kind: ClassVar[JobKind] = JobKind.UNPACK

    path: str
    only: tuple[ObjectRef, ...] = ()
    into: ObjectRef | None = None
    merge: bool = False
    in_place: bool = False
    as_owner: bool = False
    again: str = ""
    group: str = ""
    owners: OwnerMap = field(default_factory=OwnerMap)

    def __post_init__(self) -> None:
        if not self.path:
            raise UsageError("The job does not say which snapshot to unpack.")
        check_path("path", self.path)
        check_text("again", self.again, LARGEST_NAME)
        check_text("group", self.group, LARGEST_NAME)
        if len(self.only) > LARGEST_OBJECTS:
            raise UsageError(f"A job names at most {LARGEST_OBJECTS:,} objects.")
        self.request()

    def request(self) -> UnpackRequest:
        """What unpack takes. Raises UsageError where it contradicts itself."""
        return UnpackRequest(
            self.path,
            self.only,
            self.into,
            self.merge,
            self.in_place,
            self.as_owner,
            self.again,
            self.owners,
            keep_group=self.as_owner and not (self.group or self.into),
        )


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
        check_path("path", self.path)
        if self.sample is not None and not (self.scope is Scope.DATA and 0 < self.sample <= 1):
            raise UsageError("A sample is a part of the data: above 0, at most 1.")


@dataclass(frozen=True, slots=True)
class GcWork:
    """Remove leftovers at and below ``collection``, the user's home if it is ""."""

    kind: ClassVar[JobKind] = JobKind.GC

    collection: str = ""
    older_than_s: float = 24 * 3600.0

    def __post_init__(self) -> None:
        check_path("collection", self.collection)
        if not 0 <= self.older_than_s <= LARGEST_AGE_S:
            raise UsageError("The age of leftovers, in seconds, is not negative, and at most 100 years.")


@dataclass(frozen=True, slots=True)
class IngestWork:
    """Import what is complete in collections that opted in, at and below ``collection``.

    For an administrator of the agent it works for all users, and "" is the whole zone. For others it works as
    themselves, and "" is their home. With ``hinted`` it looks only where objects say that they wait, as the
    rules let them, and quickly.
    """

    kind: ClassVar[JobKind] = JobKind.INGEST

    collection: str = ""
    hinted: bool = False

    def __post_init__(self) -> None:
        check_path("collection", self.collection)


Work: TypeAlias = PackWork | UnpackWork | VerifyWork | GcWork | IngestWork


def work_fields(work: Work) -> dict[str, Any]:
    """As JSON has it; what is none is left out."""
    told = {name: value for name, value in asdict(work).items() if value is not None}
    if isinstance(work, PackWork):
        told["objects"] = [str(ref) for ref in work.objects]
    if isinstance(work, UnpackWork):
        told["only"] = [str(ref) for ref in work.only]
        told |= {"into": str(work.into)} if work.into else {}
        if not work.owners:
            del told["owners"]
    return told


def read_work(kind: JobKind, taken: Fields) -> Work:
    """The work that :func:`work_fields` told of. Raises UsageError for what is none."""
    made: Work
    if kind is JobKind.PACK:
        made = PackWork(
            read_objects("objects", taken.take("objects", list)),
            taken.take("target", str, ""),
            taken.take("group", str, ""),
            taken.choice("form", Form, Form.ZIP),
            taken.choice("existing", Existing, Existing.VERSION),
            taken.take("note", str, ""),
            taken.take("figures", bool, default=False),
        )
    elif kind is JobKind.UNPACK:
        made = _read_unpack(taken)
    elif kind is JobKind.VERIFY:
        scope = taken.choice("scope", Scope, Scope.METADATA)
        made = VerifyWork(taken.take("path", str), scope, taken.number("sample", None))
    elif kind is JobKind.INGEST:
        made = IngestWork(taken.take("collection", str, ""), taken.take("hinted", bool, default=False))
    else:
        usual = GcWork()
        age = taken.number("older_than_s", usual.older_than_s)
        made = GcWork(taken.take("collection", str, ""), usual.older_than_s if age is None else age)
    taken.end()
    return made


def _read_unpack(taken: Fields) -> UnpackWork:
    path, only, into = taken.take("path", str), taken.take("only", list, []), taken.take("into", str, "")
    return UnpackWork(
        path,
        read_objects("only", only) if only else (),
        _into(into) if into else None,
        taken.take("merge", bool, default=False),
        taken.take("in_place", bool, default=False),
        taken.take("as_owner", bool, default=False),
        taken.take("again", str, ""),
        taken.take("group", str, ""),
        _owners(Fields("owners", taken.take("owners", dict, {}))),
    )


def _owners(taken: Fields) -> OwnerMap:
    made = OwnerMap(taken.take("users", dict, {}), taken.take("groups", dict, {}))
    taken.end()
    names = [*made.users, *made.users.values(), *made.groups, *made.groups.values()]
    if len(names) > LARGEST_OBJECTS:
        raise UsageError(f"owners has at most {LARGEST_OBJECTS // 2:,} names.")
    for name in names:
        check_text("owners", name, LARGEST_NAME)
    return made


def _into(text: str) -> ObjectRef:
    first, *more = read_objects("into", [text])
    if more:
        raise UsageError("into is one object.")
    return first


def read_objects(name: str, texts: Sequence[object]) -> tuple[ObjectRef, ...]:
    """The objects that a job names. Raises UsageError for what is none, and for too many."""
    found = [text for text in texts if isinstance(text, str)]
    if len(found) != len(texts) or sum(map(_named, found)) > LARGEST_OBJECTS:
        raise UsageError(
            f"{name} is a list of texts such as Dataset:51, of {LARGEST_OBJECTS:,} objects at most."
        )
    return parse_objects(found)


def _named(text: str) -> int:
    """How many objects a text names, without making them: a range may be long."""
    ranges = sum(max(0, int(last) - int(first)) for first, last in _RANGE.findall(text))
    return ranges + text.count(",") + 1
