"""A snapshot as its AVUs describe it, so that it is found and listed without opening a packet."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeVar

from omero_irods_bridge.model.stored import Avu, sayable

PACKET_VERSION: Final = "2"
DEFAULT_PREFIX: Final = "omero::"
LARGEST_LIST: Final = 10_000
"""A snapshot of more images, or of more objects that were named, has no AVU of each.

Catalogs are not made for it, and the packet knows.
"""

LARGEST_VALUE: Final = 2_000
"""Bytes; the catalog takes 2,700 characters (irods: icatMidLevelRoutines, MAX_META_VALUE)."""

BYTES: Final = "B"

_Listed = TypeVar("_Listed")
_NOT_IN_XML: Final = "￾￿"


class Form(StrEnum):
    """How a packet is kept in iRODS."""

    ZIP = "zip"
    """One data object."""
    EXPANDED = "expanded"
    """A collection with a data object for each member."""


class State(StrEnum):
    """What is known of a snapshot's bytes."""

    SEALED = "sealed"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Description:
    """What the AVUs of a snapshot say.

    ``images`` and ``files`` are counts, ``size`` is in bytes; ``sources`` and ``image_ids`` are as
    :func:`listed` has them. ``sha256`` is of the data object, of ``bridge/manifest.json`` for an expanded
    one. ``job`` names the job of the agent that packed it. Times are aware, UTC, to the second.
    """

    server: str
    host: str
    sources: tuple[str, ...]
    name: str
    owner: str
    group: str
    packed_by: str
    images: int
    files: int
    size: int
    sha256: str
    packed_at: datetime
    software: str
    note: str = ""
    job: str = ""
    image_ids: tuple[int, ...] = ()
    state: State = State.SEALED
    verified_at: datetime | None = None
    packet: str = PACKET_VERSION


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A sealed packet in iRODS. ``path`` is of a data object (ZIP) or collection (EXPANDED)."""

    path: str
    description: Description


_COUNT: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_TEXTS: Final = (
    *(
        "packet",
        "state",
        "server",
        "host",
        "name",
        "owner",
        "group",
        "packed_by",
        "sha256",
        "software",
        "note",
        "job",
    ),
    *("images", "files"),
)


def listed(found: Sequence[_Listed]) -> tuple[_Listed, ...]:
    """What AVUs name one by one: all of these, none of more than LARGEST_LIST."""
    return tuple(found) if len(found) <= LARGEST_LIST else ()


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as AVUs and manifests write it; sorts as text like in time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """Raises ValueError for anything that :func:`timestamp` does not write."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def to_avus(description: Description, prefix: str = DEFAULT_PREFIX) -> tuple[Avu, ...]:
    """The AVUs that describe a snapshot, sorted.

    An empty text has none, for iRODS knows no empty values. Control characters become blanks, as do the two
    that XML cannot have: no client could read what iRODS answers with one in it. A long text is cut: an AVU
    helps to find a packet, the packet itself has the truth.
    """
    fields = ((name, avu_text(value), unit) for name, value, unit in _fields(description))
    return tuple(sorted(Avu(prefix + name, value, unit) for name, value, unit in fields if value))


def avu_text(text: str) -> str:
    """``text`` as the value of an AVU: in one line, and at most LARGEST_VALUE bytes in UTF-8."""
    line = "".join(
        " " if unicodedata.category(char) == "Cc" or char in _NOT_IN_XML else char for char in text
    )
    return line.strip().encode("utf-8", "replace")[:LARGEST_VALUE].decode("utf-8", "ignore").strip()


def _fields(description: Description) -> Iterator[tuple[str, str, str]]:
    yield from ((name, str(getattr(description, name)), "") for name in _TEXTS)
    yield "bytes", str(description.size), BYTES
    yield "packed_at", timestamp(description.packed_at), ""
    if description.verified_at is not None:
        yield "verified_at", timestamp(description.verified_at), ""
    yield from (("source", source, "") for source in description.sources)
    yield from (("image", str(image), "") for image in description.image_ids)


def from_avus(avus: Iterable[Avu], prefix: str = DEFAULT_PREFIX) -> Description | None:
    """What the AVUs say; none when they do not describe a snapshot, or not as a whole.

    An attribute that somebody doubled counts with its first value in sorted order.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for avu in sorted(avus):
        if avu.attribute.startswith(prefix):
            values[avu.attribute.removeprefix(prefix)].append(sayable(avu.value))
    try:
        return _description(values)
    except (KeyError, ValueError):
        return None


def _count(text: str) -> int:
    """Raises ValueError for what no server can have so many of; people can write AVUs too."""
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{text[:30]!r} is no count")
    return int(text)


def _description(values: Mapping[str, Sequence[str]]) -> Description:
    first = {name: found[0] for name, found in values.items()}
    return Description(
        server=first["server"],
        host=first.get("host", ""),
        sources=tuple(values.get("source", ())),
        name=first.get("name", ""),
        owner=first.get("owner", ""),
        group=first.get("group", ""),
        packed_by=first.get("packed_by", ""),
        images=_count(first["images"]),
        files=_count(first["files"]),
        size=_count(first["bytes"]),
        sha256=first["sha256"],
        packed_at=parse_timestamp(first["packed_at"]),
        software=first.get("software", ""),
        note=first.get("note", ""),
        job=first.get("job", ""),
        image_ids=tuple(sorted(_count(image) for image in values.get("image", ()))),
        state=State(first["state"]),
        verified_at=parse_timestamp(first["verified_at"]) if "verified_at" in first else None,
        packet=first["packet"],
    )
