"""What is asked about whole trees, in a few queries of as many pages as they need."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from omero_irods_bridge.adapters.irods import metadata
from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.listing import data_objects
from omero_irods_bridge.adapters.irods.paths import join
from omero_irods_bridge.adapters.irods.queries import (
    Column,
    Condition,
    Query,
    each,
    equal,
    like,
    plain,
    select,
)
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.stored import Avu, DataObject

_DATA: Final = (
    Column.COLL_NAME,
    Column.DATA_NAME,
    Column.META_DATA_NAME,
    Column.META_DATA_VALUE,
    Column.META_DATA_UNITS,
)
_COLLECTION: Final = (
    Column.COLL_NAME,
    Column.META_COLL_NAME,
    Column.META_COLL_VALUE,
    Column.META_COLL_UNITS,
)
_CLOCK: Final = "omero::clock"


def avus_below(connections: Connections, collection: str, prefix: str) -> Mapping[str, tuple[Avu, ...]]:
    """See ``TreeStore.avus_below``: four queries."""
    found: dict[str, tuple[Avu, ...]] = defaultdict(tuple)
    for place in _places(collection):
        named = like(Column.META_DATA_NAME, f"{plain(prefix)}%")
        for parent, name, *avu in each(connections, Query(_DATA, (place, named))):
            found[join(parent, name)] += (Avu(*avu),)
        named = like(Column.META_COLL_NAME, f"{plain(prefix)}%")
        for path, *avu in each(connections, Query(_COLLECTION, (place, named))):
            found[path] += (Avu(*avu),)
    for path, avus in found.items():
        found[path] = tuple(sorted(set(avus)))
    return dict(found)


def objects_named(
    connections: Connections, ending: str, collection: str, *, recursive: bool
) -> list[DataObject]:
    """See ``TreeStore.objects_named``: one query, or two."""
    named = like(Column.DATA_NAME, f"%{plain(ending)}")
    places = list(_places(collection)) if recursive else [equal(Column.COLL_NAME, collection)]
    found = data_objects(connections, [(place, named) for place in places])
    return sorted(found, key=lambda one: one.path)


def time_there(connections: Connections, home: str, *, as_admin: bool) -> float:
    """The time at which the server made an AVU just now; it is removed again.

    iRODS tells its time by no request of its own.
    """
    mark = Avu(_CLOCK, uuid.uuid4().hex)
    metadata.change(connections, home, is_collection=True, add=[mark], remove=(), as_admin=as_admin)
    named = (equal(Column.META_COLL_NAME, mark.attribute), equal(Column.META_COLL_VALUE, mark.value))
    try:
        rows = select(connections, Query((Column.META_COLL_CREATE_TIME,), named))
    finally:
        metadata.change(connections, home, is_collection=True, add=(), remove=[mark], as_admin=as_admin)
    if not rows:
        raise BridgeError("iRODS does not say when an AVU was made.")
    return float(rows[0][0])


def _places(collection: str) -> Iterator[Condition]:
    yield equal(Column.COLL_NAME, collection)
    yield like(Column.COLL_NAME, f"{plain(collection.rstrip('/'))}/%")
