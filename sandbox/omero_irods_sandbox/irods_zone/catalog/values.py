"""What the catalog hands out: frozen values, one class a table row."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

FIRST_READABLE_LEVEL: Final = 1050


class ReplicaStatus(IntEnum):
    """State of one replica (``data_is_dirty``). Source: ``replica_state_table`` of iRODS 4.2.9 and newer."""

    STALE = 0
    GOOD = 1
    INTERMEDIATE = 2
    READ_LOCKED = 3
    WRITE_LOCKED = 4

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody has the data object open for writing."""
        return self <= ReplicaStatus.GOOD


class AccessLevel(IntEnum):
    """Permission levels, each including those below. Source: ``access_type`` of icatSysInserts.sql."""

    NULL = 1000
    EXECUTE = 1010
    READ_ANNOTATION = 1020
    READ_SYSTEM_METADATA = 1030
    READ_METADATA = 1040
    READ_OBJECT = 1050
    WRITE_ANNOTATION = 1060
    CREATE_METADATA = 1070
    MODIFY_METADATA = 1080
    DELETE_METADATA = 1090
    ADMINISTER_OBJECT = 1100
    CREATE_OBJECT = 1110
    MODIFY_OBJECT = 1120
    DELETE_OBJECT = 1130
    CREATE_TOKEN = 1140
    DELETE_TOKEN = 1150
    CURATE = 1160
    OWN = 1200

    @property
    def token(self) -> str:
        """The name as the catalog stores it, e.g. ``read_object``."""
        return self.name.lower()

    @classmethod
    def of(cls, name: str) -> AccessLevel | None:
        """The level that a client calls ``name``, in any spelling of ichmod; None when there is none."""
        token = _ACCESS_ALIASES.get(name, name).replace(" ", "_").upper()
        return cls.__members__.get(token)


_ACCESS_ALIASES: Final = {"read": "read_object", "write": "modify_object", "modify": "modify_object"}


@dataclass(frozen=True, slots=True)
class User:
    """A user or a group: iRODS keeps both in one table."""

    id: int
    name: str
    type: str
    zone: str

    @property
    def is_admin(self) -> bool:
        return self.type == "rodsadmin"

    @property
    def is_group(self) -> bool:
        return self.type == "rodsgroup"

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        return cls(row["user_id"], row["user_name"], row["user_type_name"], row["zone_name"])


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; ``inherits`` when it hands its access down to what is made in it."""

    id: int
    path: str
    owner_name: str
    owner_zone: str
    inherits: bool
    create_time: str
    modify_time: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        return cls(
            row["coll_id"],
            row["coll_name"],
            row["coll_owner_name"],
            row["coll_owner_zone"],
            row["coll_inheritance"] == "1",
            row["create_ts"],
            row["modify_ts"],
        )


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a data object; replicas of one object share ``data_id``."""

    data_id: int
    number: int
    collection_path: str
    name: str
    type: str
    size: int
    physical_path: str
    owner_name: str
    owner_zone: str
    status: ReplicaStatus
    checksum: str
    mode: str
    create_time: str
    modify_time: str
    access_time: str
    resource_id: int

    @property
    def path(self) -> str:
        """The logical path."""
        return f"{self.collection_path.rstrip('/')}/{self.name}"

    @property
    def is_good(self) -> bool:
        return self.status is ReplicaStatus.GOOD

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        return cls(
            row["data_id"],
            row["data_repl_num"],
            row["coll_name"],
            row["data_name"],
            row["data_type_name"],
            int(row["data_size"]),
            row["data_path"],
            row["data_owner_name"],
            row["data_owner_zone"],
            ReplicaStatus(int(row["data_is_dirty"])),
            row["data_checksum"] or "",
            row["data_mode"] or "0",
            row["create_ts"],
            row["modify_ts"],
            row["access_ts"],
            row["resc_id"],
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a tree; ``parent_id`` is None at the root."""

    id: int
    name: str
    type: str
    host: str
    vault: str
    status: str
    context: str
    free_space: str
    parent_id: int | None
    parent_context: str = ""
    """What it is to its parent: "archive" or "cache" below a compound resource."""

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        parent = row["resc_parent"]
        return cls(
            row["resc_id"],
            row["resc_name"],
            row["resc_type_name"],
            row["resc_net"],
            row["resc_def_path"],
            row["resc_status"],
            row["resc_context"] or "",
            row["free_space"] or "",
            int(parent) if parent else None,
            row["resc_parent_context"] or "",
        )


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket; a limit of 0 is none, an empty expiry time is never."""

    id: int
    string: str
    type: str
    user_id: int
    object_id: int
    uses_limit: int
    uses_count: int
    write_file_limit: int
    write_file_count: int
    write_byte_limit: int
    write_byte_count: int
    expiry_time: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        return cls(
            row["ticket_id"],
            row["ticket_string"],
            row["ticket_type"],
            row["user_id"],
            row["object_id"],
            row["uses_limit"],
            row["uses_count"],
            row["write_file_limit"],
            row["write_file_count"],
            row["write_byte_limit"],
            row["write_byte_count"],
            row["ticket_expiry_ts"] or "",
        )
