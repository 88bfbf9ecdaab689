"""Data in iRODS that is to appear in OMERO: what collections and cards ask for, and what came of it.

AVUs are those of DESIGN section 5: a collection opts in with ``omero::ingest``; what was ingested says so
with ``omero::fileset``, ``image``, ``server``, ``linked`` and ``imported_at``. Besides, it has
``ingest_version``, by which content that changed is told from what is in OMERO already, ``imported_as``, the
user, and ``file``, the id of its OriginalFile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from omero_irods_bridge.model.errors import BridgeError, TargetExists, UsageError
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX
from omero_irods_bridge.model.stored import Avu, DataObject

CARD_NAMESPACE: Final = "omero-irods-bridge/card"
"""Of the annotations that a card has made."""

PROBE_PREFIX: Final = ".omero-irods-probe-"
"""Names of objects that show for a moment whether a path mapping leads to the right place."""

QUIET_S: Final = 60.0
DEFAULT_TARGET: Final = "Project:name:{root}/Dataset:name:{collection}"
DEFAULT_IGNORE: Final = (
    ".*",
    "Thumbs.db",
    "desktop.ini",
    "*.toml",
    "*.txt",
    "*.md",
    "*.log",
    "*.md5",
    "*.sha256",
    "*.csv",
    "*.pdf",
)


class IngestMode(StrEnum):
    """How OMERO gets the bytes."""

    IN_PLACE = "in-place"
    """It links to the file where it is."""
    COPY = "copy"
    """It gets a copy, streamed."""


class IngestState(StrEnum):
    """Value of ``omero::ingest_state`` while an object is on its way; an ingested one has none."""

    WAITING = "waiting"
    QUEUED = "queued"
    FAILED = "failed"


class Linked(StrEnum):
    """Value of ``omero::linked``; what is linked in place is protected by the rules."""

    IN_PLACE = "in-place"
    COPIED = "copied"


class Existing(StrEnum):
    """What to do when there is a container of the name already."""

    APPEND = "append"
    NEW = "new"
    FAIL = "fail"


class Packets(StrEnum):
    """What becomes of a packet that arrives (AVU ``omero::ingest_packets``)."""

    DESCRIBE = "describe"
    """It gets the AVUs of a snapshot."""
    EXPAND = "expand"
    """Besides, it is expanded into a collection beside it, where it has a manifest."""


class When(StrEnum):
    """When a set of files counts as complete (AVU ``omero::ingest_when``)."""

    QUIET = "quiet"
    """Nothing of it has changed for a while, or it was handed over."""
    HANDOVER = "handover"
    """Somebody said so: ``omero::ingest_ready``, or ``complete = true`` in a card."""


@dataclass(frozen=True, slots=True)
class SetRule:
    """Files that belong together: where a name in a collection fits ``open``, all that fit ``members`` do.

    ``open`` and ``members`` are patterns with ``*``, ``?`` and ``[...]``; with ``below`` files of the
    collections below belong to the set too. OMERO opens the file that fits ``open``.

    With ``series`` it is all files of one collection that a pattern as those of Bio-Formats stands for,
    ``*_t<001-100>_c<r,g>.tif``, where each ``*`` is the same text in all of them; OMERO opens the first one.
    """

    open: str = ""
    members: str = "*"
    below: bool = False
    series: str = ""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the settings say of ingest. ``quiet_s`` in seconds; ``replicas`` is how many must be good.

    ``target`` is a template of a target, ``ignore`` are patterns of names that are no images.
    """

    prefix: str = DEFAULT_PREFIX
    quiet_s: float = QUIET_S
    target: str = DEFAULT_TARGET
    existing: Existing = Existing.APPEND
    replicas: int = 1
    ignore: tuple[str, ...] = DEFAULT_IGNORE
    sets: tuple[SetRule, ...] = ()
    paths: Mapping[str, Any] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """An attribute with the prefix."""
        return self.prefix + attribute


@dataclass(frozen=True, slots=True)
class Card:
    """What a ``.toml`` file says of the data beside and below it.

    ``owner`` is who owns it in iRODS, ``name#zone``; ``version`` changes when its content does. Empty texts
    are what it does not say. ``complete`` is none when it does not speak of that.
    """

    path: str
    id: int
    owner: str
    version: str
    project: str = ""
    dataset: str = ""
    screen: str = ""
    user: str = ""
    group: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    comment: str = ""
    title: str = ""
    mode: IngestMode | None = None
    complete: bool | None = None


