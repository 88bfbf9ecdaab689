"""The store: reading and writing objects of the model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import readable_sql
from omero_irods_sandbox.omero_server.store.answers import Page, QueryResult, run_query
from omero_irods_sandbox.omero_server.store.database import Database
from omero_irods_sandbox.omero_server.store.hydration import Hydrator, Marks, no_marks
from omero_irods_sandbox.omero_server.store.seed import create_tables
from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork


class Store:
    """One database. A new file gets its tables, enumerations, and the users and groups every OMERO has."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.database = Database(path)
        self._clock = clock
        self.identities_version = 0
        """Counts up when users, groups or memberships may have changed."""
        self.marks: Marks = no_marks
        """What tells clients that files may not be downloaded; the server puts its policy here."""
        create_tables(self.database, clock)

    def _hydrator(self, caller: Caller) -> Hydrator:
        return Hydrator(self.database, caller, self.marks)

    def close(self) -> None:
        self.database.close()

    # -- reading

    def find(self, entity: str, id: int, caller: Caller) -> IObject | None:
        """An object the caller may read, its references and collections unloaded; None when there is none."""
        described = _known(entity)
        conditions = [f"t.id = {int(id)}"]
        readable = readable_sql(caller, described, "t")
        if readable is not None:
            conditions.append(readable)
        names = ", ".join(f"'{name}'" for name in described.subclasses)
        conditions.append(f"t._class in ({names})")
        with self.database.reading():
            sql = f'select 1 from "{described.root}" t where {" and ".join(conditions)}'
            if not self.database.tuples(sql):
                return None
            return self.load([(described, id)], caller)[0]

    def get(self, entity: str, id: int, caller: Caller) -> IObject:
        """As :meth:`find`.

        Raises:
            ValidationException: there is none, or the caller may not read it.
        """
        found = self.find(entity, id, caller)
        if found is None:
            raise validation(
                f"The requested object ({_known(entity).java_name},{id}) is not available."
                "\nPlease use IQuery.find to deal with null objects."
            )
        return found

    def load(self, keys: list[tuple[EntityType, int]], caller: Caller) -> list[IObject | None]:
        """Objects by class and id, whoever may read them."""
        hydrator = self._hydrator(caller)
        for entity, id_ in keys:
            hydrator.load(entity, [id_])
        hydrator.resolve()
        return [hydrator.object(entity.root, id_) for entity, id_ in keys]

    def query(
        self,
        hql: str,
        parameters: Mapping[str, Any],
        caller: Caller,
        *,
        limit: int | None = None,
        offset: int | None = None,
    ) -> QueryResult:
        """The answer to a query.

        Raises:
            ApiUsageException: it is not understood; the message names it.
        """
        return run_query(self.database, self._hydrator(caller), hql, parameters, Page(limit, offset))

    def objects(self, hql: str, caller: Caller, **parameters: Any) -> list[IObject]:
        """The first column of the answer to a query."""
        return self.query(hql, parameters, caller).objects()

    def row(self, entity: str, id: int) -> sqlite3.Row | None:
        """The row of an object, whoever may read it."""
        return self.database.row(f'select * from "{_known(entity).root}" where id = ?', id)

    def enumeration(self, entity: str, value: str) -> int:
        """The id of an enumeration's value.

        Raises:
            ValidationException: the enumeration has no such value.
        """
        found = self.database.value(f'select id from "{_known(entity).root}" where value = ?', value)
        if found is None:
            raise validation(f"{entity} has no value {value!r}")
        return int(found)

    # -- writing

    @contextmanager
    def work(self, caller: Caller) -> Iterator[UnitOfWork]:
        """A transaction on behalf of ``caller``; any exception undoes all of it."""
        work: UnitOfWork | None = None
        try:
            with self.database.transaction():
                work = UnitOfWork(self.database, caller, self._clock, self._hydrator)
                yield work
        finally:
            if work is not None and work.changes_identities:
                self.identities_version += 1


def _known(entity: str) -> EntityType:
    try:
        return MODEL.entity(entity)
    except UnknownEntity as error:
        raise api_usage(str(error)) from None
