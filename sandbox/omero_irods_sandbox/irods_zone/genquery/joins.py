"""How the tables of the catalog hang together, and which of them a query has to walk through.

Source: ``general_query_setup.cpp`` (sFklink) for the links and the "cycler" tables,
``general_query.cpp`` (tScan) for the walk. Without the cyclers the graph is a forest, so
there is at most one way from a table to another.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from omero_irods_sandbox.irods_zone.genquery.errors import CAT_FAILED_TO_LINK_TABLES, QueryError


class Link(NamedTuple):
    """Two tables (aliases) and the condition that joins their rows."""

    left: str
    right: str
    condition: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Tables that make a connected whole, and the conditions that connect them."""

    tables: tuple[str, ...]
    conditions: tuple[str, ...]


def _link(left: str, left_column: str, right: str, right_column: str = "") -> Link:
    return Link(left, right, f"{left}.{left_column} = {right}.{right_column or left_column}")


def _avu_links(owner: str, owner_id: str, entity: str) -> tuple[Link, Link]:
    return (
        _link(owner, owner_id, f"r_{entity}_metamap", "object_id"),
        _link(f"r_{entity}_metamap", "meta_id", f"r_{entity}_meta_main"),
    )


def _access_links(owner: str, owner_id: str, entity: str) -> tuple[Link, ...]:
    return (
        _link(owner, owner_id, f"r_{entity}_access", "object_id"),
        _link(f"r_{entity}_access", "access_type_id", f"r_{entity}_tokn_accs", "token_id"),
        _link(f"r_{entity}_access", "user_id", f"r_{entity}_user_group", "group_user_id"),
        _link(f"r_{entity}_user_group", "user_id", f"r_{entity}_user_main"),
    )


LINKS: Final = (
    _link("R_COLL_MAIN", "coll_id", "R_DATA_MAIN"),
    _link("R_RESC_MAIN", "resc_id", "R_DATA_MAIN"),
    *_avu_links("R_COLL_MAIN", "coll_id", "coll"),
    *_avu_links("R_DATA_MAIN", "data_id", "data"),
    *_avu_links("R_RESC_MAIN", "resc_id", "resc"),
    *_avu_links("R_USER_MAIN", "user_id", "user"),
    *_access_links("R_COLL_MAIN", "coll_id", "coll"),
    *_access_links("R_DATA_MAIN", "data_id", "data"),
    *_access_links("R_RESC_MAIN", "resc_id", "resc"),
    _link("R_USER_MAIN", "user_id", "r_data_access"),
    _link("R_USER_MAIN", "user_id", "R_USER_AUTH"),
    _link("R_USER_MAIN", "user_id", "R_USER_GROUP"),
    _link("R_USER_GROUP", "group_user_id", "r_group_main", "user_id"),
    _link("R_QUOTA_MAIN", "user_id", "r_quota_user_main"),
    _link("R_QUOTA_MAIN", "resc_id", "r_quota_resc_main"),
    _link("R_QUOTA_MAIN", "user_id", "r_quota_user_group"),
    _link("R_QUOTA_USAGE", "user_id", "r_quota_user_main"),
    _link("R_QUOTA_USAGE", "resc_id", "r_quota_resc_main"),
    _link("R_QUOTA_USAGE", "user_id", "r_quota_user_group"),
    _link("R_TICKET_MAIN", "ticket_id", "R_TICKET_ALLOWED_HOSTS"),
    _link("R_TICKET_MAIN", "ticket_id", "R_TICKET_ALLOWED_USERS"),
    _link("R_TICKET_MAIN", "ticket_id", "R_TICKET_ALLOWED_GROUPS"),
    _link("R_TICKET_MAIN", "object_id", "R_DATA_MAIN", "data_id"),
    _link("R_TICKET_MAIN", "object_id", "r_ticket_coll_main", "coll_id"),
    _link("R_TICKET_MAIN", "user_id", "r_ticket_user_main"),
    # The server hangs this one on R_TICKET_MAIN, and needs luck to have R_DATA_MAIN in the query too.
    _link("R_DATA_MAIN", "coll_id", "r_ticket_data_coll_main"),
)

# Reached, but never walked through: they would close cycles.
CYCLERS: Final = frozenset(
    {
        "r_quota_resc_main",
        "r_quota_user_group",
        "r_quota_user_main",
        "r_ticket_coll_main",
        "r_ticket_data_coll_main",
        "r_ticket_user_main",
    }
)

_Steps = Mapping[str, tuple[str, str] | None]


def link(tables: Sequence[str]) -> Linked:
    """The tables asked for, in that order, and those between them.

    Raises:
        QueryError: CAT_FAILED_TO_LINK_TABLES; there is no way between two of them.
    """
    wanted = list(dict.fromkeys(tables))
    if not wanted:
        raise QueryError(CAT_FAILED_TO_LINK_TABLES, "the query asks for no column")
    start = next((table for table in wanted if table not in CYCLERS), wanted[0])
    steps = _walk(start)
    found, conditions = dict.fromkeys([start]), dict.fromkeys(list[str]())
    for table in wanted:
        for name, condition in _way_back(table, start, steps):
            found[name] = None
            conditions[condition] = None
    return Linked(tuple(found), tuple(conditions))


def _way_back(table: str, start: str, steps: _Steps) -> Iterator[tuple[str, str]]:
    """Each table from ``table`` to ``start`` (not included), with the condition that leads on."""
    if table not in steps:
        raise QueryError(
            CAT_FAILED_TO_LINK_TABLES, f"no link leads from {start} to {table}: ask for them one by one"
        )
    while step := steps[table]:
        previous, condition = step
        yield table, condition
        table = previous


@cache
def _walk(start: str) -> _Steps:
    """Every table that can be reached: the one before it on the way, and the condition between the two."""
    steps: dict[str, tuple[str, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        table = queue.popleft()
        if table in CYCLERS:
            continue
        for neighbour, condition in _neighbours()[table]:
            if neighbour not in steps:
                steps[neighbour] = (table, condition)
                queue.append(neighbour)
    return steps


@cache
def _neighbours() -> Mapping[str, list[tuple[str, str]]]:
    neighbours: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for left, right, condition in LINKS:
        neighbours[left].append((right, condition))
        neighbours[right].append((left, condition))
    return neighbours
