"""Copying data objects, and adding and refreshing replicas of one.

Source: rsDataObjCopy.cpp, rsDataObjRepl.cpp, ``perform_checksum_operation_for_finalize`` of
rsDataObjClose.cpp; recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import irods.keywords as kw

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import logical_locking, placing, replica_choice, replication
from omero_irods_sandbox.irods_zone.api.at_rest import announce_modified
from omero_irods_sandbox.irods_zone.api.open_files import OpenFile, OpenFlags, OperationType
from omero_irods_sandbox.irods_zone.api.opening import close_object, open_object
from omero_irods_sandbox.irods_zone.api.policy_arguments import (
    copy_input_and_none,
    data_object_input_and_none,
)
from omero_irods_sandbox.irods_zone.api.readable import may_see, readable_replicas
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.renaming import source_and_target
from omero_irods_sandbox.irods_zone.api.replica_snapshot import ReplicaSnapshot
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, ReplicaStatus, Resource
from omero_irods_sandbox.irods_zone.errors import ZoneError, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.channel import COPY_BYTES

_READ: Final = OpenFlags(0)
_OVERWRITE: Final = OpenFlags.CREATE | OpenFlags.READ_WRITE | OpenFlags.TRUNCATE


@operation(696, "data_obj_copy", rules=copy_input_and_none)
def copy(session: Session, request: Request) -> Reply:
    """Copy the bytes and the data type of a data object to another path; ``forceFlag`` overwrites.

    Whatever goes wrong while bytes are copied leaves a stale replica at the target.
    """
    first, second = source_and_target(request)
    source, target = normalized(first.string("objPath")), normalized(second.string("objPath"))
    keywords = second.key_values()
    _check_copy(session, source, target, keywords)
    number = open_object(session, source, _READ, first.key_values())
    try:
        count = _copy_to(session, session.files.get(number), target, keywords)
    finally:
        close_object(session, number)
    return _transfer_stat(count)


def _check_copy(session: Session, source: str, target: str, keywords: dict[str, str]) -> None:
    """Raises ZoneError in the order of ``rsDataObjCopy_impl``."""
    original = session.catalog.data_objects.replicas(source)
    if not original or not may_see(session, original[0].data_id):
        raise ZoneError("USER_INPUT_PATH_ERR", f"No such data object: {source}")
    existing = session.catalog.data_objects.replicas(target)
    if existing:
        _check_overwriting(session, existing, keywords)
    if source == target:
        raise ZoneError("USER_INPUT_PATH_ERR", f"Can't copy {source} onto itself.")


def _check_overwriting(session: Session, existing: list[Replica], keywords: dict[str, str]) -> None:
    """Raises ZoneError OVERWRITE_WITHOUT_FORCE_FLAG, or HIERARCHY_ERROR: copying adds no replica."""
    path, resource = existing[0].path, keywords.get(kw.DEST_RESC_NAME_KW)
    if kw.FORCE_FLAG_KW not in keywords:
        raise ZoneError("OVERWRITE_WITHOUT_FORCE_FLAG", f"Data object exists: {path}")
    hierarchies = [session.catalog.resources.hierarchy(replica.resource_id) for replica in existing]
    if resource is not None and resource not in {hierarchy.split(";")[0] for hierarchy in hierarchies}:
        raise ZoneError("HIERARCHY_ERROR", f"{path} has no replica on {resource} to be overwritten.")


def _copy_to(session: Session, source: OpenFile, target: str, keywords: dict[str, str]) -> int:
    """The number of bytes. Raises what failed once the target is closed."""
    number = open_object(
        session,
        target,
        _OVERWRITE,
        _keywords_of_copy(source.replica, keywords),
        operation_type=OperationType.COPY_DESTINATION,
    )
    file = session.files.get(number)
    try:
        file.written = _copy_bytes(source, file, session.zone.faults.before_write)
    except ZoneError as error:
        file.failure = error
    close_object(session, number)
    return file.written


def _keywords_of_copy(source: Replica, keywords: dict[str, str]) -> dict[str, str]:
    """``verifyChksum`` without a value compares with the source's checksum, or registers the first one."""
    copied = {kw.DATA_TYPE_KW: source.type, kw.DATA_SIZE_KW: str(source.size), **keywords}
    if copied.get(kw.VERIFY_CHKSUM_KW) == "":
        del copied[kw.VERIFY_CHKSUM_KW]
        copied |= {kw.VERIFY_CHKSUM_KW: source.checksum} if source.checksum else {kw.REG_CHKSUM_KW: ""}
    return copied


