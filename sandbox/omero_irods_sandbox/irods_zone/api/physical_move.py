"""Moving a replica to another resource: ``iphymv``. Source: rsDataObjPhymv.cpp.

A moved replica gets a new number here, as after a replication and a trim.
"""

from __future__ import annotations

import irods.keywords as kw

from omero_irods_sandbox.irods_zone.api import copying
from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input_and_none
from omero_irods_sandbox.irods_zone.api.readable import readable_replicas
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.vault_changes import VaultChanges, remove_vault_files
from omero_irods_sandbox.irods_zone.catalog.paths import normalized
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session


@operation(697, "data_obj_phymv", rules=data_object_input_and_none)
def physical_move(session: Session, request: Request) -> Reply:
    """Copy a good replica, which ``rescName`` or ``replNum`` may name, to ``destRescName``; then remove it.

    Raises:
        ZoneError: SYS_COPY_ALREADY_IN_RESC, CAT_NO_ACCESS_PERMISSION, and what replication raises; the
            replica is where it was then.
    """
    path, keywords = normalized(request.body.string("objPath")), request.body.key_values()
    as_admin = kw.ADMIN_KW in keywords
    replicas = readable_replicas(session, path, as_admin=as_admin)
    source = copying.source_replica(session, replicas, keywords)
    permissions = session.catalog.permissions
    permissions.require(session.user, source.data_id, AccessLevel.DELETE_OBJECT, as_admin=as_admin)
    reply = copying.replicate(session, request)
    if reply.message == b"":
        raise ZoneError("SYS_COPY_ALREADY_IN_RESC", f"There is a good replica of {path} already.")
    with VaultChanges() as changes, session.catalog.transaction():
        remove_vault_files(session.catalog, [source], changes)
        session.catalog.data_objects.delete_replica(source.data_id, source.number)
    return reply
