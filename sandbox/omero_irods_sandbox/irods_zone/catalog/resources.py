"""Resources and their trees."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError

STORAGE_TYPE: Final = "unixfilesystem"


class Resources:
    """Rows of R_RESC_MAIN: trees whose leaves are storage."""

    def __init__(self, database: Database, default: str) -> None:
        self._database = database
        self.default = default
        database.define("hier", 1, self.hierarchy)

    def named(self, name: str) -> Resource | None:
        row = self._database.row("select * from R_RESC_MAIN where resc_name = ?", name)
        return None if row is None else Resource.from_row(row)

    def get(self, name: str) -> Resource:
        """Raises ZoneError SYS_RESC_DOES_NOT_EXIST."""
        resource = self.named(name)
        if resource is None:
            raise ZoneError("SYS_RESC_DOES_NOT_EXIST", f"Resource does not exist: {name}")
        return resource

    def by_id(self, resource_id: int) -> Resource:
        row = self._database.row("select * from R_RESC_MAIN where resc_id = ?", resource_id)
        if row is None:
            raise ZoneError("SYS_RESC_DOES_NOT_EXIST", f"Resource does not exist: id {resource_id}")
        return Resource.from_row(row)

    def insert(self, name: str, kind: str, host: str, vault: str, context: str) -> None:
        """Raises ZoneError CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME."""
        now = timestamp()
        try:
            self._database.insert(
                "R_RESC_MAIN",
                resc_id=self._database.next_id(),
                resc_name=name,
                zone_name=self._database.value(
                    "select zone_name from R_ZONE_MAIN where zone_type_name = 'local'"
                ),
                resc_type_name=kind,
                resc_net=host,
                resc_def_path=vault,
                resc_context=context,
                create_ts=now,
                modify_ts=now,
            )
        except sqlite3.IntegrityError as error:
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"Resource exists: {name}") from error

    def set_field(self, resource: Resource, column: str, value: str) -> None:
        """``column`` of R_RESC_MAIN.

        Raises:
            ZoneError: CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME for a name in use.
        """
        columns = [column, "modify_ts", *(["free_space_ts"] if column == "free_space" else [])]
        assignments = ", ".join(f"{name} = ?" for name in columns)
        values = [value] + [timestamp()] * (len(columns) - 1)
        try:
            self._database.execute(
                f"update R_RESC_MAIN set {assignments} where resc_id = ?", *values, resource.id
            )
        except sqlite3.IntegrityError as error:
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"Resource exists: {value}") from error

    def set_parent(self, child: Resource, parent: Resource | None, context: str) -> None:
        """Put ``child`` below ``parent``, which is not below it, or take it out of its tree."""
        self._database.execute(
            "update R_RESC_MAIN set resc_parent = ?, resc_parent_context = ?, modify_ts = ?"
            " where resc_id = ?",
            "" if parent is None else str(parent.id),
            context,
            timestamp(),
            child.id,
        )

    def holds_replicas(self, resource: Resource) -> bool:
        return bool(self._database.row("select 1 from R_DATA_MAIN where resc_id = ?", resource.id))

    def delete(self, resource: Resource) -> None:
        """The row alone; see ``Catalog.forget`` for what hangs on its id."""
        self._database.execute("delete from R_RESC_MAIN where resc_id = ?", resource.id)

    def children(self, resource: Resource) -> list[Resource]:
        """Direct children in the order they were made."""
        rows = self._database.rows(
            "select * from R_RESC_MAIN where resc_parent = ? order by resc_id", str(resource.id)
        )
        return [Resource.from_row(row) for row in rows]

    def leaves(self, resource: Resource) -> list[Resource]:
        """The storage resources at the end of the tree; the resource itself when it has no children."""
        children = self.children(resource)
        return [leaf for child in children for leaf in self.leaves(child)] if children else [resource]

    def leaf_ids(self, name: str) -> set[int]:
        """Raises ZoneError SYS_RESC_DOES_NOT_EXIST."""
        return {leaf.id for leaf in self.leaves(self.get(name))}

    def leaf_for_new_replica(self, name: str) -> Resource:
        """Where a new replica goes that is created on the resource ``name``.

        Raises:
            ZoneError: SYS_RESC_DOES_NOT_EXIST; HIERARCHY_ERROR for a tree without storage.
        """
        leaf = self.leaves(self.get(name))[0]
        if leaf.type != STORAGE_TYPE:
            raise ZoneError("HIERARCHY_ERROR", f"No storage below resource {name}")
        return leaf

    def hierarchy(self, resource_id: int | None) -> str:
        """``root;child;leaf``. Also the SQL function ``hier``."""
        names: list[str] = []
        while resource_id:
            row = self._database.row(
                "select resc_name, resc_parent from R_RESC_MAIN where resc_id = ?", resource_id
            )
            if row is None:
                break
            names.append(row["resc_name"])
            resource_id = int(row["resc_parent"]) if row["resc_parent"] else None
        return ";".join(reversed(names))

    def root_of(self, resource: Resource) -> Resource:
        while resource.parent_id is not None:
            resource = self.by_id(resource.parent_id)
        return resource

    def vaults(self) -> dict[int, str]:
        """The folder of each storage resource, without a slash at its end, by resource id."""
        rows = self._database.rows(
            "select resc_id, resc_def_path from R_RESC_MAIN where resc_type_name = ?", STORAGE_TYPE
        )
        return {row["resc_id"]: row["resc_def_path"].rstrip("/") for row in rows}

    def vault_path(self, resource: Resource, logical_path: str) -> str:
        """Where the file of a new replica belongs: the vault, then the logical path without the zone."""
        return str(Path(resource.vault, *logical_path.split("/")[2:]))
