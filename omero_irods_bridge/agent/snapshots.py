"""Snapshots as those find them who ask the agent: each sees what iRODS lets him see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Snapshot, from_avus, timestamp
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.ports import ObjectStore

OpenStore = Callable[[str], AbstractContextManager[ObjectStore]]
"""The zone as a user, by his name in OMERO."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of snapshots, in the order of their paths; ``following`` is what the next page skips."""

    snapshots: tuple[Snapshot, ...]
    following: int | None = None


class Snapshots:
    """Any thread may call it; each call opens a connection of its own."""

    def __init__(self, open_store: OpenStore, prefix: str = DEFAULT_PREFIX) -> None:
        self._open_store, self._prefix = open_store, prefix

    def search(self, user: str, wanted: Criteria, *, skip: int = 0, limit: int = 50) -> Found:
        """What this user of OMERO may see in iRODS and fulfils everything that is given.

        Raises:
            AccessDenied: he may not use the agent.
            Unreachable: iRODS does not answer.
        """
        with self._open_store(user) as store:
            found = find(store, wanted, skip=skip, limit=limit + 1, prefix=self._prefix)
        return Found(tuple(found[:limit]), skip + limit if len(found) > limit else None)

    def at(self, user: str, path: str) -> Snapshot:
        """The snapshot at this path, as far as this user of OMERO may see it.

        Raises:
            NotFound: there is none.
            AccessDenied, Unreachable: as :meth:`search`.
        """
        with self._open_store(user) as store:
            avus = store.avus_of_many([path]).get(path, ())
        description = from_avus(avus, self._prefix)
        if description is None:
            raise NotFound(
                f"There is no snapshot at {path} that {user} may see.",
                hint="Look for it among the snapshots.",
            )
        return Snapshot(path, description)


def with_text(wanted: Criteria, text: str) -> Criteria:
    """``wanted`` with what somebody typed: an object as it was packed, an image, or a part of a name.

    ``Image:7`` finds the snapshots that have this image, however they were packed.
    """
    one = _object(text.strip())
    if not text.strip():
        return wanted
    if one is None:
        return replace(wanted, name=text.strip())
    return replace(wanted, image=one.id) if one.kind is Kind.IMAGE else replace(wanted, source=one)


def _object(text: str) -> ObjectRef | None:
    if ":" not in text or "-" in text or "," in text:
        return None
    try:
        return parse_objects([text])[0]
    except UsageError:
        return None


def snapshot_fields(snapshot: Snapshot) -> dict[str, Any]:
    """As ``omero-irods list --json`` tells it: one flat JSON object."""
    told = asdict(snapshot.description)
    plain = {name: _plain(value) for name, value in told.items()}
    return {"path": snapshot.path, "bytes": plain.pop("size"), **plain}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp(value)
    return list(value) if isinstance(value, tuple) else value
