"""omero.api.IRepositoryInfo: room on the disk of the data folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import omero

from omero_irods_sandbox.omero_server.errors import internal_error
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_REMOVED: Final = (
    "This UNSAFE method has been deprecated. Server side functionality has been REMOVED. (RepositoryInfoImpl)"
)


@service(omero.api.IRepositoryInfo, getter="getRepositoryInfoService")
class RepositoryInfoService(Service):
    """Two operations that the Java server gave up are given up here too."""

    def getFreeSpaceInKilobytes(self, call: Call) -> int:
        return shutil.disk_usage(self.server.storage.data).free // 1024

    def getUsedSpaceInKilobytes(self, call: Call) -> int:
        raise internal_error(_REMOVED)

    def getUsageFraction(self, call: Call) -> float:
        raise internal_error(_REMOVED)

    def sanityCheckRepository(self, call: Call) -> None:
        """The Java server checks nothing any more (RepositoryInfoImpl.needsSanityCheck)."""

    def removeUnusedFiles(self, call: Call) -> None:
        """Files go with their OriginalFiles here: nothing is left to remove."""
