"""Find snapshots by what their AVUs say; no packet is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Snapshot, State, from_avus, timestamp
from omero_irods_bridge.ports import AvuCondition, ObjectStore

PAGE: Final = 500
"""Snapshots that are looked at in one go where iRODS cannot choose them itself."""

_EXCHANGE: Final = "Exchange the two."
_EARLIEST: Final = "0000"
_LATEST: Final = "9999-12-31T23:59:59Z"


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which snapshots are wanted; those that fulfil everything that is given.

    ``image`` finds snapshots of at most LARGEST_IMAGE_LIST images (model/snapshot.py). ``name`` is a part of
    the name of what was packed. Times are of the packing; times and sizes, in bytes, include both ends.
    """

    owner: str | None = None
    group: str | None = None
    source: ObjectRef | None = None
    image: int | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: State | None = None
    min_size: int | None = None
    max_size: int | None = None
    below: str | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            raise UsageError(
                f"Nothing is since {timestamp(self.since)} and until {timestamp(self.until)}.", hint=_EXCHANGE
            )
        if self.min_size is not None and self.max_size is not None and self.min_size > self.max_size:
            raise UsageError(f"No size is from {self.min_size} to {self.max_size} bytes.", hint=_EXCHANGE)


def find(
    store: ObjectStore, criteria: Criteria, *, skip: int = 0, limit: int = 100, prefix: str = DEFAULT_PREFIX
) -> list[Snapshot]:
    """At most ``limit`` snapshots after the first ``skip``, in the order of their paths.

    Takes a few queries, however many snapshots there are, unless sizes are asked for: these iRODS compares as
    texts, so all that fulfil the rest are looked at. What has only a part of a snapshot's AVUs is left out.
    """
    if criteria.min_size is None and criteria.max_size is None:
        return _page(store, criteria, skip, limit, prefix)
    fitting = (found for found in _all(store, criteria, prefix) if _size_fits(found, criteria))
    return list(islice(fitting, skip, skip + limit))


def conditions(criteria: Criteria, prefix: str = DEFAULT_PREFIX) -> list[AvuCondition]:
    """What iRODS is asked for; ``packet`` is what makes something a snapshot."""
    equal = {
        "owner": criteria.owner,
        "group": criteria.group,
        "source": criteria.source,
        "image": criteria.image,
        "state": criteria.state,
    }
    given = ((prefix + name, str(value)) for name, value in equal.items() if value is not None)
    wanted = [AvuCondition(prefix + "packet"), *(AvuCondition(name, equals=value) for name, value in given)]
    if criteria.name is not None:
        wanted.append(AvuCondition(prefix + "name", contains=criteria.name))
    if criteria.since is not None or criteria.until is not None:
        wanted.append(AvuCondition(prefix + "packed_at", between=_between(criteria.since, criteria.until)))
    return wanted


def _between(since: datetime | None, until: datetime | None) -> tuple[str, str]:
    return timestamp(since) if since else _EARLIEST, timestamp(until) if until else _LATEST


def _page(store: ObjectStore, criteria: Criteria, skip: int, limit: int, prefix: str) -> list[Snapshot]:
    wanted = conditions(criteria, prefix)
    paths = store.find_by_avus(wanted, below=criteria.below, skip=skip, limit=limit)
    return list(_described(store, paths, prefix))


def _described(store: ObjectStore, paths: list[str], prefix: str) -> Iterator[Snapshot]:
    avus = store.avus_of_many(paths) if paths else {}
    for path in paths:
        description = from_avus(avus.get(path, ()), prefix)
        if description is not None:
            yield Snapshot(path, description)


def _all(store: ObjectStore, criteria: Criteria, prefix: str) -> Iterator[Snapshot]:
    wanted, skip = conditions(criteria, prefix), 0
    while paths := store.find_by_avus(wanted, below=criteria.below, skip=skip, limit=PAGE):
        yield from _described(store, paths, prefix)
        skip += len(paths)


def _size_fits(snapshot: Snapshot, criteria: Criteria) -> bool:
    size = snapshot.description.size
    return (criteria.min_size or 0) <= size and (criteria.max_size is None or size <= criteria.max_size)
