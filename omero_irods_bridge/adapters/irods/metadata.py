"""AVUs of data objects and collections: reading, changing, and finding objects by them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import irods.keywords as kw
from irods.connection import Connection
from irods.exception import iRODSException
from irods.message import JSON_Message, MetadataRequest

from omero_irods_bridge.adapters.irods.connections import Connections, exchange
from omero_irods_bridge.adapters.irods.errors import (
    CAT_SUCCESS_BUT_WITH_NO_INFO,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
    code_of,
)
from omero_irods_bridge.adapters.irods.paths import join, split
from omero_irods_bridge.adapters.irods.queries import (
    MAX_LIST_CHARACTERS,
    Column,
    Condition,
    Query,
    Row,
    between,
    equal,
    is_listable,
    like,
    one_of,
    plain,
    select,
)
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.ports import AvuCondition

_FINDS_QUOTES: Final = (5,)
"""The release from which queries inside of the server know an escape."""

_Place = tuple[str, str]
"""A collection and a name in it: what paths are sorted by, here and by the server."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How GenQuery1 calls what can carry AVUs."""

    name: str
    """In the atomic request."""
    place: tuple[Column, Column]
    avu: tuple[Column, Column, Column]


_DATA: Final = _Kind(
    "data_object",
    (Column.COLL_NAME, Column.DATA_NAME),
    (Column.META_DATA_NAME, Column.META_DATA_VALUE, Column.META_DATA_UNITS),
)
_COLLECTION: Final = _Kind(
    "collection",
    (Column.COLL_PARENT_NAME, Column.COLL_NAME),
    (Column.META_COLL_NAME, Column.META_COLL_VALUE, Column.META_COLL_UNITS),
)

# -- of one object


def avus(connections: Connections, path: str) -> tuple[Avu, ...]:
    """All AVUs of what is at ``path``, sorted; none for nothing. One or two round trips."""
    collection, name = split(path)
    of_data = (equal(Column.COLL_NAME, collection), equal(Column.DATA_NAME, name))
    rows = select(connections, Query(_DATA.avu, of_data)) or select(
        connections, Query(_COLLECTION.avu, (equal(Column.COLL_NAME, path),))
    )
    return tuple(sorted(Avu(*row) for row in rows))


def change(
    connections: Connections,
    path: str,
    *,
    is_collection: bool,
    add: Iterable[Avu],
    remove: Iterable[Avu],
    as_admin: bool = False,
) -> None:
    """Remove and add AVUs in one atomic call (API 20002): all or none; but see :func:`_one_by_one`."""
    add, remove = list(add), list(remove)
    operations = [*(_operation("remove", avu) for avu in remove), *(_operation("add", avu) for avu in add)]
    if not operations:
        return
    request = {
        "admin_mode": as_admin,
        "entity_name": path,
        "entity_type": (_COLLECTION if is_collection else _DATA).name,
        "operations": operations,
    }
    with connections.lease() as connection:
        if "'" in split(path)[0] and not is_collection and connection.server_version < _FINDS_QUOTES:
            gone = [avu for avu in remove if avu not in add]  # what is both removed and added stays
            _one_by_one(connection, path, add=add, remove=gone, as_admin=as_admin)
            return
        body = JSON_Message(request, connection.server_version)
        exchange(connection, "ATOMIC_APPLY_METADATA_OPERATIONS_APN", body)


def _one_by_one(
    connection: Connection, path: str, *, add: Iterable[Avu], remove: Iterable[Avu], as_admin: bool
) -> None:
    """Below a collection with a quote the atomic call of iRODS 4 finds nothing (its ``get_object_id``)."""
    options = {kw.ADMIN_KW: ""} if as_admin else {}
    for verb, avus, done in (
        ("add", add, CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME),
        ("rm", remove, CAT_SUCCESS_BUT_WITH_NO_INFO),
    ):
        for avu in avus:
            body = MetadataRequest(verb, "-d", path, avu.attribute, avu.value, avu.unit, **options)
            try:
                exchange(connection, "MOD_AVU_METADATA_AN", body)
            except iRODSException as error:
                if code_of(error) != done:
                    raise


def _operation(name: str, avu: Avu) -> dict[str, Any]:
    operation = {"operation": name, "attribute": avu.attribute, "value": avu.value}
    return operation | ({"units": avu.unit} if avu.unit else {})


# -- of many objects


