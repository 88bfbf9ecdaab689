"""One transaction: everything that writes goes through here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, SYSTEM_GROUP
from omero_irods_sandbox.omero_server.store.constraints import broken
from omero_irods_sandbox.omero_server.store.database import Database
from omero_irods_sandbox.omero_server.store.events import EventRecorder
from omero_irods_sandbox.omero_server.store.hydration import Hydrator
from omero_irods_sandbox.omero_server.store.saving import Saver

_IDENTITIES = frozenset({"Experimenter", "ExperimenterGroup", "GroupExperimenterMap"})


class UnitOfWork:
    """Made by :meth:`Store.work`, which commits it or rolls it back.

    ``insert``, ``update``, ``delete`` and ``named_values`` write rows as they are
    told to, without any check; :meth:`save` merges objects as a client may.
    """

    def __init__(
        self, database: Database, caller: Caller, clock: Clock, make_hydrator: Callable[[Caller], Hydrator]
    ) -> None:
        self.database = database
        self.caller = caller
        self._make_hydrator = make_hydrator
        self.events = EventRecorder(database, caller, clock)
        self.changes_identities = False
        """Whether users, groups or memberships were written: what callers may do has to be read anew."""

    @property
    def event_id(self) -> int:
        """The event of this transaction."""
        return self.events.id

    def hydrator(self) -> Hydrator:
        """What makes objects for the caller of rows as they are now."""
        return self._make_hydrator(self.caller)

    # -- objects

    def save(self, obj: IObject) -> int:
        """Merge an object and what hangs on it; its id, which the object given has then too.

        Raises:
            ServerError: as OMERO refuses it; the caller of :meth:`Store.work` sees it after the rollback.
        """
        return self.save_ids([obj])[0]

    def save_ids(self, objects: Sequence[IObject]) -> list[int]:
        """As :meth:`save`; what several objects share is saved once."""
        return self._saver().save(objects)

    def save_and_return(self, obj: IObject) -> IObject:
        """As :meth:`save`; the object as it is now, loaded as far as the one given was."""
        return self.save_all([obj])[0]

    def save_all(self, objects: Sequence[IObject]) -> list[IObject]:
        """As :meth:`save_and_return`, for several."""
        saver = self._saver()
        saver.save(objects)
        return saver.saved_graph(objects)

    def _saver(self) -> Saver:
        return Saver(self)

    # -- rows

    def insert(
        self, entity: str, *, owner_id: int | None = None, group_id: int | None = None, **columns: object
    ) -> int:
        """Insert a row of a concrete class; owner and group are the caller's unless given. Its id."""
        described = MODEL.entity(entity)
        if described.is_global:
            owner_id, group_id = owner_id or ROOT_USER, group_id or SYSTEM_GROUP
        self._note(described)
        return self._insert(
            described,
            {
                "d_owner": self.caller.user_id if owner_id is None else owner_id,
                "d_group": self.caller.writing_group if group_id is None else group_id,
                **columns,
            },
        )

    def _insert(self, entity: EntityType, columns: dict[str, object]) -> int:
        events = {"d_creation": self.event_id, "d_update": self.event_id}
        try:
            return self.database.insert(entity.root, _class=entity.name, **(events | columns))
        except sqlite3.IntegrityError as error:
            raise broken(error) from error

    def update(self, entity: str, id: int, **columns: object) -> None:
        """Change columns of a row.

        Raises:
            ValidationException: there is no such row, or another one stands in the way.
        """
        described = MODEL.entity(entity)
        self._note(described)
        self.database.execute(f'update "{described.root}" set version = version + 1 where id = ?', id)
        try:
            found = self.database.update(described.root, id, d_update=self.event_id, **columns)
        except sqlite3.IntegrityError as error:
            raise broken(error) from error
        if not found:
            raise validation(f"No such object: {described.name}:{id}")

    def delete(self, entity: str, ids: Iterable[int]) -> None:
        """Delete rows and their named values; what refers to them stays as it is."""
        described = MODEL.entity(entity)
        self._note(described)
        for id_ in ids:
            self.database.execute(f'delete from "{described.root}" where id = ?', id_)
            self.database.execute(
                "delete from named_value where root = ? and owner_id = ?", described.root, id_
            )
            self.events.log("DELETE", described, id_)

    def named_values(
        self,
        entity: str,
        id: int,
        field: str,
        pairs: Sequence[tuple[str, str]] | None,
    ) -> None:
        """Replace the named values of a field; None keeps those that are there."""
        if pairs is None:
            return
        root = MODEL.entity(entity).root
        self._note(MODEL.entity(entity))
        self.database.execute(
            "delete from named_value where root = ? and owner_id = ? and field = ?", root, id, field
        )
        for position, (name, value) in enumerate(pairs):
            self.database.insert(
                "named_value", root=root, owner_id=id, field=field, position=position, name=name, value=value
            )

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run ``action`` when all of this is safely written, e.g. unlink a file; failures are logged only."""
        self.database.after_commit(action)

    def _note(self, entity: EntityType) -> None:
        if entity.root in _IDENTITIES:
            self.changes_identities = True
