"""The FROM clause of a GenQuery2 query, and what its asker may see.

Source: ``genquery2_sql.cpp`` of iRODS 5.0.2 (generate_inner_joins,
generate_joins_for_permissions, generate_joins_for_metadata_columns,
generate_condition_clause). As there:

- Only neighbours are joined: collections and resources have nothing in common without data objects.
- Permissions are joined whether asked for or not. So a row comes once for each user on the access
  list, through groups too (recorded: tests/data/irods-5.0.2, eight rows for the four objects that two
  users may read), and a rodsadmin sees objects that nobody may read.
- Session tickets count for nothing.

Other than there, the query's own conditions get parentheses before the permission is added:
5.0.2 lets ``A or B`` see through it, later versions do not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.genquery.columns import TABLES, Column
from omero_irods_sandbox.irods_zone.genquery.errors import SYS_INVALID_INPUT_PARAM, QueryError
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer

_NEIGHBOURS: Final = {
    frozenset({"R_COLL_MAIN", "R_DATA_MAIN"}): "R_COLL_MAIN.coll_id = R_DATA_MAIN.coll_id",
    frozenset({"R_DATA_MAIN", "R_RESC_MAIN"}): "R_DATA_MAIN.resc_id = R_RESC_MAIN.resc_id",
    frozenset({"R_USER_MAIN", "R_USER_AUTH"}): "R_USER_MAIN.user_id = R_USER_AUTH.user_id",
    frozenset({"R_USER_MAIN", "R_USER_GROUP"}): "R_USER_MAIN.user_id = R_USER_GROUP.group_user_id",
}
_OWNERS: Final = {
    "data": ("R_DATA_MAIN", "data_id"),
    "coll": ("R_COLL_MAIN", "coll_id"),
    "resc": ("R_RESC_MAIN", "resc_id"),
    "user": ("R_USER_MAIN", "user_id"),
}
_WITH_PERMISSIONS: Final = ("data", "coll")
_PERMISSION_TABLES: Final = ("access", "tokn_accs", "user_group", "user_main")


def main_tables(columns: Sequence[Column]) -> tuple[str, ...]:
    """The tables that hold the columns, or the objects whose AVUs and permissions they are, each once."""
    return tuple(dict.fromkeys(_main_table(column) for column in columns))


def joined_tables(columns: Sequence[Column]) -> frozenset[str]:
    """All aliases that :func:`from_clause` has for ``columns``: what may order the rows."""
    tables = main_tables(columns)
    permissions = [f"r_{entity}_{table}" for entity in _guarded(tables) for table in _PERMISSION_TABLES]
    return frozenset([*tables, *permissions, *(column.table for column in columns)])


def from_clause(columns: Sequence[Column], viewer: Viewer) -> str:
    """All tables that a query on ``columns`` needs.

    Raises:
        QueryError: SYS_INVALID_INPUT_PARAM; they have no direct link.
    """
    tables = main_tables(columns)
    asked = {column.table for column in columns}
    joins = [*_neighbours(tables), *_permissions(tables, viewer), *_avus(asked)]
    return f" from {tables[0]} " + " ".join(joins)


def permission(columns: Sequence[Column], viewer: Viewer) -> list[Fragment]:
    """The conditions that keep from ``viewer`` what he may not read."""
    if viewer.is_admin:
        return []
    return [
        Fragment(
            f"r_{entity}_user_main.user_id = ? and r_{entity}_access.access_type_id >= ?",
            (viewer.user_id, int(AccessLevel.READ_OBJECT)),
        )
        for entity in _guarded(main_tables(columns))
    ]


def _main_table(column: Column) -> str:
    if TABLES[column.table] == column.table:
        return column.table
    entity = column.table.split("_")[1]
    return _OWNERS[entity][0]


def _guarded(tables: Collection[str]) -> list[str]:
    return [entity for entity in _WITH_PERMISSIONS if _OWNERS[entity][0] in tables]


def _neighbours(tables: Sequence[str]) -> Iterator[str]:
    present, missing = [tables[0]], list(tables[1:])
    while missing:
        table, condition = _next_neighbour(present, missing)
        yield f"inner join {table} on {condition}"
        present.append(table)
        missing.remove(table)


def _next_neighbour(present: Sequence[str], missing: Sequence[str]) -> tuple[str, str]:
    for table in missing:
        for other in present:
            if condition := _NEIGHBOURS.get(frozenset({table, other})):
                return table, condition
    message = f"GenQuery2 does not link {present[0]} with {missing[0]}: ask for them one by one"
    raise QueryError(SYS_INVALID_INPUT_PARAM, message)


def _permissions(tables: Collection[str], viewer: Viewer) -> Iterator[str]:
    join = "left join" if viewer.is_admin else "inner join"
    for entity in _guarded(tables):
        owner, owner_id = _OWNERS[entity]
        access, tokens, members, users = (f"r_{entity}_{table}" for table in _PERMISSION_TABLES)
        yield f"{join} R_OBJT_ACCESS {access} on {owner}.{owner_id} = {access}.object_id"
        yield f"{join} R_TOKN_MAIN {tokens} on {access}.access_type_id = {tokens}.token_id"
        yield f"{join} R_USER_GROUP {members} on {access}.user_id = {members}.group_user_id"
        yield f"{join} R_USER_MAIN {users} on {members}.user_id = {users}.user_id"


def _avus(asked: Collection[str]) -> Iterator[str]:
    for entity, (owner, owner_id) in _OWNERS.items():
        metamap, meta = f"r_{entity}_metamap", f"r_{entity}_meta_main"
        if meta in asked:
            yield f"left join R_OBJT_METAMAP {metamap} on {owner}.{owner_id} = {metamap}.object_id"
            yield f"left join R_META_MAIN {meta} on {metamap}.meta_id = {meta}.meta_id"