def avus_of_many(connections: Connections, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
    """AVUs by path, for those that have some. Two queries for some hundred paths."""
    found: dict[str, set[Avu]] = {}
    wanted = set(paths)
    for batch in _batches(path for path in wanted if is_listable(path)):
        for path, avu in _of_batch(connections, batch):
            if path in wanted:  # names of one collection meet collections of another
                found.setdefault(path, set()).add(avu)
    for path in wanted:
        if not is_listable(path):
            found[path] = set(avus(connections, path))
    return {path: tuple(sorted(of_path)) for path, of_path in found.items() if of_path}


def _batches(paths: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for path in sorted(paths):
        characters += len(path.encode()) + len("'',")
        if batch and characters > MAX_LIST_CHARACTERS:
            yield batch
            batch, characters = [], len(path.encode())
        batch.append(path)
    if batch:
        yield batch


def _of_batch(connections: Connections, paths: Sequence[str]) -> Iterator[tuple[str, Avu]]:
    places = [split(path) for path in paths]
    of_data = (
        one_of(Column.COLL_NAME, sorted({collection for collection, _ in places})),
        one_of(Column.DATA_NAME, sorted({name for _, name in places})),
    )
    for collection, name, *avu in select(connections, Query(_DATA.place + _DATA.avu, of_data)):
        yield join(collection, name), Avu(*avu)
    columns = (Column.COLL_NAME, *_COLLECTION.avu)
    for path, *avu in select(connections, Query(columns, (one_of(Column.COLL_NAME, paths),))):
        yield path, Avu(*avu)


# -- finding

_INCOMING: Final = ".incoming"
_PAIR: Final = 2
"""A name and a value."""


def find(
    connections: Connections, conditions: Sequence[AvuCondition], below: str | None, skip: int, limit: int
) -> list[str]:
    """Paths in the order of (collection, name), as the server compares texts: two round trips as a rule.

    The server cuts the page out where only one kind of object fits; else the first ``skip + limit`` of each
    list are merged. That takes the lesser of the two heads at each step, so that pages fit together whatever
    collation the server's database has.
    """
    if not conditions or limit <= 0:
        return []
    queries = list(_queries(conditions, below))
    *others, data = queries
    heads = [_places(connections, query, limit=skip + limit) for query in others]
    if not any(heads):
        return [join(*place) for place in _places(connections, data, skip=skip, limit=limit)]
    heads.append(_places(connections, data, limit=skip + limit))
    return [join(*place) for place in islice(heapq.merge(*heads), skip, skip + limit)]


def _queries(conditions: Sequence[AvuCondition], below: str | None) -> Iterator[Query]:
    """Collections, where ``below`` is given the data objects right in it, and all other data objects."""
    tree = [] if below is None else [like(Column.COLL_NAME, f"{plain(below.rstrip('/'))}/%")]
    done = like(Column.COLL_NAME, f"%/{_INCOMING}/%", negated=True)
    sealed = like(Column.COLL_NAME, f"%/{_INCOMING}", negated=True)
    yield _query(_COLLECTION, conditions, [*tree, done])
    if below is not None:
        yield _query(_DATA, conditions, [equal(Column.COLL_NAME, below), done, sealed])
    yield _query(_DATA, conditions, [*tree, done, sealed])


def _query(kind: _Kind, conditions: Sequence[AvuCondition], places: Sequence[Condition]) -> Query:
    """GenQuery1 pairs names and values by their order; values that are left over belong to the first name.

    So what tests one value several times comes first, and all but its first test last; there can be one such
    (``handleMultiDataAVUConditions`` of ``general_query.cpp``).
    """
    first, *others = sorted((_tests(kind, condition) for condition in conditions), key=len, reverse=True)
    if any(len(tests) > _PAIR for tests in others):
        raise UsageError("iRODS can be asked for the length of one AVU's value at a time.")
    paired = [test for tests in (first, *others) for test in tests[:_PAIR]]
    return Query(kind.place, (*places, *paired, *first[_PAIR:]), ordered=kind.place)


def _tests(kind: _Kind, condition: AvuCondition) -> list[Condition]:
    """A test of the name, then of the value, one at least."""
    name, value, _ = kind.avu
    named = equal(name, condition.attribute)
    if condition.length is None:
        return [named, _value_test(value, condition)]
    least, most = condition.length
    if least == most:
        tests = [like(value, "_" * least)]
    else:
        tests = [like(value, "_" * least + "%"), like(value, "_" * (most + 1) + "%", negated=True)]
    if condition.between is not None:
        tests.insert(0, between(value, *condition.between))
    return [named, *tests]


def _value_test(column: Column, condition: AvuCondition) -> Condition:
    if condition.equals is not None:
        return equal(column, condition.equals)
    if condition.contains is not None:
        return like(column, f"%{plain(condition.contains)}%")
    if condition.between is not None:
        return between(column, *condition.between)
    return like(column, "%")


def _places(connections: Connections, query: Query, *, limit: int, skip: int = 0) -> list[_Place]:
    return [_place(query, row) for row in select(connections, query, skip=skip, limit=limit)]


def _place(query: Query, row: Row) -> _Place:
    return split(row[1]) if query.columns == _COLLECTION.place else (row[0], row[1])
