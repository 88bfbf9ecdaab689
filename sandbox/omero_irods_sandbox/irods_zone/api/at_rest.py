"""The policy hooks that tell of data: a data object was registered, a replica is complete.

They run after the catalog has been updated, so what they look up is there. What they raise
reaches the client and undoes nothing. Source: reference/irods-rules.md, Seen on a real iRODS 5.0.2;
``apply_static_peps`` of rsDataObjClose.cpp.
"""

from __future__ import annotations

from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.policy.context import replica_variables
from omero_irods_sandbox.irods_zone.policy.values import DataObjInfo
from omero_irods_sandbox.irods_zone.session import Session


def announce_registered(session: Session, replica: Replica) -> None:
    """``pep_database_reg_data_obj_post``, for the first replica of a data object.

    Raises:
        ZoneError: the rule failed.
    """
    if session.rules.is_loaded and replica.number == 0:
        hierarchy = session.catalog.resources.hierarchy(replica.resource_id)
        session.rules.database("reg_data_obj", "post", session, DataObjInfo.of(replica, hierarchy))


def announce_modified(session: Session, replica: Replica, *, flags: int = 0) -> None:
    """``pep_resource_modified_post`` and ``acPostProcForPut``: the replica was written and is at rest.

    Raises:
        ZoneError: a rule failed.
    """
    if not session.rules.is_loaded:
        return
    now = session.catalog.data_objects.replica(replica.data_id, replica.number) or replica
    hierarchy = session.catalog.resources.hierarchy(now.resource_id)
    variables = replica_variables(now, hierarchy, open_flags=flags)
    session.rules.resource("modified", "post", session, hierarchy.split(";")[0], variables)
    session.rules.static("acPostProcForPut", session, doi=DataObjInfo.of(now, hierarchy, is_written=True))
