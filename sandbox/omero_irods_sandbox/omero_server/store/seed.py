"""What a new database holds (omero-semantics.md and psql-footer.vm of omero-model)."""

from __future__ import annotations

import uuid
from typing import Final

from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.enumerations import initial_values
from omero_irods_sandbox.omero_server.security.caller import permission_bits
from omero_irods_sandbox.omero_server.security.roles import (
    GUEST_GROUP,
    GUEST_USER,
    ROOT_USER,
    SYSTEM_GROUP,
    USER_GROUP,
)
from omero_irods_sandbox.omero_server.store.database import Database
from omero_irods_sandbox.omero_server.store.schema import VERSION, ddl

DATABASE_UUID: Final = "omero.db.uuid"
"""The row of table ``setting`` with the server's identity."""

_GROUPS: Final = (
    (SYSTEM_GROUP, "system", "rw----"),
    (USER_GROUP, "user", "rwr-r-"),
    (GUEST_GROUP, "guest", "rwr---"),
)
_USERS: Final = ((ROOT_USER, "root"), (GUEST_USER, "guest"))
_MEMBERS: Final = (
    (ROOT_USER, SYSTEM_GROUP, True),
    (ROOT_USER, USER_GROUP, False),
    (GUEST_USER, GUEST_GROUP, False),
)


def create_tables(database: Database, clock: Clock) -> None:
    """Make tables and first rows in an empty database; leave any other alone.

    Raises:
        ValueError: the database is of another version of this program.
    """
    version = database.value("pragma user_version")
    if version == VERSION:
        return
    if version != 0:
        raise ValueError(f"the database has version {version}, not {VERSION}: start with a new folder")
    database.run_script("\n".join(("begin;", *ddl(), "commit;")))
    with database.transaction():
        _add_enumerations(database)
        _add_first_event(database, clock)
        _add_users(database)
        database.insert("setting", name=DATABASE_UUID, value=str(uuid.uuid4()))
        database.execute(f"pragma user_version = {VERSION}")


def _add_enumerations(database: Database) -> None:
    for name, values in initial_values(
        [entity for entity in MODEL.entities if entity.is_enumeration]
    ).items():
        for value in values:
            database.insert(name, _class=name, d_owner=ROOT_USER, d_group=SYSTEM_GROUP, value=value)


def _add_first_event(database: Database, clock: Clock) -> None:
    """Event 0, session 0, node 0: what the first rows refer to."""
    now = clock.now_ms()
    database.insert("Node", id=0, _class="Node", uuid="embedded", conn="unknown", up=now)
    database.insert(
        "Session", id=0, _class="Session", d_owner=ROOT_USER, d_group=SYSTEM_GROUP, uuid=str(uuid.uuid4()),
        node_id=0, owner_id=ROOT_USER, timeToIdle=0, timeToLive=0, started=now, closed=now,
        defaultEventType="Internal",
    )  # fmt: skip
    internal = database.value("select id from \"EventType\" where value = 'Internal'")
    database.insert(
        "Event", id=0, _class="Event", d_owner=ROOT_USER, d_group=SYSTEM_GROUP, time=now, type_id=internal,
        session_id=0, experimenter_id=ROOT_USER, experimenterGroup_id=SYSTEM_GROUP,
    )  # fmt: skip


def _add_users(database: Database) -> None:
    system: dict[str, object] = {
        "d_owner": ROOT_USER, "d_group": SYSTEM_GROUP, "d_creation": 0, "d_update": 0, "ldap": 0,
    }  # fmt: skip
    for id_, name, permissions in _GROUPS:
        bits = permission_bits(permissions)
        database.insert(
            "ExperimenterGroup", id=id_, _class="ExperimenterGroup", name=name, d_permissions=bits, **system
        )
    for id_, name in _USERS:
        database.insert(
            "Experimenter",
            id=id_,
            _class="Experimenter",
            omeName=name,
            firstName=name,
            lastName=name,
            **system,
        )
    del system["ldap"]
    for position, (user, group, is_owner) in enumerate(_MEMBERS):
        database.insert(
            "GroupExperimenterMap", _class="GroupExperimenterMap", parent_id=group, child_id=user,
            owner=is_owner, child_index=position, **system,
        )  # fmt: skip
