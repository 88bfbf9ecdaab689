"""omero.grid.SharedResources: repositories, and the doors to tables and processors.

Source: SharedResourcesI of omero-blitz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import omero.grid

from omero_irods_sandbox.omero_server import scripts, tables
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.repository import proxy_of
from omero_irods_sandbox.omero_server.scripts.official import REPOSITORY_UUID
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

LONGEST_WAIT_S: Final = 180


@service(omero.grid.SharedResources, getter="sharedResources")
class SharedResourcesService(Service):
    """What clients acquire here has a ``close`` of its own, and ends with the session at the latest."""

    # -- repositories

    def repositories(self, call: Call) -> Any:
        """Descriptions and proxies of all repositories, in the same order."""
        found = call.server.storage.repositories
        return omero.grid.RepositoryMap(
            descriptions=[call.store.get("OriginalFile", one.id, call.caller) for one in found],
            proxies=[proxy_of(call.server, one) for one in found],
        )

    def getScriptRepository(self, call: Call) -> Proxy:
        return proxy_of(call.server, call.server.storage.repository(REPOSITORY_UUID))

    # -- tables

    def areTablesEnabled(self, call: Call) -> bool:
        return True

    def newTable(self, repository_id: int, path: str, call: Call) -> Proxy | None:
        """A new table: the repository does not matter, as in OMERO."""
        return tables.new_table(call, path)

    def openTable(self, file: IObject, call: Call) -> Proxy | None:
        """The table in an OriginalFile.

        Raises:
            ValidationException: it has no id, or the caller may not read it.
        """
        if file is None or file.id is None:
            raise validation("file must be a managed instance.")
        return tables.open_table(call, file.id.val)

    # -- processors

    def acquireProcessor(self, job: IObject, seconds: int, call: Call) -> Proxy:
        """A processor for a job.

        Raises:
            ApiUsageException: the caller would wait too long.
            NoProcessorAvailable: none takes the job.
        """
        if seconds > LONGEST_WAIT_S:
            raise api_usage("Delay is too long. Maximum = 3 minutes.")
        return scripts.acquire_processor(call, job, seconds)

    def addProcessor(self, processor: Proxy, call: Call) -> None:
        scripts.add_processor(call, processor)

    def removeProcessor(self, processor: Proxy, call: Call) -> None:
        scripts.remove_processor(call, processor)
