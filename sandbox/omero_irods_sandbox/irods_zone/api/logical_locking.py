"""States of the replicas of a data object while somebody writes it.

Source: ``logical_locking.cpp`` of iRODS; reference/irods-wire.md, Pitfalls 3: the replica that is
written is intermediate, its siblings are write-locked; afterwards it is good and they are stale,
or all are what they were before.
"""

from __future__ import annotations

import os

from omero_irods_sandbox.irods_zone.api.replica_access import ReplicaAccess
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session


def require_unlocked(replicas: list[Replica]) -> None:
    """Return when nobody writes the data object.

    Raises:
        ZoneError: LOCKED_DATA_OBJECT_ACCESS.
    """
    if not all(replica.status.is_at_rest for replica in replicas):
        raise ZoneError(
            "LOCKED_DATA_OBJECT_ACCESS", f"Somebody is writing {replicas[0].path}. Try again later."
        )


def require_one_at_rest(replicas: list[Replica]) -> None:
    """Return when a replica can be chosen by a request that has no replica token.

    Source: ``calculate_with_repl_status`` of voting.cpp: a replica that somebody writes does not vote,
    and a locked sibling does not either.

    Raises:
        ZoneError: HIERARCHY_ERROR.
    """
    if not any(replica.status.is_at_rest for replica in replicas):
        raise ZoneError("HIERARCHY_ERROR", f"Somebody is writing {replicas[0].path}. Try again later.")


def require_accessible(access: ReplicaAccess, replica: Replica, token: str) -> None:
    """Return when ``replica`` may be opened: it is at rest, or ``token`` is that of its writers.

    Raises:
        ZoneError: INTERMEDIATE_REPLICA_ACCESS or LOCKED_DATA_OBJECT_ACCESS.
    """
    if replica.status is ReplicaStatus.INTERMEDIATE:
        if not token or not access.is_valid(replica.data_id, replica.number, token):
            raise ZoneError(
                "INTERMEDIATE_REPLICA_ACCESS", f"Somebody is writing this replica of {replica.path}."
            )
    elif not replica.status.is_at_rest:
        raise ZoneError("LOCKED_DATA_OBJECT_ACCESS", f"Somebody is writing a replica of {replica.path}.")


def lock(session: Session, replica: Replica, replicas: list[Replica]) -> str:
    """Make ``replica`` intermediate and its siblings write-locked; the token. Inside a transaction.

    ``replicas`` are all of the data object as they were before.

    Raises:
        ZoneError: INTERMEDIATE_REPLICA_ACCESS when somebody was faster.
    """
    token = session.zone.replica_access.begin(replica.data_id, replica.number, replicas)
    objects = session.catalog.data_objects
    objects.update(replica.data_id, replica.number, status=int(ReplicaStatus.INTERMEDIATE))
    objects.set_status_of_others(replica.data_id, replica.number, ReplicaStatus.WRITE_LOCKED)
    return token


def restore(session: Session, replica: Replica) -> None:
    """Give all replicas the states that they had before :func:`lock`. Inside a transaction."""
    restore_siblings(session, replica)
    status = session.zone.replica_access.before(replica.data_id, replica.number).get(replica.number)
    new = ReplicaStatus.STALE if status is None else status
    session.catalog.data_objects.update(replica.data_id, replica.number, status=int(new))


def restore_siblings(session: Session, replica: Replica) -> None:
    """The same for all but ``replica`` itself."""
    before = session.zone.replica_access.before(replica.data_id, replica.number)
    for number, status in before.items():
        if number != replica.number:
            session.catalog.data_objects.update(replica.data_id, number, status=int(status))


def spoil(session: Session, replica: Replica, *, size: int, checksum: str = "") -> None:
    """What was written is not what was meant: ``replica`` is stale, its siblings are as before.

    Inside a transaction. Source: ``finalize_on_failure`` of rsDataObjPut.cpp,
    ``finalize_replica_for_failed_operation`` of rsDataObjClose.cpp.
    """
    session.catalog.data_objects.update(
        replica.data_id,
        replica.number,
        size=size,
        checksum=checksum,
        status=int(ReplicaStatus.STALE),
        modify_time=timestamp(),
    )
    restore_siblings(session, replica)


def settle(session: Session, replica: Replica, **changes: object) -> None:
    """The replica was written: it is good, with ``changes``, its siblings are stale. Inside a transaction."""
    objects = session.catalog.data_objects
    objects.update(replica.data_id, replica.number, status=int(ReplicaStatus.GOOD), **changes)
    objects.set_status_of_others(replica.data_id, replica.number, ReplicaStatus.STALE)
    session.zone.replica_access.has_changed(replica.data_id, replica.number)


def abandon(session: Session, replica: Replica, token: str, *, checksum: str = "") -> None:
    """A writer vanished or failed. The last one leaves a stale replica, and siblings as they were before.

    ``token`` is empty for a reader, who leaves no trace.
    """
    access = session.zone.replica_access
    if not token:
        return
    with session.catalog.transaction():
        try:
            now = session.catalog.data_objects.replica(replica.data_id, replica.number)
            is_last = access.holders(replica.data_id, replica.number) <= 1
            if is_last and now is not None and now.status is ReplicaStatus.INTERMEDIATE:
                spoil(session, replica, size=_size_on_disk(replica.physical_path), checksum=checksum)
        finally:
            access.leave(replica.data_id, replica.number)


def _size_on_disk(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0
