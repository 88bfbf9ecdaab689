"""Data objects and their replicas."""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import below_pattern, name_of, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import Collection, Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError

_SELECT: Final = "select d.*, c.coll_name from R_DATA_MAIN d join R_COLL_MAIN c using(coll_id)"

COLUMNS: Final = {
    "access_time": "access_ts",
    "checksum": "data_checksum",
    "comments": "r_comment",
    "create_time": "create_ts",
    "expiry_time": "data_expiry_ts",
    "map_id": "data_map_id",
    "mode": "data_mode",
    "modify_time": "modify_ts",
    "number": "data_repl_num",
    "owner_name": "data_owner_name",
    "owner_zone": "data_owner_zone",
    "physical_path": "data_path",
    "resource_id": "resc_id",
    "size": "data_size",
    "status": "data_is_dirty",
    "status_text": "data_status",
    "type": "data_type_name",
    "version": "data_version",
}


class DataObjects:
    """Rows of R_DATA_MAIN: one a replica; replicas of one data object share its id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replicas(self, path: str) -> list[Replica]:
        """All replicas of the data object, by number; empty when there is none."""
        rows = self._database.rows(
            f"{_SELECT} where c.coll_name = ? and d.data_name = ? order by data_repl_num",
            parent_of(path),
            name_of(path),
        )
        return [Replica.from_row(row) for row in rows]

    def get(self, path: str) -> list[Replica]:
        """At least one replica. Raises ZoneError OBJ_PATH_DOES_NOT_EXIST."""
        replicas = self.replicas(path)
        if not replicas:
            raise ZoneError("OBJ_PATH_DOES_NOT_EXIST", f"Data object does not exist: {path}")
        return replicas

    def replica(self, data_id: int, number: int) -> Replica | None:
        row = self._database.row(f"{_SELECT} where d.data_id = ? and d.data_repl_num = ?", data_id, number)
        return None if row is None else Replica.from_row(row)

    def in_tree(self, path: str) -> list[Replica]:
        """Every replica in the collection ``path`` and below."""
        rows = self._database.rows(
            f"{_SELECT} where c.coll_name = ? or c.coll_name like ? escape '\\'", path, below_pattern(path)
        )
        return [Replica.from_row(row) for row in rows]

    def with_id(self, data_id: int) -> list[Replica]:
        rows = self._database.rows(f"{_SELECT} where d.data_id = ? order by data_repl_num", data_id)
        return [Replica.from_row(row) for row in rows]

    def is_path_registered(self, physical_path: str) -> bool:
        return bool(self._database.row("select 1 from R_DATA_MAIN where data_path = ?", physical_path))

    def insert(self, replica: Replica, collection: Collection) -> None:
        self._database.insert(
            "R_DATA_MAIN",
            data_id=replica.data_id,
            coll_id=collection.id,
            data_name=replica.name,
            data_repl_num=replica.number,
            data_type_name=replica.type,
            data_size=replica.size,
            data_path=replica.physical_path,
            data_owner_name=replica.owner_name,
            data_owner_zone=replica.owner_zone,
            data_is_dirty=int(replica.status),
            data_checksum=replica.checksum,
            data_mode=replica.mode,
            create_ts=replica.create_time,
            modify_ts=replica.modify_time,
            access_ts=replica.access_time,
            resc_id=replica.resource_id,
        )

    def update(self, data_id: int, number: int, **changes: object) -> None:
        """Change fields of one replica; the names are the keys of :data:`COLUMNS`."""
        assignments = ", ".join(f"{COLUMNS[field]} = ?" for field in changes)
        self._database.execute(
            f"update R_DATA_MAIN set {assignments} where data_id = ? and data_repl_num = ?",
            *changes.values(),
            data_id,
            number,
        )

    def set_status_of_others(self, data_id: int, number: int, status: ReplicaStatus) -> None:
        """Set the status of every replica but ``number``, keeping what it was for a restart."""
        self._database.execute(
            "update R_DATA_MAIN set status_before_lock = data_is_dirty, data_is_dirty = ?"
            " where data_id = ? and data_repl_num <> ?",
            int(status),
            data_id,
            number,
        )

    def rename(self, data_id: int, collection: Collection, name: str) -> None:
        """Give all replicas another place, in the catalog only."""
        self._database.execute(
            "update R_DATA_MAIN set coll_id = ?, data_name = ?, modify_ts = ? where data_id = ?",
            collection.id,
            name,
            timestamp(),
            data_id,
        )

    def delete(self, data_id: int) -> None:
        """All replicas' rows; see ``Catalog.forget`` for what hangs on the id."""
        self._database.execute("delete from R_DATA_MAIN where data_id = ?", data_id)

    def delete_replica(self, data_id: int, number: int) -> None:
        self._database.execute(
            "delete from R_DATA_MAIN where data_id = ? and data_repl_num = ?", data_id, number
        )

    def has_type(self, name: str) -> bool:
        """Whether ``name`` is a data type that the zone knows (token namespace ``data_type``)."""
        return bool(
            self._database.row(
                "select 1 from R_TOKN_MAIN where token_namespace = 'data_type' and token_name = ?", name
            )
        )

    def settle_interrupted(self) -> int:
        """Make stale what was being written when the server died, and unlock its siblings; how many.

        Source: replica states of iRODS 4.2.9 and newer; a real server leaves this to the administrator
        (``iadmin modrepl``), an embedded zone has none.
        """
        stale = self._database.execute(
            "update R_DATA_MAIN set data_is_dirty = ? where data_is_dirty in (?, ?)",
            int(ReplicaStatus.STALE),
            int(ReplicaStatus.INTERMEDIATE),
            int(ReplicaStatus.READ_LOCKED),
        )
        self._database.execute(
            "update R_DATA_MAIN set data_is_dirty = coalesce(status_before_lock, ?) where data_is_dirty = ?",
            int(ReplicaStatus.STALE),
            int(ReplicaStatus.WRITE_LOCKED),
        )
        return stale
