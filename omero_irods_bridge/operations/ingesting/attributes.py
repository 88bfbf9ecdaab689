"""AVUs of ingested objects: what is written, what it says, what is taken away. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.imports import Imported
from omero_irods_bridge.model.ingest import (
    IngestMode,
    IngestOptions,
    IngestState,
    Linked,
    first_value,
    values_of,
    version_of,
    version_there,
)
from omero_irods_bridge.model.snapshot import avu_text, timestamp
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.ports import ServerIdentity

_RESULTS: Final = (
    "fileset",
    "image",
    "plate",
    "file",
    "server",
    "linked",
    "imported_at",
    "imported_as",
    "ingest_version",
)
_UNDER_WAY: Final = ("ingest_state", "ingest_error", "released")
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
"""An id of OMERO, of 64 bits; people can write AVUs too."""

LARGEST_IMAGE_LIST: Final = 1_000
"""A fileset of more images has AVUs of the first ones; OMERO knows all by the fileset."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the AVUs of a data object say of it; ``of`` is the id of the object that they were written for."""

    state: str
    failed_version: str
    version: str
    of: str
    server: str
    imported_as: str
    fileset: int | None
    images: tuple[int, ...]
    plates: tuple[int, ...]
    file: int | None
    linked: str
    imported_at: str
    error: str
    released: str
    released_of: str


def known_of(avus: Iterable[Avu], options: IngestOptions) -> Known:
    """What ``avus`` say; what is no number where one should be counts as nothing."""
    found = tuple(avus)

    def first(name: str) -> str:
        return first_value(found, options.name(name))

    def unit(name: str) -> str:
        return next((one.unit for one in sorted(found) if one.attribute == options.name(name)), "")

    return Known(
        state=first("ingest_state"),
        failed_version=unit("ingest_state"),
        version=first("ingest_version"),
        of=unit("ingest_version"),
        server=first("server"),
        imported_as=first("imported_as"),
        fileset=_number(first("fileset")),
        images=_numbers(values_of(found, options.name("image"))),
        plates=_numbers(values_of(found, options.name("plate"))),
        file=_number(first("file")),
        linked=first("linked"),
        imported_at=first("imported_at"),
        error=first("ingest_error"),
        released=first("released"),
        released_of=unit("released"),
    )


def is_in_omero(known: Known, found: DataObject) -> bool:
    """Whether these AVUs are of this object, and of the content that it has."""
    return was_ingested(known, found) and known.version == version_of(found)


def was_ingested(known: Known, found: DataObject) -> bool:
    """Whether these AVUs are of this object, be it with another content; AVUs can be copied."""
    return known.fileset is not None and known.of == str(found.id)


def was_released(known: Known, found: DataObject) -> bool:
    """Whether this content was in OMERO, and somebody has deleted it there."""
    return known.released_of == str(found.id) and known.released == version_of(found)


def has_failed(known: Known, found: DataObject) -> bool:
    """Whether these bytes were tried, and are to blame."""
    return known.state == IngestState.FAILED and known.failed_version == version_there(found)


def of_ingested(
    found: DataObject,
    imported: Imported,
    file: int | None,
    server: ServerIdentity,
    mode: IngestMode,
    moment: datetime,
    options: IngestOptions,
) -> list[Avu]:
    """The AVUs of one member of a set."""
    linked = Linked.IN_PLACE if mode is IngestMode.IN_PLACE else Linked.COPIED
    told: list[tuple[str, str]] = [
        ("fileset", str(imported.fileset)),
        ("server", server.uuid),
        ("imported_as", server.user),
        ("linked", linked),
        ("imported_at", timestamp(moment)),
    ]
    told += [("image", str(one)) for one in imported.images[:LARGEST_IMAGE_LIST]]
    told += [("plate", str(one)) for one in imported.plates]
    if file is not None:
        told.append(("file", str(file)))
    avus = [Avu(options.name(name), value) for name, value in told]
    return [*avus, Avu(options.name("ingest_version"), version_of(found), str(found.id))]


def error_text(error: BridgeError) -> str:
    """The reason as an AVU has it: what is wrong, and what to do."""
    return avu_text(f"{error.message} {error.hint}".strip())


def of_failure(error: BridgeError, version: str, options: IngestOptions) -> list[Avu]:
    """State and reason; the state's unit is the version that was tried."""
    text = error_text(error)
    state = Avu(options.name("ingest_state"), IngestState.FAILED, version[:250])
    return [state, Avu(options.name("ingest_error"), text)]


def of_state(state: IngestState, options: IngestOptions) -> list[Avu]:
    """State alone: the reason to wait changes all the time."""
    return [Avu(options.name("ingest_state"), state)]


def under_way(avus: Iterable[Avu], options: IngestOptions) -> list[Avu]:
    """What goes when an object is ingested, or tried again."""
    return _named(avus, _UNDER_WAY, options)


def states(avus: Iterable[Avu], options: IngestOptions) -> list[Avu]:
    """What says that an object waits or failed."""
    return _named(avus, ("ingest_state", "ingest_error"), options)


def all_of(avus: Iterable[Avu], options: IngestOptions) -> list[Avu]:
    """All that ingest has ever written on a data object."""
    return _named(avus, (*_RESULTS, *_UNDER_WAY), options)


def results(avus: Iterable[Avu], options: IngestOptions) -> list[Avu]:
    """What says that, and where, an object is in OMERO."""
    return _named(avus, _RESULTS, options)


def _named(avus: Iterable[Avu], names: Sequence[str], options: IngestOptions) -> list[Avu]:
    wanted = {options.name(name) for name in names}
    return [one for one in avus if one.attribute in wanted]


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _numbers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(int(one) for one in texts if _NUMBER.fullmatch(one)))
