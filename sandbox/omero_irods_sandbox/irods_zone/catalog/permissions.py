"""Who may do what: access levels on collections and data objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import below_pattern, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection, User
from omero_irods_sandbox.irods_zone.errors import ZoneError

_BATCH: Final = 500

# Ids of a collection and of all that is below it; parameters: path, pattern, path, pattern.
_IN_TREE: Final = "coll_name = ? or coll_name like ? escape '\\'"
_TREE: Final = (
    f"select coll_id as object_id from R_COLL_MAIN where {_IN_TREE}"
    f" union select data_id from R_DATA_MAIN join R_COLL_MAIN using(coll_id) where {_IN_TREE}"
)


class Permissions:
    """Access levels by object id; a data object's replicas share one id and so one set of levels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def level(self, user: User, object_id: int) -> int:
        """The highest level that ``user`` has, by himself or by a group; 0 when none."""
        value = self._database.value(
            "select max(a.access_type_id) from R_OBJT_ACCESS a"
            " join R_USER_GROUP g on g.group_user_id = a.user_id where g.user_id = ? and a.object_id = ?",
            user.id,
            object_id,
        )
        return int(value or 0)

    def require(self, user: User, object_id: int, level: AccessLevel, *, as_admin: bool = False) -> None:
        """Return when ``user`` has at least ``level``.

        A rodsadmin has no access by being one; he must ask for it (``ADMIN_KW``, ``as_admin``).

        Raises:
            ZoneError: CAT_NO_ACCESS_PERMISSION, or CAT_INSUFFICIENT_PRIVILEGE_LEVEL when
                ``as_admin`` comes from a user who is none.
        """
        if as_admin:
            require_admin(user)
        elif self.level(user, object_id) < level:
            raise ZoneError("CAT_NO_ACCESS_PERMISSION")

    def require_all(self, user: User, object_ids: Iterable[int], level: AccessLevel) -> None:
        """Return when ``user`` has at least ``level`` on every object.

        Raises:
            ZoneError: CAT_NO_ACCESS_PERMISSION.
        """
        every = list(object_ids)
        for start in range(0, len(every), _BATCH):
            ids = every[start : start + _BATCH]
            marks = ", ".join("?" * len(ids))
            count = self._database.value(
                "select count(distinct a.object_id) from R_OBJT_ACCESS a"
                " join R_USER_GROUP g on g.group_user_id = a.user_id"
                f" where g.user_id = ? and a.access_type_id >= ? and a.object_id in ({marks})",
                user.id,
                int(level),
                *ids,
            )
            if count < len(ids):
                raise ZoneError("CAT_NO_ACCESS_PERMISSION")

    def grant(self, object_id: int, user_id: int, level: AccessLevel) -> None:
        """Give exactly ``level``; NULL takes all access away."""
        self._database.execute(
            "delete from R_OBJT_ACCESS where object_id = ? and user_id = ?", object_id, user_id
        )
        if level > AccessLevel.NULL:
            now = timestamp()
            self._database.insert(
                "R_OBJT_ACCESS",
                object_id=object_id,
                user_id=user_id,
                access_type_id=int(level),
                create_ts=now,
                modify_ts=now,
            )

    def grant_tree(self, collection: Collection, user_id: int, level: AccessLevel) -> None:
        """Give exactly ``level`` on ``collection`` and everything below it; NULL takes all access away."""
        tree = (collection.path, below_pattern(collection.path))
        self._database.execute(
            f"delete from R_OBJT_ACCESS where user_id = ? and object_id in ({_TREE})", user_id, *tree, *tree
        )
        if level > AccessLevel.NULL:
            now = timestamp()
            self._database.execute(
                "insert into R_OBJT_ACCESS(object_id, user_id, access_type_id, create_ts, modify_ts)"
                f" select object_id, ?, ?, ?, ? from ({_TREE})",
                user_id,
                int(level),
                now,
                now,
                *tree,
                *tree,
            )

    def inherit(self, parent: Collection, object_id: int, owner_id: int) -> None:
        """Copy the levels of ``parent`` to something new in it, if ``parent`` hands them down."""
        if not parent.inherits:
            return
        rows = self._database.rows(
            "select user_id, access_type_id from R_OBJT_ACCESS where object_id = ? and user_id <> ?",
            parent.id,
            owner_id,
        )
        for row in rows:
            self.grant(object_id, row["user_id"], AccessLevel(row["access_type_id"]))


def require_admin(user: User) -> None:
    """Raises ZoneError CAT_INSUFFICIENT_PRIVILEGE_LEVEL when ``user`` is no rodsadmin."""
    if not user.is_admin:
        raise ZoneError("CAT_INSUFFICIENT_PRIVILEGE_LEVEL")