@dataclass(frozen=True, slots=True)
class OptIn:
    """What a collection asks for all that is in and below it; the deepest one that holds a file decides.

    ``root`` is the collection that opted in first, above. ``owner`` is of the collection or card that names
    user and target, ``name#zone``. ``metadata`` asks for AVUs with facts of the images; ``packets`` is none
    where nothing is said of them.
    """

    collection: str
    root: str
    mode: IngestMode
    owner: str
    target: str = ""
    user: str = ""
    group: str = ""
    when: When = When.QUIET
    existing: Existing | None = None
    metadata: bool = False
    card: Card | None = None
    packets: Packets | None = None


@dataclass(frozen=True, slots=True)
class FileSet:
    """Data objects that make one fileset; OMERO opens the first one."""

    members: tuple[DataObject, ...]

    @property
    def first(self) -> DataObject:
        return self.members[0]

    @property
    def path(self) -> str:
        return self.first.path

    @property
    def size(self) -> int:
        """Of all, in bytes."""
        return sum(one.size for one in self.members)


class LateMember(TargetExists):
    """``news`` belong to a set that OMERO has, or had, without them.

    ``is_whole`` when they can be a set by themselves, without files that OMERO has.
    """

    def __init__(self, message: str, *, hint: str, news: Sequence[str], is_whole: bool) -> None:
        super().__init__(message, hint=hint)
        self.news, self.is_whole = tuple(news), is_whole


@dataclass(frozen=True, slots=True)
class IngestItem:
    """A set that is complete, and where it goes: ``target`` as ``Project:name:X/Dataset:name:Y``.

    ``late`` says that it seems to belong to a set that is in OMERO: it is left, unless OMERO has it too.
    """

    files: FileSet
    opt_in: OptIn
    user: str
    group: str
    target: str
    late: LateMember | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A path that is not imported yet, and why.

    ``again_s`` is in how many seconds it is worth another look; none when something has to happen first.
    """

    path: str
    reason: str
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class IngestFailure:
    """A path that cannot be imported as it is; ``version`` of what was tried."""

    path: str
    error: BridgeError
    version: str = ""


@dataclass(frozen=True, slots=True)
class IngestDone:
    """A set that is in OMERO; ``was_there`` when an earlier run had imported it and did not say so."""

    path: str
    fileset: int
    images: tuple[int, ...]
    plates: tuple[int, ...]
    was_there: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """A packet that was recognised, and described by AVUs instead of imported.

    ``expanded`` is the collection that it was expanded into, "" for none.
    """

    path: str
    images: int
    expanded: str = ""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a scan has done.

    ``released`` are objects that OMERO has no image of any more, ``cards`` those whose edits were applied.
    ``failed_before`` were not tried, with the reason: an earlier scan did, and they are the same files.
    """

    done: tuple[IngestDone, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    failed: tuple[IngestFailure, ...] = ()
    failed_before: tuple[Waiting, ...] = ()
    packets: tuple[Described, ...] = ()
    released: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()
    stopped: BridgeError | None = None


def version_of(found: DataObject) -> str:
    """Tells contents of a data object apart: its checksum, else size and time."""
    return (found.good or found.replicas[0]).checksum or version_there(found)


def version_there(found: DataObject) -> str:
    """What tells whether it is the same file as before, whether or not it has a checksum by now."""
    one = found.good or found.replicas[0]
    return f"{one.size}-{one.modified or 0:.0f}"


def values_of(avus: Iterable[Avu], attribute: str) -> list[str]:
    """The values of an attribute, sorted."""
    return sorted(one.value for one in avus if one.attribute == attribute)


def first_value(avus: Iterable[Avu], attribute: str) -> str:
    """The first value of an attribute, "" when there is none."""
    return next(iter(values_of(avus, attribute)), "")


def one_of(kind: type[StrEnum], text: str, what: str) -> Any:
    """The member of ``kind`` that ``text`` names.

    Raises:
        UsageError: none; says ``what`` is wrong and which there are.
    """
    try:
        return kind(text.strip().lower())
    except ValueError as error:
        raise UsageError(f"{what} is {text!r}.", hint=f"Known are: {', '.join(kind)}.") from error
