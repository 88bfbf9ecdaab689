"""A small catalog in memory for the tests of both query languages."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from hypothesis import settings

from omero_irods_sandbox.irods_zone.catalog.schema import DDL
from omero_irods_sandbox.irods_zone.genquery.statement import Statement
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer

RODS, ALICE, BOB, LAB, STRANGER = 1, 2, 3, 4, 5
ADMIN = Viewer(RODS, is_admin=True)

READ, OWN, READ_METADATA = 1050, 1200, 1040

HOME_COLLECTION, ALICE_COLLECTION, BOB_COLLECTION, SIBLING_COLLECTION = 100, 101, 102, 103
CELL, RETINA, SECRET = 200, 201, 202

# A busy machine is no failure.
UNTIMED = settings(deadline=None)

Rows = Sequence[Mapping[str, object]]

_USERS: Rows = [
    {"user_id": RODS, "user_name": "rods", "user_type_name": "rodsadmin"},
    {"user_id": ALICE, "user_name": "alice", "user_type_name": "rodsuser"},
    {"user_id": BOB, "user_name": "bob", "user_type_name": "rodsuser"},
    {"user_id": LAB, "user_name": "lab", "user_type_name": "rodsgroup"},
    {"user_id": STRANGER, "user_name": "stranger", "user_type_name": "rodsuser"},
]
_GROUPS = [(user, user) for user in (RODS, ALICE, BOB, LAB, STRANGER)] + [(LAB, ALICE), (LAB, BOB)]
_RESOURCES: Rows = [
    {"resc_id": 10, "resc_name": "root", "resc_type_name": "replication", "resc_parent": ""},
    {"resc_id": 11, "resc_name": "disk", "resc_type_name": "unixfilesystem", "resc_parent": "10"},
    {"resc_id": 12, "resc_name": "tape", "resc_type_name": "unixfilesystem", "resc_parent": "10"},
]
_COLLECTIONS = [
    (HOME_COLLECTION, "/z/home", "/z"),
    (ALICE_COLLECTION, "/z/home/alice", "/z/home"),
    (BOB_COLLECTION, "/z/home/bob", "/z/home"),
    (SIBLING_COLLECTION, "/z/home/alice2", "/z/home"),
]
# data id, collection, name, replica, size, status, resource, modified
_REPLICAS = [
    (CELL, ALICE_COLLECTION, "cell.tif", 0, 100, 1, 11, "01700000000"),
    (CELL, ALICE_COLLECTION, "cell.tif", 1, 100, 0, 12, "01700000100"),
    (RETINA, ALICE_COLLECTION, "retina.png", 0, 2500, 1, 11, "01700000200"),
    (SECRET, BOB_COLLECTION, "Secret.txt", 0, 7, 1, 12, "01700000300"),
]
# object, user, level: nobody is on the list of SECRET but bob; alice reads retina through her group
_ACCESS = [
    (HOME_COLLECTION, LAB, READ),
    (ALICE_COLLECTION, ALICE, OWN),
    (ALICE_COLLECTION, LAB, READ),
    (BOB_COLLECTION, BOB, OWN),
    (CELL, ALICE, OWN),
    (CELL, BOB, READ_METADATA),
    (RETINA, LAB, READ),
    (SECRET, BOB, OWN),
]
# AVU id, name, value, unit, objects
_AVUS = [
    (300, "state", "sealed", "", [CELL]),
    (301, "bytes", "100", "B", [CELL]),
    (302, "state", "open", "", [RETINA]),
    (303, "bytes", "2500", "B", [RETINA]),
    (304, "ingest", "on", "", [ALICE_COLLECTION]),
    (305, "site", "basement", "", [11]),
    (306, "mail", "a@b", "", [ALICE]),
]
_TICKETS: Rows = [
    {
        "ticket_id": 400,
        "ticket_string": "tk-cell",
        "user_id": ALICE,
        "object_id": CELL,
        "object_type": "data",
    },
    {
        "ticket_id": 401,
        "ticket_string": "tk-bob",
        "user_id": BOB,
        "object_id": BOB_COLLECTION,
        "object_type": "coll",
    },
    {
        "ticket_id": 402,
        "ticket_string": "tk-alice",
        "user_id": ALICE,
        "object_id": ALICE_COLLECTION,
        "object_type": "coll",
    },
]


def new_catalog() -> sqlite3.Connection:
    """The catalog, set up as the zone does it."""
    catalog = empty_catalog()
    _insert(catalog, "R_ZONE_MAIN", [{"zone_id": 9000, "zone_name": "z", "zone_type_name": "local"}])
    _insert(catalog, "R_USER_MAIN", [{**user, "zone_name": "z"} for user in _USERS])
    _insert(catalog, "R_USER_GROUP", [{"group_user_id": group, "user_id": user} for group, user in _GROUPS])
    _insert(catalog, "R_RESC_MAIN", _RESOURCES)
    for collection, path, parent in _COLLECTIONS:
        row = {
            "coll_id": collection,
            "coll_name": path,
            "parent_coll_name": parent,
            "coll_owner_name": "rods",
        }
        _insert(catalog, "R_COLL_MAIN", [row])
    for replica in _REPLICAS:
        names = (
            "data_id",
            "coll_id",
            "data_name",
            "data_repl_num",
            "data_size",
            "data_is_dirty",
            "resc_id",
            "modify_ts",
        )
        _insert(catalog, "R_DATA_MAIN", [dict(zip(names, replica, strict=True))])
    for level, name in ((READ_METADATA, "read_metadata"), (READ, "read_object"), (OWN, "own")):
        _insert(
            catalog,
            "R_TOKN_MAIN",
            [{"token_namespace": "access_type", "token_id": level, "token_name": name}],
        )
    for object_id, user, level in _ACCESS:
        _insert(
            catalog, "R_OBJT_ACCESS", [{"object_id": object_id, "user_id": user, "access_type_id": level}]
        )
    _insert_avus(catalog)
    _insert(catalog, "R_TICKET_MAIN", _TICKETS)
    for user, resource, over in ((LAB, 11, -5), (LAB, 0, 10), (BOB, 12, -1)):
        row = {"user_id": user, "resc_id": resource, "quota_limit": 50, "quota_over": over}
        _insert(catalog, "R_QUOTA_MAIN", [row])
    return catalog


def empty_catalog() -> sqlite3.Connection:
    """The tables alone."""
    catalog = sqlite3.connect(":memory:")
    catalog.execute("pragma case_sensitive_like=on")
    catalog.executescript(DDL)
    catalog.create_function("hier", 1, lambda resource: _hierarchy(catalog, resource))
    return catalog


def run(catalog: sqlite3.Connection, statement: Statement) -> list[tuple[object, ...]]:
    """The rows of the statement."""
    return catalog.execute(statement.sql, statement.parameters).fetchall()


def _insert(catalog: sqlite3.Connection, table: str, rows: Rows) -> None:
    for row in rows:
        places = ", ".join("?" * len(row))
        catalog.execute(f"insert into {table}({', '.join(row)}) values({places})", list(row.values()))


def _insert_avus(catalog: sqlite3.Connection) -> None:
    for avu, name, value, unit, objects in _AVUS:
        row = {"meta_id": avu, "meta_attr_name": name, "meta_attr_value": value, "meta_attr_unit": unit}
        _insert(catalog, "R_META_MAIN", [row])
        _insert(catalog, "R_OBJT_METAMAP", [{"object_id": each, "meta_id": avu} for each in objects])


def _hierarchy(catalog: sqlite3.Connection, resource: int | None) -> str:
    names: list[str] = []
    while resource:
        name, parent = catalog.execute(
            "select resc_name, resc_parent from R_RESC_MAIN where resc_id = ?", (resource,)
        ).fetchone()
        names.insert(0, name)
        resource = int(parent) if parent else None
    return ";".join(names)
