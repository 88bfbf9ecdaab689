"""Find snapshots by what their AVUs say; no packet is opened."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Snapshot, State, from_avus, timestamp
from omero_irods_bridge.model.stored import is_sendable, name_of, parent_of
from omero_irods_bridge.ports import AvuCondition, ObjectStore

_LARGEST: Final = 10**18 - 1
"""Bytes: an exabyte."""

_OF_SNAPSHOTS: Final = frozenset({"owner", "group", "source", "state", "name", "packed_at", "note"})
"""AVUs that data which were ingested do not have (DESIGN, AVUs); ``image`` they have too."""

_EXCHANGE: Final = "Exchange the two."
_EARLIEST: Final = "0000"
_LATEST: Final = "9999-12-31T23:59:59Z"


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which snapshots are wanted; those that fulfil everything that is given.

    ``source`` and ``image`` find snapshots of at most LARGEST_LIST of them (model/snapshot.py). ``name`` is a
    part of the name of what was packed, ``note`` one of what its packer wrote. Times are of the packing;
    times and sizes, in bytes, include both ends.
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
    note: str | None = None

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

    Takes a few queries, however many snapshots there are. What has only a part of a snapshot's AVUs is left
    out of its page.
    """
    wanted = conditions(criteria, prefix)
    if criteria.min_size is None and criteria.max_size is None:
        paths = store.find_by_avus(wanted, below=criteria.below, skip=skip, limit=limit)
    else:
        ranges = size_ranges(
            criteria.min_size or 0, _LARGEST if criteria.max_size is None else criteria.max_size
        )
        each = [[*wanted, _of_size(one, prefix)] for one in ranges]
        found = [store.find_by_avus(one, below=criteria.below, limit=skip + limit) for one in each]
        paths = list(islice(heapq.merge(*found, key=_place), skip, skip + limit))
    return list(_described(store, paths, prefix))


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes with so many digits, at least and at most; with ``between`` only those from one to another."""

    digits: tuple[int, int]
    between: tuple[int, int] | None = None


def size_ranges(least: int, most: int) -> list[SizeRange]:
    """The sizes from ``least`` to ``most``, each in one of at most three ranges.

    iRODS compares values as texts, and only of numbers with as many digits is that the order of the numbers.
    """
    first, last = len(str(least)), len(str(most))
    if first == last:
        return [SizeRange((first, first), (least, most))]
    found = [
        SizeRange((first, first), (least, 10**first - 1)),
        SizeRange((last, last), (10 ** (last - 1), most)),
    ]
    return found if first + 1 == last else [*found, SizeRange((first + 1, last - 1))]


def _of_size(sizes: SizeRange, prefix: str) -> AvuCondition:
    between = None if sizes.between is None else (str(sizes.between[0]), str(sizes.between[1]))
    return AvuCondition(prefix + "bytes", length=sizes.digits, between=between)


def _place(path: str) -> tuple[str, str]:
    """What stores sort paths by."""
    return parent_of(path), name_of(path)


def conditions(criteria: Criteria, prefix: str = DEFAULT_PREFIX) -> list[AvuCondition]:
    """What iRODS is asked for.

    ``packet`` is what makes something a snapshot. It is left out where another AVU that only snapshots have
    is asked for anyway: each one more that is asked for costs a look at every snapshot.
    """
    equal = {
        "owner": criteria.owner,
        "group": criteria.group,
        "source": criteria.source,
        "image": criteria.image,
        "state": criteria.state,
    }
    given = ((prefix + name, str(value)) for name, value in equal.items() if value is not None)
    wanted = [AvuCondition(name, equals=value) for name, value in given]
    for name, part in (("name", criteria.name), ("note", criteria.note)):
        if part is not None:
            wanted.append(AvuCondition(prefix + name, contains=part))
    if criteria.since is not None or criteria.until is not None:
        wanted.append(AvuCondition(prefix + "packed_at", between=_between(criteria.since, criteria.until)))
    is_by_size = criteria.min_size is not None or criteria.max_size is not None
    tells = is_by_size or any(one.attribute.removeprefix(prefix) in _OF_SNAPSHOTS for one in wanted)
    return wanted if tells else [AvuCondition(prefix + "packet"), *wanted]


def _between(since: datetime | None, until: datetime | None) -> tuple[str, str]:
    return timestamp(since) if since else _EARLIEST, timestamp(until) if until else _LATEST


def _described(store: ObjectStore, paths: list[str], prefix: str) -> Iterator[Snapshot]:
    asked = list(filter(is_sendable, paths))  # nobody can open what is at another path either
    avus = store.avus_of_many(asked) if asked else {}
    for path in asked:
        description = from_avus(avus.get(path, ()), prefix)
        if description is not None:
            yield Snapshot(path, description)
