"""What an OMERO server tells of itself and of who is logged in, for those who look whether all is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import omero.sys
from omero.rtypes import rlist, rstring

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_in_place import repository_of

_KIB = 1024


@dataclass(frozen=True, slots=True)
class AboutServer:
    """``time`` is of the server's clock, seconds since 1970; ``free`` are bytes on the disk of its data.

    ``privileges`` are those of an administrator, none of other people. ``repository`` is the folder of the
    ManagedRepository as the server names it.
    """

    time: float
    free: int
    is_admin: bool
    privileges: frozenset[str]
    repository: str


def about_server(connection: OmeroConnection) -> AboutServer:
    """Ask the server; nothing is changed.

    Sources: IConfig, IRepositoryInfo and IAdmin of omero-blitz.
    """
    with omero_errors("asking OMERO about itself"):
        admin = connection.session.getAdminService()
        config = connection.session.getConfigService()
        free = connection.session.getRepositoryInfoService().getFreeSpaceInKilobytes()
        return AboutServer(
            time=config.getServerTime().val / 1000,
            free=free * _KIB,
            is_admin=admin.getEventContext().isAdmin,
            privileges=frozenset(one.value.val for one in admin.getCurrentAdminPrivileges()),
            repository=str(repository_of(connection.client)),
        )


def users_known(connection: OmeroConnection, names: Iterable[str]) -> frozenset[str]:
    """Those of ``names`` who are users of this server."""
    wanted = [rstring(name) for name in names]
    if not wanted:
        return frozenset()
    parameters = omero.sys.ParametersI().add("names", rlist(wanted))
    query = "select e.omeName from Experimenter e where e.omeName in (:names)"
    with omero_errors("looking for users"):
        rows = connection.session.getQueryService().projection(query, parameters, connection.all_groups())
    return frozenset(row[0].val for row in rows)
