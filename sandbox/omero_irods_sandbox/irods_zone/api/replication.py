"""Copies to the siblings: a replication resource keeps one replica on each of its children.

Source: ``replication.cpp`` and ``compound.cpp`` of iRODS (file_modified). The real server copies
after the first replica has become good; here all of them change their state together, so nobody
ever sees a good replica beside one that is still being copied.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import placing
from omero_irods_sandbox.irods_zone.api.replica_choice import DOWN
from omero_irods_sandbox.irods_zone.catalog.paths import parent_of
from omero_irods_sandbox.irods_zone.catalog.resources import Resources
from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus, Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError, system_error
from omero_irods_sandbox.irods_zone.session import Session

log = logging.getLogger(__name__)

_COPYING_TYPES: Final = frozenset({"replication", "compound"})


@dataclass(frozen=True, slots=True)
class SiblingCopy:
    """A file that now holds the same bytes: of the replica that is there, or of one to be added."""

    leaf: Resource
    replica: Replica | None
    physical_path: str


def copy_to_siblings(
    session: Session, replica: Replica, *, spare_good: bool = False
) -> tuple[list[SiblingCopy], ZoneError | None]:
    """Copy the file of ``replica`` to every sibling that shall have it; the catalog stays as it is.

    With ``spare_good`` replicas that are good stay untouched. One that fails or is down does not stop
    the others: (the copies made, the first error).
    """
    copies: list[SiblingCopy] = []
    failure: ZoneError | None = None
    for leaf, existing in _siblings(session, replica):
        if spare_good and existing is not None and existing.is_good:
            continue
        path = existing.physical_path if existing else placing.free_vault_path(session, leaf, replica.path)
        try:
            _copy(session, replica, leaf, path)
        except ZoneError as error:
            log.info("no copy of %s on %s: %s", replica.path, leaf.name, error)
            failure = failure or error
        else:
            copies.append(SiblingCopy(leaf, existing, path))
    return copies, failure


def _copy(session: Session, replica: Replica, leaf: Resource, path: str) -> None:
    if leaf.status == DOWN:
        raise ZoneError("SYS_RESC_IS_DOWN", f"Resource {leaf.name} is down; no replica was made there.")
    try:
        storage.copy_file(replica.physical_path, path, session.zone.faults.before_write)
    except OSError as error:
        message = f"Can't replicate to {leaf.name}: {error.strerror}"
        raise system_error(error, message, base="UNIX_FILE_WRITE_ERR") from error


def record(session: Session, source: Replica, copies: list[SiblingCopy]) -> None:
    """Make the copies good replicas like ``source``, as it is now. Inside a transaction."""
    for copy in copies:
        if copy.replica is None:
            _add(session, source, copy)
        else:
            session.catalog.data_objects.update(
                source.data_id,
                copy.replica.number,
                size=source.size,
                checksum=source.checksum,
                modify_time=source.modify_time,
                status=int(ReplicaStatus.GOOD),
            )


def _add(session: Session, source: Replica, copy: SiblingCopy) -> None:
    placing.new_replica(
        session,
        source.path,
        session.catalog.collections.get(parent_of(source.path)),
        session.catalog.data_objects.with_id(source.data_id),
        copy.leaf,
        {},
        physical_path=copy.physical_path,
        size=source.size,
        status=ReplicaStatus.GOOD,
        checksum=source.checksum,
        modify_time=source.modify_time,
    )


def _siblings(session: Session, replica: Replica) -> list[tuple[Resource, Replica | None]]:
    """Where else the data object has to be, with the replicas that are there already."""
    top = _replicating_ancestor(session, session.catalog.resources.by_id(replica.resource_id))
    if top is None:
        return []
    replicas = {r.resource_id: r for r in session.catalog.data_objects.with_id(replica.data_id)}
    holders = _holders(session.catalog.resources, top, [replica.resource_id, *replicas])
    return [(leaf, replicas.get(leaf.id)) for leaf in holders if leaf.id != replica.resource_id]


def _holders(resources: Resources, resource: Resource, taken: list[int]) -> list[Resource]:
    """The leaves that hold a data object: one below each child of a replicating resource, else one in all.

    Where one is enough it is the first in ``taken`` that is there, else the first that is up.
    """
    if resource.type in _COPYING_TYPES:
        return [leaf for child in resources.children(resource) for leaf in _holders(resources, child, taken)]
    leaves = {leaf.id: leaf for leaf in resources.leaves(resource)}
    candidates = [leaves[leaf_id] for leaf_id in taken if leaf_id in leaves]
    candidates += sorted(leaves.values(), key=lambda leaf: leaf.status == DOWN)
    return candidates[:1]


def _replicating_ancestor(session: Session, resource: Resource) -> Resource | None:
    """The topmost resource above that copies to all its children."""
    found: Resource | None = None
    while resource.parent_id is not None:
        resource = session.catalog.resources.by_id(resource.parent_id)
        if resource.type in _COPYING_TYPES:
            found = resource
    return found
