"""What a zone has on its first day. Source: ``icatSysInserts.sql`` and ``setup_irods.py`` of iRODS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.schema import DATA_TYPES, USER_TYPES
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, User

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog

_FIRST_ID: Final = 10_000
_ZONE_ID: Final = 9_000
_FIRST_DATA_TYPE_ID: Final = 1_600
_SPECIFIC_QUERIES: Final = {
    "ls": "select alias, sqlStr from R_SPECIFIC_QUERY",
    "lsl": "select alias, sqlStr from R_SPECIFIC_QUERY where sqlStr like ?",
    "ilsLACollections": (
        "select c.parent_coll_name, c.coll_name from R_COLL_MAIN c"
        " where c.parent_coll_name = ? LIMIT ? OFFSET ?"
    ),
}


def fill(catalog: Catalog, admin: str, password: str) -> None:
    """Fill an empty catalog: tokens, the zone, its administrator, his home, the default resource."""
    with catalog.database.transaction():
        catalog.database.insert("ZONE_SEQUENCE", last_id=_FIRST_ID)
        _add_tokens(catalog)
        now = timestamp()
        catalog.database.insert(
            "R_ZONE_MAIN",
            zone_id=_ZONE_ID,
            zone_name=catalog.zone,
            zone_type_name="local",
            create_ts=now,
            modify_ts=now,
        )
        for alias, sql in _SPECIFIC_QUERIES.items():
            catalog.database.insert("R_SPECIFIC_QUERY", alias=alias, sqlStr=sql, create_ts=now)
        _add_resources(catalog)
        _add_people(catalog, admin, password)


def _add_tokens(catalog: Catalog) -> None:
    tokens = [("user_type", number, name) for number, name in USER_TYPES.items()]
    tokens += [("access_type", int(level), level.token) for level in AccessLevel]
    tokens += [("data_type", _FIRST_DATA_TYPE_ID + n, name) for n, name in enumerate(DATA_TYPES)]
    now = timestamp()
    for namespace, number, name in tokens:
        catalog.database.insert(
            "R_TOKN_MAIN",
            token_namespace=namespace,
            token_id=number,
            token_name=name,
            create_ts=now,
            modify_ts=now,
        )


def _add_resources(catalog: Catalog) -> None:
    vaults = {"bundleResc": ("bundle", "localhost", "/bundle")}
    vaults[catalog.resources.default] = ("cache", catalog.resource_host, str(catalog.vault))
    now = timestamp()
    for name, (kind, host, path) in vaults.items():
        catalog.database.insert(
            "R_RESC_MAIN",
            resc_id=catalog.database.next_id(),
            resc_name=name,
            zone_name=catalog.zone,
            resc_type_name="unixfilesystem",
            resc_class_name=kind,
            resc_net=host,
            resc_def_path=path,
            create_ts=now,
            modify_ts=now,
        )


def _add_people(catalog: Catalog, admin_name: str, password: str) -> None:
    public = catalog.users.insert("public", "rodsgroup")
    admin = catalog.users.insert(admin_name, "rodsadmin")
    catalog.users.set_password(admin, password)
    _add_collections(catalog, admin, public)


def _add_collections(catalog: Catalog, admin: User, public: User) -> None:
    zone = f"/{catalog.zone}"
    shared = ("/", zone, f"{zone}/home", f"{zone}/trash", f"{zone}/trash/home")
    for path in shared:
        collection = catalog.collections.insert(path, admin)
        catalog.permissions.grant(collection.id, public.id, AccessLevel.READ_OBJECT)
    for base in (f"{zone}/home", f"{zone}/trash/home"):
        catalog.collections.insert(f"{base}/{admin.name}", admin)
        commons = catalog.collections.insert(f"{base}/public", admin)
        catalog.permissions.grant(commons.id, public.id, AccessLevel.OWN)
