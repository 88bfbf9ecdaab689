"""What closing a data object does to the catalog.

Source: ``rsDataObjClose.cpp``, ``finalize_utilities.cpp``; reference/irods-wire.md, Pitfalls 3.
"""

from __future__ import annotations

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import at_rest, included_records, logical_locking, replication
from omero_irods_sandbox.irods_zone.api.open_files import OpenFile, OpenFlags, OperationType
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session


class _Mismatch(ZoneError):
    """The client announced another checksum than ``computed``."""

    def __init__(self, path: str, announced: str, computed: str) -> None:
        super().__init__(
            "USER_CHKSUM_MISMATCH",
            f"The checksum of {path} is {computed}, {announced} was announced. Send the file again.",
        )
        self.computed = computed


def close(
    session: Session, file: OpenFile, *, update: bool = True, notify: bool = True, by_size: bool = False
) -> int:
    """Close ``file``, which is no descriptor of the session any more, and settle its replica.

    Afterwards the replica is good and its siblings stale when it was created, cut by a request for that,
    or written through this very descriptor, with ``by_size`` also when it has another size. Else their
    states are as they were, whatever other streams wrote. Replication resources have made their copies.
    Without ``update`` only the file is closed, another stream of the same writer will settle the replica.
    With ``notify`` the hooks for data at rest run.

    Returns the status of the reply: 0, or the size of a new replica that is not the one announced.
    That one is stale, and the client hears of no error (``update_replica_size_and_throw_on_failure``).

    Raises:
        ZoneError: the operation had failed, USER_CHKSUM_MISMATCH, a copy to a sibling failed (the
            replica is good all the same), what ``included_records.apply`` raises, or a hook failed. In the
            other cases the replica is stale and its siblings are as they were.
    """
    if not file.token:
        file.shut()
        return 0
    if update and file.failure is None and 0 < file.announced != file.size:
        return _give_up(session, file)
    try:
        changed, failure = _finalize(session, file, by_size=by_size) if update else _leave(session, file)
    except BaseException as error:
        computed = error.computed if isinstance(error, _Mismatch) else ""
        # The checksum that a put computed is kept (rsDataObjPut.cpp, finalize_replica).
        kept = computed if file.operation == OperationType.PUT else ""
        logical_locking.abandon(session, file.replica, file.token, checksum=kept)
        raise
    finally:
        file.shut()
    if failure is not None:
        raise failure
    if changed and notify:
        at_rest.announce_modified(session, file.replica, flags=int(file.flags))
    return 0


def _give_up(session: Session, file: OpenFile) -> int:
    """Leave a stale replica; its size."""
    size = file.size
    file.shut()
    logical_locking.abandon(session, file.replica, file.token)
    return size


def _leave(session: Session, file: OpenFile) -> tuple[bool, None]:
    with session.catalog.transaction():
        _count_written(session, file)
        session.zone.replica_access.leave(file.replica.data_id, file.replica.number)
    return False, None


def _finalize(session: Session, file: OpenFile, *, by_size: bool) -> tuple[bool, ZoneError | None]:
    """(whether its content may be another than before, why a copy to a sibling failed)."""
    if file.failure is not None:
        raise file.failure
    size = file.size
    file.shut()
    checksum = _checksum(file)
    changed = _is_settled(file, size, by_size=by_size)
    copies, failure = replication.copy_to_siblings(session, file.replica) if changed else ([], None)
    with session.catalog.transaction():
        included_records.apply(session, file.replica, file.keywords)
        if changed:
            _settle(session, file.replica, size, checksum, copies)
        else:
            _restore(session, file.replica, size, checksum)
        _count_written(session, file)
        session.zone.replica_access.leave(file.replica.data_id, file.replica.number)
    return changed or _is_another(file, size), failure


def _is_settled(file: OpenFile, size: int, *, by_size: bool) -> bool:
    """Source: ``finalize_data_object`` of rsDataObjClose.cpp; ``by_size`` as in replica_close.cpp."""
    if file.is_created or file.is_cut or file.written > 0:
        return True
    if file.operation != OperationType.NONE:
        return _is_another(file, size)
    return by_size and size != (0 if file.flags & OpenFlags.TRUNCATE else file.replica.size)


def _is_another(file: OpenFile, size: int) -> bool:
    return bool(file.flags & OpenFlags.TRUNCATE) or size != file.replica.size


def _checksum(file: OpenFile) -> str:
    """What to register; "" when the client asked for no checksum.

    ``regChksum`` goes before ``verifyChksum``, and that without a value asks for nothing unless it
    is a put (``populate_L1desc_with_inp``, ``perform_checksum_operation_for_finalize``).
    """
    keywords = file.keywords
    if "regChksum" in keywords:
        return storage.checksum(file.replica.physical_path)
    announced = keywords.get("verifyChksum")
    if announced is None or (not announced and file.operation != OperationType.PUT):
        return ""
    computed = storage.checksum(file.replica.physical_path)
    if computed != announced:
        raise _Mismatch(file.path, announced, computed)
    return computed


def _settle(
    session: Session, replica: Replica, size: int, checksum: str, copies: list[replication.SiblingCopy]
) -> None:
    logical_locking.settle(session, replica, size=size, checksum=checksum, modify_time=timestamp())
    written = session.catalog.data_objects.replica(replica.data_id, replica.number)
    if copies and written is not None:
        replication.record(session, written, copies)


def _restore(session: Session, replica: Replica, size: int, checksum: str) -> None:
    logical_locking.restore(session, replica)
    changes: dict[str, object] = {"checksum": checksum} if checksum else {}
    session.catalog.data_objects.update(replica.data_id, replica.number, size=size, **changes)


def _count_written(session: Session, file: OpenFile) -> None:
    if file.ticket and file.written:
        session.catalog.tickets.record_written(file.ticket, file.written)