def _copy_bytes(source: OpenFile, target: OpenFile, room: Callable[[int], None]) -> int:
    """Copy as many bytes as the catalog says there are, into a file that was opened just now.

    Raises:
        ZoneError: UNIX_FILE_WRITE_ERR with its errno, or SYS_COPY_LEN_ERR when the source's file is shorter.
    """
    size, done = source.replica.size, 0
    try:
        while done < size:
            count = min(size - done, COPY_BYTES)
            room(count)
            moved = os.sendfile(target.descriptor, source.descriptor, done, count)
            if moved == 0:
                raise ZoneError("SYS_COPY_LEN_ERR", f"{source.path} has {done} bytes, not {size}.")
            done += moved
    except OSError as error:
        message = f"Can't copy {source.path} to {target.path}: {error.strerror}"
        raise system_error(error, message, base="UNIX_FILE_WRITE_ERR") from error
    return done


def _transfer_stat(count: int) -> Reply:
    return Reply(structs.struct("TransferStat_PI", ("numThreads", 0), ("flags", 0), ("bytesWritten", count)))


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a replica is to be: the stale one that is there, or a new one."""

    leaf: Resource
    replica: Replica | None


@operation(695, "data_obj_repl", rules=data_object_input_and_none)
def replicate(session: Session, request: Request) -> Reply:
    """Make one more replica on a resource, or refresh the stale one there.

    ``all`` refreshes every stale replica. The source is a good replica, which ``rescName``
    or ``replNum`` may name; where a good one is already, nothing is copied, and the
    reply has no body. ``updateRepl`` means nothing, as in rsDataObjRepl.cpp.
    A replica appears in the catalog when all of its bytes are there.
    """
    path, keywords = normalized(request.body.string("objPath")), request.body.key_values()
    if kw.ALL_KW in keywords and kw.DEST_RESC_NAME_KW in keywords:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", "Refresh all replicas, or replicate to one resource.")
    replicas = readable_replicas(session, path, as_admin=kw.ADMIN_KW in keywords)
    logical_locking.require_one_at_rest(replicas)
    _require_right(session, replicas[0], keywords)
    logical_locking.require_unlocked(replicas)
    source = source_replica(session, replicas, keywords)
    targets = _targets(session, replicas, keywords)
    for target in targets:
        announce_modified(session, _replicate_to(session, source, target, keywords))
    return _transfer_stat(source.size) if targets else Reply()


def _require_right(session: Session, replica: Replica, keywords: dict[str, str]) -> None:
    """Raises ZoneError SYS_USER_NO_PERMISSION; the text is that of rsDataObjRepl.cpp."""
    user = session.user
    if user.is_admin and kw.ADMIN_KW in keywords:
        return
    if session.catalog.permissions.level(user, replica.data_id) < AccessLevel.MODIFY_OBJECT:
        who = f"User [{user.name}#{user.zone}]"
        message = f"{who} does not have sufficient permission to replicate object [{replica.path}]."
        raise ZoneError("SYS_USER_NO_PERMISSION", message)


def source_replica(session: Session, replicas: list[Replica], keywords: dict[str, str]) -> Replica:
    """The replica to copy.

    Raises:
        ZoneError: SYS_NO_GOOD_REPLICA, SYS_REPLICA_DOES_NOT_EXIST, or SYS_NOT_ALLOWED when the one that
            was named is not good.
    """
    path = replicas[0].path
    if not any(replica.is_good for replica in replicas):
        raise ZoneError("SYS_NO_GOOD_REPLICA", f"No replica is good: {path}")
    names = {name: keywords[name] for name in (kw.RESC_NAME_KW, kw.REPL_NUM_KW) if name in keywords}
    if len(names) > 1:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", "Name the source by number or by resource, not by both.")
    chosen = replica_choice.choose(session.catalog, replicas, names, for_writing=False)
    if not chosen:
        raise ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{path} has no such replica that can be reached.")
    if not chosen[0].is_good:
        raise ZoneError("SYS_NOT_ALLOWED", f"Replica {chosen[0].number} of {path} is not good.")
    return chosen[0]


def _targets(session: Session, replicas: list[Replica], keywords: dict[str, str]) -> list[_Target]:
    stale = [_refreshed(session, replica) for replica in replicas if replica.status is ReplicaStatus.STALE]
    if kw.ALL_KW in keywords:
        return stale
    return _on_resource(session, replicas, keywords)


def _refreshed(session: Session, replica: Replica) -> _Target:
    return _Target(session.catalog.resources.by_id(replica.resource_id), replica)


def _on_resource(session: Session, replicas: list[Replica], keywords: dict[str, str]) -> list[_Target]:
    """The resource asked for, else the default one; nothing when a good replica is there.

    The tree of a good replica is completed all the same: the real server tells the resource
    that the replica was modified. Raises what ``placing.leaf_for`` raises.
    """
    resources = session.catalog.resources
    name = keywords.get(kw.DEST_RESC_NAME_KW) or keywords.get(kw.DEF_RESC_NAME_KW) or resources.default
    leaf_ids = resources.leaf_ids(name)
    there = [replica for replica in replicas if replica.resource_id in leaf_ids]
    good = next((replica for replica in there if replica.is_good), None)
    if good is not None:
        _copy_to_siblings(session, good, spare_good=True)
        return []
    if there:
        return [_refreshed(session, replica) for replica in there]
    size = str(max(replica.size for replica in replicas))
    leaf = placing.leaf_for(session, {kw.DEST_RESC_NAME_KW: name, kw.DATA_SIZE_KW: size})
    return [_Target(leaf, None)]


def _replicate_to(session: Session, source: Replica, target: _Target, keywords: dict[str, str]) -> Replica:
    """Copy to a file that no replica names; then catalog and file change together. The replica as it is now.

    Raises:
        ZoneError: LOCKED_DATA_OBJECT_ACCESS when somebody wrote the source or the target meanwhile,
            UNIX_FILE_WRITE_ERR with its errno, and what :func:`_copy_file` and :func:`_record` raise.
    """
    temporary = str(Path(target.leaf.vault, f".replicating-{uuid.uuid4().hex}"))
    snapshots = [ReplicaSnapshot(replica) for replica in (source, target.replica) if replica is not None]
    try:
        checksum = _copy_file(session, source, temporary, keywords)
        with session.catalog.transaction():
            for snapshot in snapshots:
                snapshot.require_unchanged(session.catalog)
            replica = _record(session, source, target, checksum)
            storage.move_file(temporary, replica.physical_path)
    except OSError as error:
        message = f"Can't replicate {source.path} to {target.leaf.name}: {error.strerror}"
        raise system_error(error, message, base="UNIX_FILE_WRITE_ERR") from error
    finally:
        storage.remove_files([temporary])
    _copy_to_siblings(session, replica)
    return replica


def _copy_file(session: Session, source: Replica, temporary: str, keywords: dict[str, str]) -> str:
    """Copy the file; the checksum to record, "" for none.

    Raises:
        ZoneError: SYS_COPY_LEN_ERR or USER_CHKSUM_MISMATCH: the source's file is not what the catalog says.
        OSError: reading or writing failed.
    """
    storage.copy_file(source.physical_path, temporary, session.zone.faults.before_write)
    if storage.size_of(temporary) != source.size:
        raise ZoneError("SYS_COPY_LEN_ERR", f"Replica {source.number} of {source.path} has another size.")
    is_asked_for = bool({kw.VERIFY_CHKSUM_KW, kw.REG_CHKSUM_KW} & keywords.keys())
    if kw.NO_COMPUTE_KW in keywords or not (source.checksum or is_asked_for):
        return ""
    checksum = storage.checksum(temporary)
    if source.checksum and checksum != source.checksum:
        raise ZoneError("USER_CHKSUM_MISMATCH", f"Replica {source.number} of {source.path} is damaged.")
    return checksum


def _record(session: Session, source: Replica, target: _Target, checksum: str) -> Replica:
    """Put the new or refreshed replica into the catalog, as good. Inside a transaction."""
    if target.replica is None:
        return _add(session, source, target.leaf, checksum)
    refreshed = dataclasses.replace(
        target.replica,
        size=source.size,
        checksum=checksum,
        status=ReplicaStatus.GOOD,
        modify_time=timestamp(),
    )
    session.catalog.data_objects.update(
        refreshed.data_id,
        refreshed.number,
        size=refreshed.size,
        checksum=refreshed.checksum,
        status=int(refreshed.status),
        modify_time=refreshed.modify_time,
    )
    return refreshed


def _add(session: Session, source: Replica, leaf: Resource, checksum: str) -> Replica:
    """Raises ZoneError SYS_COPY_ALREADY_IN_RESC when somebody was faster."""
    replicas = session.catalog.data_objects.with_id(source.data_id)
    if any(replica.resource_id == leaf.id for replica in replicas):
        raise ZoneError("SYS_COPY_ALREADY_IN_RESC", f"{leaf.name} has a replica of {source.path} already.")
    collection = session.catalog.collections.get(parent_of(source.path))
    return placing.new_replica(
        session,
        source.path,
        collection,
        replicas,
        leaf,
        {},
        size=source.size,
        status=ReplicaStatus.GOOD,
        checksum=checksum,
    )


def _copy_to_siblings(session: Session, replica: Replica, *, spare_good: bool = False) -> None:
    """A replication resource goes on and fills its other children. Raises ZoneError when a copy failed."""
    copies, failure = replication.copy_to_siblings(session, replica, spare_good=spare_good)
    with session.catalog.transaction():
        replication.record(session, replica, copies)
    if failure is not None:
        raise failure
