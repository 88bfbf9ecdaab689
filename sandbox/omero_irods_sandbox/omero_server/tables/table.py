"""omero.grid.Table. Source: omero.tables.TableI of omero-py."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import omero.cmd
import omero.grid
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.errors import (
    api_usage,
    internal_error,
    message_of,
    security_violation,
)
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.requests.handle import run_to_end
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.services.service import StatefulService
from omero_irods_sandbox.omero_server.sessions.session import proxy_for
from omero_irods_sandbox.omero_server.tables.storage import TableFile

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

log = logging.getLogger(__name__)

_LABEL: Final = "omero.grid.Table"


def open_for(call: Call, file_id: int) -> Proxy | None:
    """Open the table in an OriginalFile for the client of ``call``; None when that fails.

    SharedResourcesI.openTable answers null then: the reason is in the server's log.
    """
    try:
        table = Table(call, file_id)
    except omero.ServerError as error:
        log.warning("OriginalFile:%d cannot be opened as a table: %s", file_id, message_of(error))
        return None
    return proxy_for(call, omero.grid.Table, table, _LABEL)


class Table(StatefulService):
    """An open table. Closing it records the file's new size."""

    def __init__(self, call: Call, file_id: int) -> None:
        super().__init__(call.server, call.session)
        row = self.store.row("OriginalFile", file_id)
        assert row is not None
        entity = MODEL.entity("OriginalFile")
        self._file_id = file_id
        self._writer = call.caller.in_group(row["d_group"])
        self._can_write = is_allowed(call.caller, Right.EDIT, entity, row["d_owner"], row["d_group"])
        self._path = call.server.storage.path(row)
        self._table = TableFile(self._path)

    # -- reading

    def getOriginalFile(self, call: Call) -> IObject:
        return self.store.get("OriginalFile", self._file_id, self._writer)

    def getHeaders(self, call: Call) -> list[Any]:
        return self._table.headers(call.context)

    def getNumberOfRows(self, call: Call) -> int:
        return self._table.row_count()

    def getWhereList(
        self,
        condition: str,
        variables: Mapping[str, RType] | None,
        start: int,
        stop: int,
        step: int,
        call: Call,
    ) -> list[int]:
        return self._table.where(condition, unwrap(variables) or {}, start, stop, step)

    def readCoordinates(self, rows: Sequence[int], call: Call) -> Any:
        return self._table.coordinates(rows, call.context)

    def read(self, columns: Sequence[int], start: int, stop: int, call: Call) -> Any:
        """From 0 to 0 is all rows."""
        end = None if start == stop == 0 else stop
        return self._table.read(columns, start, end, call.context)

    def slice(self, columns: Sequence[int], rows: Sequence[int], call: Call) -> Any:
        return self._table.slice(columns, rows, call.context)

    # -- writing

    def _must_be_writable(self) -> None:
        """Refuse whoever may not edit the OriginalFile.

        Raises:
            SecurityViolation: he may read only.
        """
        if not self._can_write:
            raise security_violation(f"Current user cannot write to file {self._file_id}")

    def initialize(self, columns: Sequence[Any], call: Call) -> None:
        self._must_be_writable()
        self._table.initialize(columns)

    def addColumn(self, column: Any, call: Call) -> int:
        """OMERO has not got it either.

        Raises:
            ApiUsageException: always.
        """
        self._must_be_writable()
        raise api_usage("NYI")

    def addData(self, columns: Sequence[Any], call: Call) -> None:
        self._must_be_writable()
        self._table.append(columns)

    def update(self, data: Any, call: Call) -> None:
        self._must_be_writable()
        if data is not None:
            self._table.update(data)

    def delete(self, call: Call) -> None:
        """Close it and delete its OriginalFile with all that Delete2 takes along."""
        self._must_be_writable()
        self.close(call)
        response = run_to_end(call, omero.cmd.Delete2(targetObjects={"OriginalFile": [self._file_id]}))
        if isinstance(response, omero.cmd.ERR):
            raise internal_error(f"OriginalFile:{self._file_id} was not deleted: {response.parameters}")

    # -- metadata

    def getMetadata(self, key: str, call: Call) -> RType:
        return self._table.metadata().get(key)

    def getAllMetadata(self, call: Call) -> Mapping[str, RType]:
        return self._table.metadata()

    def setMetadata(self, key: str, value: RType, call: Call) -> None:
        self._must_be_writable()
        self._table.set_metadata({key: value}, replace=False)

    def setAllMetadata(self, values: Mapping[str, RType], call: Call) -> None:
        self._must_be_writable()
        self._table.set_metadata(values, replace=True)

    # -- the end

    def release(self) -> None:
        """Close the file, then record its size: HDF writes its last bytes when it is closed."""
        is_modified = self._table.is_modified
        self._table.close()
        if is_modified and self._can_write:
            self._record()

    def _record(self) -> None:
        row = self.store.row("OriginalFile", self._file_id)
        if row is None:
            return  # it was deleted meanwhile
        with self.store.work(self._writer) as work:
            self.server.storage.record(work, self._file_id, self._path, self._hasher(row["hasher_id"]))

    def _hasher(self, hasher_id: int | None) -> str | None:
        if hasher_id is None:
            return None
        name = self.store.database.value('select value from "ChecksumAlgorithm" where id = ?', hasher_id)
        return str(name)
