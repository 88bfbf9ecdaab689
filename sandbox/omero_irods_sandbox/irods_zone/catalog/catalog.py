"""The catalog as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from omero_irods_sandbox.errors import StartError
from omero_irods_sandbox.irods_zone.catalog import bootstrap
from omero_irods_sandbox.irods_zone.catalog.collections import Collections
from omero_irods_sandbox.irods_zone.catalog.data_objects import DataObjects
from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.metadata import Metadata
from omero_irods_sandbox.irods_zone.catalog.paths import parent_of
from omero_irods_sandbox.irods_zone.catalog.permissions import Permissions
from omero_irods_sandbox.irods_zone.catalog.quotas import Quotas
from omero_irods_sandbox.irods_zone.catalog.reader import Readers
from omero_irods_sandbox.irods_zone.catalog.resources import Resources
from omero_irods_sandbox.irods_zone.catalog.tickets import Tickets
from omero_irods_sandbox.irods_zone.catalog.users import Users
from omero_irods_sandbox.irods_zone.catalog.values import Collection, User
from omero_irods_sandbox.irods_zone.errors import ZoneError

DEFAULT_RESOURCE: Final = "demoResc"
DEFAULT_ZONE: Final = "tempZone"
ZONE_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,63}")


class Catalog:
    """Tables of one zone, grouped by what they are about.

    Readers see whole transactions only; what must happen together is wrapped in
    :meth:`transaction` by the operation that needs it.
    """

    def __init__(
        self, path: Path, *, zone: str | None, vault: Path, resource_host: str, admin: str, password: str
    ) -> None:
        """Open the catalog at ``path``, or make it with ``admin`` and ``password`` when it is new.

        Raises:
            StartError: it is there, and of another zone than ``zone``; or that is no name of one.
        """
        self.vault = vault
        self.resource_host = resource_host
        self.database = Database(path)
        kept = self._kept_zone()
        if kept and zone not in {None, kept}:
            self.database.close()
            raise StartError(f"{path} is of the zone {kept}, not {zone}. Name that one, or another folder.")
        self.zone = kept or zone or DEFAULT_ZONE
        if not ZONE_NAME.fullmatch(self.zone):
            raise StartError(f"{self.zone!r} is no name of a zone: 1 to 63 letters, digits, _ and dots.")
        self.permissions = Permissions(self.database)
        self.resources = Resources(self.database, DEFAULT_RESOURCE)
        self.users = Users(self.database, self.zone)
        self.metadata = Metadata(self.database)
        self.collections = Collections(self.database, self.permissions)
        self.data_objects = DataObjects(self.database)
        self.tickets = Tickets(self.database)
        self.quotas = Quotas(self.database)
        self.readers = Readers(self.database)
        if kept is None:
            bootstrap.fill(self, admin, password)

    def _kept_zone(self) -> str | None:
        """The name of the zone that the catalog is of; none when it is new."""
        row = self.database.row("select zone_name from R_ZONE_MAIN where zone_type_name = 'local'")
        return None if row is None else str(row["zone_name"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nests."""
        with self.database.transaction():
            yield

    def close(self) -> None:
        self.readers.close()
        self.database.close()

    def exists(self, path: str) -> bool:
        """Whether there is a collection or a data object at ``path``."""
        return self.collections.find(path) is not None or bool(self.data_objects.replicas(path))

    def make_collection(self, user: User, path: str, *, parents: bool, as_admin: bool = False) -> Collection:
        """As :meth:`Collections.create`, but never where a data object is.

        Raises:
            ZoneError: CAT_NAME_EXISTS_AS_DATAOBJ, and what :meth:`Collections.create` raises.
        """
        missing = path
        while missing != "/" and self.collections.find(missing) is None:
            if self.data_objects.replicas(missing):
                raise ZoneError("CAT_NAME_EXISTS_AS_DATAOBJ", f"A data object has this name: {missing}")
            missing = parent_of(missing)
        return self.collections.create(user, path, parents=parents, as_admin=as_admin)

    def object_id(self, path: str) -> int:
        """The id of the collection or data object at ``path``.

        Raises:
            ZoneError: CAT_UNKNOWN_FILE when only its collection is there, else CAT_UNKNOWN_COLLECTION.
        """
        collection = self.collections.find(path)
        if collection is not None:
            return collection.id
        return self.data_object_id(path)

    def data_object_id(self, path: str) -> int:
        """Raises ZoneError as :meth:`object_id` does."""
        replicas = self.data_objects.replicas(path)
        if replicas:
            return replicas[0].data_id
        known = self.collections.find(parent_of(path)) is not None
        raise ZoneError("CAT_UNKNOWN_FILE" if known else "CAT_UNKNOWN_COLLECTION", f"Does not exist: {path}")

    def forget(self, object_id: int) -> None:
        """Drop access, AVUs and tickets of an object that is going away."""
        for table in ("R_OBJT_ACCESS", "R_OBJT_METAMAP"):
            self.database.execute(f"delete from {table} where object_id = ?", object_id)
        for row in self.database.rows("select ticket_id from R_TICKET_MAIN where object_id = ?", object_id):
            self.forget_ticket(row["ticket_id"])

    def forget_ticket(self, ticket_id: int) -> None:
        for table in _TICKET_TABLES:
            self.database.execute(f"delete from {table} where ticket_id = ?", ticket_id)

    def home_collections(self, user: User) -> list[str]:
        """Where a user's (or group's) home is, and for a user his trash."""
        name = user.name if user.zone == self.zone else f"{user.name}#{user.zone}"
        homes = [f"/{self.zone}/home/{name}"]
        return homes if user.is_group else [*homes, f"/{self.zone}/trash/home/{name}"]


_TICKET_TABLES: Final = (
    "R_TICKET_MAIN",
    "R_TICKET_ALLOWED_HOSTS",
    "R_TICKET_ALLOWED_USERS",
    "R_TICKET_ALLOWED_GROUPS",
)
