"""Events: each transaction that changes something has one, and a log of what it changed."""

from __future__ import annotations

from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.store.database import Database


class EventRecorder:
    """The event of one transaction, made when the first change asks for it."""

    def __init__(self, database: Database, caller: Caller, clock: Clock) -> None:
        self._database = database
        self._caller = caller
        self._clock = clock
        self._id: int | None = None

    @property
    def id(self) -> int:
        """The event's id."""
        if self._id is None:
            self._id = self._new()
        return self._id

    def _new(self) -> int:
        kind = self._database.value('select id from "EventType" where value = ?', self._caller.event_type)
        group = self._caller.writing_group
        return self._database.insert(
            "Event",
            _class="Event",
            d_owner=self._caller.user_id,
            d_group=group,
            time=self._clock.now_ms(),
            type_id=kind,
            session_id=self._caller.session_id or 0,
            experimenter_id=self._caller.user_id,
            experimenterGroup_id=group,
        )

    def log(self, action: str, entity: EntityType, id: int) -> None:
        """Note a change: INSERT, UPDATE or DELETE."""
        self._database.insert(
            "EventLog",
            _class="EventLog",
            d_owner=self._caller.user_id,
            d_group=self._caller.writing_group,
            action=action,
            entityType=entity.java_name,
            entityId=id,
            event_id=self.id,
        )
