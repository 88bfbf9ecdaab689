"""Several AVU conditions in one GenQuery1: each name wants an AVU of its own.

``META_DATA_ATTR_NAME = 'a'`` and ``META_DATA_ATTR_NAME = 'b'`` hold of one data object with two
AVUs, of no single AVU. So from the second name on, names and values are paired by their
order and get tables of their own.

Source: ``general_query.cpp``, handleMultiDataAVUConditions and its sibling for collections.
As there: the number of conditions on names decides; each test of a compound condition is a value to
pair; what is left over belongs to the first AVU, as units always do; users and resources can have
one name only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.columns import Column
from omero_irods_sandbox.irods_zone.genquery.errors import CAT_INVALID_ARGUMENT, CAT_SQL_ERR, QueryError

_OWNERS: Final = {
    "r_data_meta_main": ("data", "R_DATA_MAIN", "data_id"),
    "r_coll_meta_main": ("coll", "R_COLL_MAIN", "coll_id"),
}
_SINGLE: Final = ("r_resc_meta_main", "r_user_meta_main")
_PAIRED: Final = ("meta_attr_name", "meta_attr_value")


@dataclass(frozen=True, slots=True)
class Separated:
    """``aliases`` of the conditions' tests, in order; ``tables`` and ``links`` that the further AVUs add."""

    aliases: tuple[tuple[str, ...], ...]
    tables: tuple[str, ...]
    links: tuple[str, ...]


def separate(conditions: Sequence[tuple[Column, int]], linked: Collection[str]) -> Separated:
    """Give each AVU that the conditions speak of its own tables.

    Each condition is a column and how many tests of it there are. ``linked`` are the tables (aliases)
    that the query has anyway.

    Raises:
        QueryError: CAT_INVALID_ARGUMENT; several AVUs of a resource or a user.
            CAT_SQL_ERR; several AVUs, but nothing of the object they belong to.
    """
    names = Counter(column.table for column, _ in conditions if column.name == "meta_attr_name")
    tables: list[str] = []
    links: list[str] = []
    for table, count in names.items():
        if count > 1:
            _check_owner(table, linked)
        for index in range(2, count + 1):
            tables += _tables(table, index)
            links += _links(table, index)
    return Separated(_aliases(conditions, names), tuple(tables), tuple(links))


def _check_owner(table: str, linked: Collection[str]) -> None:
    if table in _SINGLE:
        raise QueryError(
            CAT_INVALID_ARGUMENT, "a query can name several AVUs of data objects and collections only"
        )
    _, owner, _ = _OWNERS[table]
    if owner not in linked:
        raise QueryError(CAT_SQL_ERR, f"a query that names several AVUs must ask for a column of {owner} too")


def _aliases(conditions: Sequence[tuple[Column, int]], names: Counter[str]) -> tuple[tuple[str, ...], ...]:
    seen: Counter[tuple[str, str]] = Counter()

    def alias_of_next(column: Column) -> str:
        seen[column.table, column.name] += 1
        index = seen[column.table, column.name]
        has_own = column.name in _PAIRED and 2 <= index <= names[column.table]
        return _alias(column.table, index) if has_own else column.table

    return tuple(tuple(alias_of_next(column) for _ in range(tests)) for column, tests in conditions)


def _alias(table: str, index: int) -> str:
    entity, _, _ = _OWNERS[table]
    return f"r_{entity}_meta_mn{index:02d}"


def _tables(table: str, index: int) -> tuple[str, str]:
    entity, _, _ = _OWNERS[table]
    return f"R_OBJT_METAMAP r_{entity}_metamap{index}", f"R_META_MAIN {_alias(table, index)}"


def _links(table: str, index: int) -> tuple[str, str]:
    entity, owner, owner_id = _OWNERS[table]
    metamap = f"r_{entity}_metamap{index}"
    return f"{metamap}.meta_id = {_alias(table, index)}.meta_id", f"{owner}.{owner_id} = {metamap}.object_id"
