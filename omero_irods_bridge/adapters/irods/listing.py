"""What is where: data objects with all their replicas, and collections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Final

from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.paths import join, split
from omero_irods_bridge.adapters.irods.queries import (
    Column,
    Condition,
    Query,
    Row,
    each,
    equal,
    like,
    plain,
    select,
)
from omero_irods_bridge.model.stored import Collection, DataObject, Replica, ReplicaStatus

_REPLICAS: Final = (
    Column.COLL_NAME,
    Column.DATA_NAME,
    Column.DATA_ID,
    Column.DATA_OWNER_NAME,
    Column.DATA_OWNER_ZONE,
    Column.DATA_REPL_NUM,
    Column.DATA_RESC_NAME,
    Column.DATA_REPL_STATUS,
    Column.DATA_SIZE,
    Column.DATA_CHECKSUM,
    Column.DATA_MODIFY_TIME,
    Column.DATA_PATH,
)
_COLLECTIONS: Final = (
    Column.COLL_NAME,
    Column.COLL_ID,
    Column.COLL_OWNER_NAME,
    Column.COLL_OWNER_ZONE,
    Column.COLL_MODIFY_TIME,
)


def find(connections: Connections, path: str) -> DataObject | Collection | None:
    """One round trip for a data object, two for the rest."""
    return find_data_object(connections, path) or find_collection(connections, path)


def find_data_object(connections: Connections, path: str) -> DataObject | None:
    """The data object at ``path``, if there is one."""
    collection, name = split(path)
    conditions = (equal(Column.COLL_NAME, collection), equal(Column.DATA_NAME, name))
    return next(iter(data_objects(connections, [conditions])), None)


def find_collection(connections: Connections, path: str) -> Collection | None:
    """The collection at ``path``, if there is one."""
    return next(iter(_collections(connections, (equal(Column.COLL_NAME, path),))), None)


def children(connections: Connections, path: str, *, recursive: bool) -> Iterator[DataObject | Collection]:
    """What is in a collection, sorted by path; asked for by three queries of as many pages as it needs."""
    below = like(Column.COLL_NAME, f"{plain(path.rstrip('/'))}/%")
    objects = [(equal(Column.COLL_NAME, path),)]
    if recursive:
        objects.append((below,))
    collections = (below,) if recursive else (equal(Column.COLL_PARENT_NAME, path),)
    found: list[DataObject | Collection] = [*data_objects(connections, objects)]
    found += [one for one in _collections(connections, collections) if one.path != path]
    yield from sorted(found, key=lambda one: one.path)


def data_objects(connections: Connections, alternatives: Iterable[tuple[Condition, ...]]) -> list[DataObject]:
    """Those that fulfil all conditions of an alternative, with all their replicas that do."""
    # Paired by path and id: the replicas of one object may have different owners, and a page may part them.
    replicas: dict[tuple[str, int], tuple[Replica, ...]] = {}
    owners: dict[int, str] = {}
    for conditions in alternatives:
        for row in each(connections, Query(_REPLICAS, conditions)):
            key = join(row[0], row[1]), int(row[2])
            replicas[key] = (*replicas.get(key, ()), _replica(row))
            owners.setdefault(key[1], intern(f"{row[3]}#{row[4]}"))
    return [
        DataObject(path, number, _by_number(found), owners[number])
        for (path, number), found in replicas.items()
    ]


def _by_number(found: tuple[Replica, ...]) -> tuple[Replica, ...]:
    if len(found) == 1:
        return found
    by_number = {one.number: one for one in found}
    return tuple(by_number[number] for number in sorted(by_number))


def _replica(row: Row) -> Replica:
    number, resource, status, size, checksum, modified, path = row[5:]
    state = ReplicaStatus(int(status))
    return Replica(int(number), intern(resource), state, int(size), checksum, _seconds(modified), path)


def _collection(row: Row) -> Collection:
    path, number, owner, zone, modified = row
    return Collection(path, int(number), f"{owner}#{zone}", _seconds(modified))


def _seconds(text: str) -> float | None:
    """A time of the catalog: zero-padded seconds since 1970."""
    return float(text) if text else None


def _collections(connections: Connections, conditions: tuple[Condition, ...]) -> list[Collection]:
    return [_collection(row) for row in select(connections, Query(_COLLECTIONS, conditions))]
