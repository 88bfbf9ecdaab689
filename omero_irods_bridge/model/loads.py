"""What a load into OMERO leaves in it, so that it can be found, continued, shown and undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from omero_irods_bridge.model.imports import ImportMark
from omero_irods_bridge.model.snapshot import parse_timestamp, timestamp

RECORD_NAMESPACE: Final = "omero-irods-bridge/load-record"
"""Of the map annotation that says what a load is and how far it came; it hangs on nothing."""

ID_MAP_NAMESPACE: Final = "omero-irods-bridge/id-map"
"""Of the file annotation on that record: what became of each object of the packet."""

CLAIM_NAMESPACE: Final = "omero-irods-bridge/load-claim"
"""Of the map annotation on that record that says which process is carrying the load out."""

CONTAINER_KINDS: Final = ("Project", "Dataset", "Folder", "Screen", "Plate")
"""What a load marks besides filesets."""

LARGEST_BATCH: Final = 64 << 20
"""Of drafts saved in one call, in bytes as :func:`draft_bytes` reckons.

OMERO takes messages of up to 64 MiB (Ice.MessageSizeMax in templates.xml of openmicroscopy), whatever its
clients are set to; above that its router breaks the connection.
"""

_BYTES_PER_DRAFT: Final = 1500
"""What an object takes in a message beside its texts and bytes, and what OMERO answers of its details."""

_COUNT: Final = "count:"
_REUSED: Final = "reused"


class LoadState(StrEnum):
    """``DONE`` is said when the last step had nothing left to do."""

    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """A load, as OMERO remembers it.

    ``load`` is its id, ``snapshot`` where the packet is or was, ``sha256`` that of the whole packet if it has
    one, ``source_server`` the UUID of the OMERO that it came from, ``by`` who loads. Times are aware.
    ``counts`` are how many objects it has made, by class: all filesets and images, of the rest what the run
    that completed it has made. ``reused`` are keys of tags that were there before.
    ``group`` is the OMERO group that it is in, as the server says it: no part of what :meth:`pairs` tell.
    """

    load: str
    snapshot: str
    by: str
    started: datetime
    sha256: str = ""
    source_server: str = ""
    state: LoadState = LoadState.RUNNING
    finished: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    reused: tuple[str, ...] = ()
    group: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not (self.load and self.by):
            raise ValueError("a load needs an id and somebody who loads")
        if (self.finished is None) == (self.state is LoadState.DONE):
            raise ValueError("a load that is done has a time when it was finished, another has none")

    def pairs(self) -> list[tuple[str, str]]:
        """Keys and values for people and for :meth:`from_pairs`; nothing that is empty."""
        told = {
            "load": self.load,
            "snapshot": self.snapshot,
            "sha256": self.sha256,
            "server": self.source_server,
            "state": str(self.state),
            "started": timestamp(self.started),
            "finished": timestamp(self.finished) if self.finished else "",
            "by": self.by,
        }
        told |= {f"{_COUNT}{kind}": str(number) for kind, number in sorted(self.counts.items())}
        pairs = [(key, value) for key, value in told.items() if value]
        return [*pairs, *((_REUSED, key) for key in self.reused)]

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> LoadRecord:
        """The record that ``pairs`` tell; unknown keys are passed over.

        Raises:
            ValueError: they are not of a record.
        """
        known = list(pairs)
        told = dict(known)
        finished = told.get("finished")
        return cls(
            load=told.get("load", ""),
            snapshot=told.get("snapshot", ""),
            by=told.get("by", ""),
            started=parse_timestamp(told.get("started", "")),
            sha256=told.get("sha256", ""),
            source_server=told.get("server", ""),
            state=LoadState(told.get("state", "")),
            finished=parse_timestamp(finished) if finished else None,
            reused=tuple(value for key, value in known if key == _REUSED),
            counts={
                key.removeprefix(_COUNT): int(value) for key, value in told.items() if key.startswith(_COUNT)
            },
        )


def mark_pairs(mark: ImportMark) -> list[tuple[str, str]]:
    """Keys and values of the map annotation (namespace ``MARK_NAMESPACE``) on a container of a load.

    It is saved in one batch with the container, so that none is without.
    """
    return [("load", mark.load), ("snapshot", mark.snapshot), ("source", mark.source), ("state", "complete")]


@dataclass(frozen=True, slots=True)
class MarkedObject:
    """An object that a load has made and marked; ``key`` is ``Class:id``.

    ``may_delete`` is whether OMERO lets this user delete it.
    """

    key: str
    mark: ImportMark
    may_delete: bool = True


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """An object that something is to be put into. ``may_link``: this user may; ``group`` is where it is."""

    key: str
    name: str
    group_id: int
    group: str
    owner: str
    may_link: bool


@dataclass(frozen=True, slots=True)
class TagText:
    """By what a tag is known again: it is the same for people when all three are equal."""

    text: str
    description: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Remapped:
    """What became of ids that a table or a figure holds: how many were replaced, which are not known.

    ``unknown`` are by class; they stay as they are. ``left`` are columns that hold ids and cannot be changed.
    """

    changed: int
    unknown: Mapping[str, frozenset[int]] = field(default_factory=dict)
    left: tuple[str, ...] = ()


def draft_bytes(draft: Mapping[str, Any]) -> int:
    """About how many bytes a draft takes on its way to OMERO and back."""
    return _BYTES_PER_DRAFT + _length(draft)


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_length, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_length, value))
    return 8
