"""Requests for objects with all that belongs to them, as Delete2 and Chown2: OMERO does all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import omero
import omero.clients
import omero.cmd

from omero_irods_bridge.adapters.omero.import_waiting import wait_for
from omero_irods_bridge.model.errors import AccessDenied, BridgeError


def failure_of(client: Any, request: Any) -> Any | None:
    """Let OMERO carry out an omero.cmd.Request, however long it takes; its ERR, none when it was done."""
    response = wait_for(client, client.getSession().submit(request))
    return response if isinstance(response, omero.cmd.ERR) else None


def refused(failed: Any, what: str, *, refusals: Iterable[str] = (), hint: str = "") -> BridgeError:
    """The error that says that OMERO did not do ``what``, as "delete Image:5", and why.

    An AccessDenied with ``hint`` where the ERR has one of the words ``refusals``, in lower case.
    """
    said = str(failed.parameters.get("message") or failed.name)
    message = f"OMERO did not {what}: {said}"
    if any(word in said.lower() for word in refusals):
        return AccessDenied(message, hint=hint)
    return BridgeError(message)
