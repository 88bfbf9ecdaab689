"""OMERO.tables: HDF files that are OriginalFiles, read and written through omero.grid.Table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import omero
from omero.rtypes import rstring, rtime

from omero_irods_sandbox.omero_server.model.types import Proxy
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer

MIMETYPE = "OMERO.tables"


def install(server: OmeroServer) -> None:
    """Nothing to publish: tables belong to the sessions that open them."""


def uninstall(server: OmeroServer) -> None:
    """Nothing is held: tables are closed with their sessions."""


def new_table(call: Call, path: str) -> Proxy | None:
    """A table without columns, in a new OriginalFile of the caller's whose path and name are ``path``.

    Source: SharedResourcesI.newTable of omero-blitz: no hasher, and the repository asked for does not matter.
    """
    file = omero.model.OriginalFileI()
    file.atime = file.mtime = file.ctime = rtime(call.server.clock.now_ms())
    file.mimetype = rstring(MIMETYPE)
    file.path = file.name = rstring(path)
    with call.store.work(call.caller) as work:
        file_id = work.save(file)
    return open_table(call, file_id)


def open_table(call: Call, file_id: int) -> Proxy | None:
    """The table in an OriginalFile that the caller may read; None when it holds no table that can be opened.

    Raises:
        ValidationException: there is no such file for the caller.
    """
    # PyTables costs memory and start-up time, and most sessions open no table.
    from omero_irods_sandbox.omero_server.tables.table import open_for  # noqa: PLC0415

    call.store.get("OriginalFile", file_id, call.caller)
    return open_for(call.in_group(ALL_GROUPS), file_id)
