"""Users, groups and passwords."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.schema import USER_TYPES
from omero_irods_sandbox.irods_zone.catalog.values import User
from omero_irods_sandbox.irods_zone.errors import ZoneError

TEMPORARY_PASSWORD_LIFE_S: Final = 120
_NEVER: Final = "9999-12-31-23.59.00"


class Users:
    """Rows of R_USER_MAIN, R_USER_GROUP and R_USER_PASSWORD."""

    def __init__(self, database: Database, zone: str) -> None:
        self._database = database
        self._zone = zone

    def split(self, name: str) -> tuple[str, str]:
        """``user#zone`` as (user, zone); this zone when none is named."""
        user, _, zone = name.partition("#")
        return user, zone or self._zone

    def find(self, name: str, zone: str = "") -> User | None:
        user, named_zone = self.split(name)
        row = self._database.row(
            "select * from R_USER_MAIN where user_name = ? and zone_name = ?", user, zone or named_zone
        )
        return None if row is None else User.from_row(row)

    def get(self, name: str, zone: str = "") -> User:
        """Raises ZoneError CAT_INVALID_USER."""
        user = self.find(name, zone)
        if user is None:
            raise ZoneError("CAT_INVALID_USER", f"User does not exist: {name}")
        return user

    def group(self, name: str) -> User:
        """Raises ZoneError CAT_INVALID_GROUP when there is no group of that name."""
        group = self.find(name)
        if group is None or not group.is_group:
            raise ZoneError("CAT_INVALID_GROUP", f"Group does not exist: {name}")
        return group

    def insert(self, name: str, user_type: str, zone: str = "") -> User:
        """A new row, member of its own group and, a user, of ``public``; no home collection.

        Raises:
            ZoneError: CAT_INVALID_USER_TYPE, CAT_INVALID_ZONE, or CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME.
        """
        user_name, named_zone = self.split(name)
        zone = zone or named_zone
        self._check_type_and_zone(user_type, zone)
        user_id, now = self._database.next_id(), timestamp()
        try:
            self._database.insert(
                "R_USER_MAIN",
                user_id=user_id,
                user_name=user_name,
                user_type_name=user_type,
                zone_name=zone,
                create_ts=now,
                modify_ts=now,
            )
        except sqlite3.IntegrityError as error:
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME", f"User exists: {name}") from error
        # Every user has a group of his own: access is always given to groups (icat, R_USER_GROUP).
        self._add_membership(user_id, user_id)
        public = self.find("public")
        if user_type != "rodsgroup" and public is not None:
            self._add_membership(public.id, user_id)
        return User(user_id, user_name, user_type, zone)

    def _check_type_and_zone(self, user_type: str, zone: str) -> None:
        if user_type not in USER_TYPES.values():
            raise ZoneError("CAT_INVALID_USER_TYPE", f"No such user type: {user_type}")
        if not self._database.row("select 1 from R_ZONE_MAIN where zone_name = ?", zone):
            raise ZoneError("CAT_INVALID_ZONE", f"No such zone: {zone}")

    def delete(self, user: User) -> None:
        """Remove the user and everything that names him, but no collections."""
        for table, column in _TABLES_NAMING_USERS:
            self._database.execute(f"delete from {table} where {column} = ?", user.id)

    def set_field(self, user: User, column: str, value: str) -> None:
        """``column`` of R_USER_MAIN."""
        self._database.execute(
            f"update R_USER_MAIN set {column} = ?, modify_ts = ? where user_id = ?",
            value,
            timestamp(),
            user.id,
        )

    def add_auth_name(self, user: User, name: str) -> None:
        """A name the user has in another authentication scheme; adding it twice changes nothing."""
        if not self._database.row(
            "select 1 from R_USER_AUTH where user_id = ? and user_auth_name = ?", user.id, name
        ):
            self._database.insert("R_USER_AUTH", user_id=user.id, user_auth_name=name, create_ts=timestamp())

    def remove_auth_name(self, user: User, name: str) -> bool:
        """Whether it was there."""
        removed = self._database.execute(
            "delete from R_USER_AUTH where user_id = ? and user_auth_name = ?", user.id, name
        )
        return removed > 0

    # -- groups

    def _add_membership(self, group_id: int, user_id: int) -> None:
        now = timestamp()
        self._database.insert(
            "R_USER_GROUP", group_user_id=group_id, user_id=user_id, create_ts=now, modify_ts=now
        )

    def add_member(self, group: User, user: User) -> None:
        """Raises ZoneError CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME when he is one already."""
        try:
            self._add_membership(group.id, user.id)
        except sqlite3.IntegrityError as error:
            raise ZoneError("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME") from error

    def remove_member(self, group: User, user: User) -> bool:
        """Whether he was one."""
        removed = self._database.execute(
            "delete from R_USER_GROUP where group_user_id = ? and user_id = ?", group.id, user.id
        )
        return removed > 0

    def member_ids(self, group: User) -> set[int]:
        rows = self._database.rows(
            "select user_id from R_USER_GROUP where group_user_id = ? and user_id <> ?", group.id, group.id
        )
        return {row["user_id"] for row in rows}

    # -- passwords

    def password(self, user: User) -> str:
        """The lasting password in clear, "" when there is none: native authentication needs it readable."""
        value = self._database.value(
            "select rcat_password from R_USER_PASSWORD where user_id = ? and pass_expiry_ts = ?",
            user.id,
            _NEVER,
        )
        return str(value or "")

    def set_password(self, user: User, password: str) -> None:
        self._database.execute(
            "delete from R_USER_PASSWORD where user_id = ? and pass_expiry_ts = ?", user.id, _NEVER
        )
        self._insert_password(user, password, _NEVER)

    def add_temporary_password(self, user: User, password: str) -> None:
        """Good for one login within :data:`TEMPORARY_PASSWORD_LIFE_S`; expired ones of all users go."""
        self._database.execute(
            "delete from R_USER_PASSWORD where pass_expiry_ts <> ? and cast(pass_expiry_ts as integer) < ?",
            _NEVER,
            int(time.time()),
        )
        self._insert_password(user, password, str(int(time.time()) + TEMPORARY_PASSWORD_LIFE_S))

    def _insert_password(self, user: User, password: str, expiry: str) -> None:
        now = timestamp()
        self._database.insert(
            "R_USER_PASSWORD",
            user_id=user.id,
            rcat_password=password,
            pass_expiry_ts=expiry,
            create_ts=now,
            modify_ts=now,
        )

    def passwords(self, user: User) -> list[tuple[int, str, float | None]]:
        """(row id, password, expiry in seconds since the epoch or None) of every password of the user."""
        rows = self._database.rows(
            "select rowid, rcat_password, pass_expiry_ts from R_USER_PASSWORD where user_id = ?", user.id
        )
        return [(row[0], row[1], None if row[2] == _NEVER else float(row[2])) for row in rows]

    def drop_password(self, row_id: int) -> bool:
        """Whether it was there."""
        return self._database.execute("delete from R_USER_PASSWORD where rowid = ?", row_id) > 0


_TABLES_NAMING_USERS: Final = (
    ("R_USER_MAIN", "user_id"),
    ("R_USER_PASSWORD", "user_id"),
    ("R_USER_AUTH", "user_id"),
    ("R_OBJT_ACCESS", "user_id"),
    ("R_USER_GROUP", "user_id"),
    ("R_USER_GROUP", "group_user_id"),
    ("R_OBJT_METAMAP", "object_id"),
    ("R_QUOTA_MAIN", "user_id"),
)
