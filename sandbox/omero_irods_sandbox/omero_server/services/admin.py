"""omero.api.IAdmin: the whole service; its parts are in :mod:`omero_server.administration`."""

from __future__ import annotations

import omero

from omero_irods_sandbox.omero_server.administration.groups import GroupAdministration
from omero_irods_sandbox.omero_server.administration.lookup import Lookup
from omero_irods_sandbox.omero_server.administration.own_account import OwnAccount
from omero_irods_sandbox.omero_server.administration.privileges import PrivilegeAdministration
from omero_irods_sandbox.omero_server.administration.users import UserAdministration
from omero_irods_sandbox.omero_server.services.registry import service


@service(omero.api.IAdmin, getter="getAdminService")
class AdminService(Lookup, UserAdministration, GroupAdministration, PrivilegeAdministration, OwnAccount):
    """Users, groups, memberships, privileges, passwords."""
