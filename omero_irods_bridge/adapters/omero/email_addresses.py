"""The e-mail address of a user, as OMERO knows it."""

from __future__ import annotations

import omero

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.model.errors import NotFound


def email_of(connection: OmeroConnection, user: str) -> str:
    """What the user, or an administrator, has written there: it may be "", or no address at all.

    Raises:
        NotFound: OMERO has no such user.
    """
    with omero_errors(f"asking for the address of {user}"):
        try:
            found = connection.session.getAdminService().lookupExperimenter(user)
        except omero.ApiUsageException as error:
            raise NotFound(f"OMERO has no user {user}.") from error
    return "" if found.email is None else str(found.email.val)
