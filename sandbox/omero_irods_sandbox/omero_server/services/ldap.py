"""omero.api.ILdap of a server that has no LDAP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import omero

from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


@service(omero.api.ILdap, getter="getLdapService")
class LdapService(Service):
    """Says that LDAP is off; all else is refused as not implemented."""

    def getSetting(self, _call: Call) -> bool:
        return False
