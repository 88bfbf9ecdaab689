"""Collections."""

from __future__ import annotations

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import below_pattern, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.permissions import Permissions
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection, User
from omero_irods_sandbox.irods_zone.errors import ZoneError


class Collections:
    """Rows of R_COLL_MAIN, by logical path."""

    def __init__(self, database: Database, permissions: Permissions) -> None:
        self._database = database
        self._permissions = permissions

    def find(self, path: str) -> Collection | None:
        row = self._database.row("select * from R_COLL_MAIN where coll_name = ?", path)
        return None if row is None else Collection.from_row(row)

    def get(self, path: str) -> Collection:
        """Raises ZoneError CAT_UNKNOWN_COLLECTION."""
        collection = self.find(path)
        if collection is None:
            raise ZoneError("CAT_UNKNOWN_COLLECTION", f"Collection does not exist: {path}")
        return collection

    def below(self, path: str) -> list[Collection]:
        """All collections below ``path``, the deepest first."""
        rows = self._database.rows(
            "select * from R_COLL_MAIN where coll_name like ? escape '\\' order by length(coll_name) desc",
            below_pattern(path),
        )
        return [Collection.from_row(row) for row in rows]

    def is_empty(self, collection: Collection) -> bool:
        return not self._database.row(
            "select 1 from R_COLL_MAIN where parent_coll_name = ?"
            " union select 1 from R_DATA_MAIN where coll_id = ?",
            collection.path,
            collection.id,
        )

    def insert(self, path: str, owner: User, *, inherits: bool = False) -> Collection:
        """A row and the owner's access. The caller has checked that the path is free and its parent there."""
        collection_id, now = self._database.next_id(), timestamp()
        self._database.insert(
            "R_COLL_MAIN",
            coll_id=collection_id,
            parent_coll_name=parent_of(path),
            coll_name=path,
            coll_owner_name=owner.name,
            coll_owner_zone=owner.zone,
            coll_inheritance="1" if inherits else "",
            create_ts=now,
            modify_ts=now,
        )
        self._permissions.grant(collection_id, owner.id, AccessLevel.OWN)
        return Collection(collection_id, path, owner.name, owner.zone, inherits, now, now)

    def create(self, user: User, path: str, *, parents: bool, as_admin: bool = False) -> Collection:
        """Make ``path`` for ``user``, who then owns it; with ``parents`` also what is missing above it.

        ``path`` is normalized and not a data object (the caller has checked). With
        ``parents`` a collection that is there already is returned as it is.

        Raises:
            ZoneError: CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME, CAT_UNKNOWN_COLLECTION (no parent),
                CAT_NO_ACCESS_PERMISSION (may not write the parent).
        """
        existing = self.find(path)
        if existing is not None:
            if parents:
                return existing
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"Collection exists: {path}")
        parent = self._parent_for_new(user, path, parents=parents, as_admin=as_admin)
        self._permissions.require(user, parent.id, AccessLevel.MODIFY_OBJECT, as_admin=as_admin)
        collection = self.insert(path, user, inherits=parent.inherits)
        self._permissions.inherit(parent, collection.id, user.id)
        self.mark_modified(parent.path)
        return collection

    def _parent_for_new(self, user: User, path: str, *, parents: bool, as_admin: bool) -> Collection:
        parent_path = parent_of(path)
        if not parents or parent_path == "/":
            return self.get(parent_path)
        return self.create(user, parent_path, parents=True, as_admin=as_admin)

    def rename(self, source: str, target: str) -> None:
        """Rename the collection and everything below it, in the catalog only."""
        now = timestamp()
        rows = self._database.rows(
            "select coll_id, coll_name from R_COLL_MAIN where coll_name = ? or coll_name like ? escape '\\'",
            source,
            below_pattern(source),
        )
        for row in rows:
            path = target + row["coll_name"][len(source) :]
            self._database.execute(
                "update R_COLL_MAIN set coll_name = ?, parent_coll_name = ?, modify_ts = ? where coll_id = ?",
                path,
                parent_of(path),
                now,
                row["coll_id"],
            )

    def hand_down(self, collection: Collection, *, inherits: bool, recursively: bool = False) -> None:
        """Let what is made in ``collection`` (and everywhere below it) inherit its permissions, or not."""
        self._database.execute(
            "update R_COLL_MAIN set coll_inheritance = ?, modify_ts = ?"
            " where coll_name = ? or (? and coll_name like ? escape '\\')",
            "1" if inherits else "0",
            timestamp(),
            collection.path,
            recursively,
            below_pattern(collection.path),
        )

    def set_modify_time(self, collection_id: int, time: str) -> None:
        self._database.execute("update R_COLL_MAIN set modify_ts = ? where coll_id = ?", time, collection_id)

    def mark_modified(self, *paths: str) -> None:
        """Something was added to these collections or taken out of them, now."""
        now = timestamp()
        for path in set(paths):
            self._database.execute("update R_COLL_MAIN set modify_ts = ? where coll_name = ?", now, path)

    def delete(self, collection: Collection) -> None:
        """The row alone; see ``Catalog.forget`` for what hangs on its id."""
        self._database.execute("delete from R_COLL_MAIN where coll_id = ?", collection.id)
