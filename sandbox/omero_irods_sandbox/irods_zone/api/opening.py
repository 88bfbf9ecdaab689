"""Opening and closing data objects.

Source: ``rsDataObjOpen.cpp``, ``rsDataObjCreate.cpp``, ``rs_replica_open.cpp``, ``rs_replica_close.cpp``,
``rs_get_file_descriptor_info.cpp``; reference/irods-wire.md, Sequences that matter and Pitfalls 3.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import at_rest, finalizing, logical_locking, placing, replica_choice
from omero_irods_sandbox.irods_zone.api.descriptor_info import describe, descriptor_number
from omero_irods_sandbox.irods_zone.api.open_files import OpenFile, OpenFlags, OperationType
from omero_irods_sandbox.irods_zone.api.policy_arguments import (
    buffer_input,
    data_object_input,
    data_object_input_and_none,
    opened_input,
)
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized, parent_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

_ACCESS_TIME_RESOLUTION_S: Final = 86_400
"""Default of the grid setting ``access_time.resolution_in_seconds``."""

_OVERWRITING: Final = (OperationType.PUT, OperationType.COPY_DESTINATION, OperationType.RSYNC)
_CREATE_FLAGS: Final = OpenFlags.CREATE | OpenFlags.READ_WRITE | OpenFlags.TRUNCATE


@dataclass(frozen=True, slots=True)
class _Wish:
    """What shall be opened, and how."""

    path: str
    flags: OpenFlags
    keywords: dict[str, str]
    operation: int

    @property
    def may_create(self) -> bool:
        """A replica number asks for one that is there (``resolve_resource_hierarchy``)."""
        return bool(self.flags & OpenFlags.CREATE) and "replNum" not in self.keywords

    @property
    def overwrites(self) -> bool:
        return self.operation in _OVERWRITING

    @property
    def as_admin(self) -> bool:
        return "irodsAdmin" in self.keywords

    @property
    def token(self) -> str:
        return self.keywords.get("replicaToken", "")


def open_object(
    session: Session,
    path: str,
    flags: int,
    keywords: dict[str, str],
    *,
    operation_type: int = OperationType.NONE,
) -> int:
    """Open a data object, or create it when ``flags`` say so; the descriptor's number.

    While it is open for writing its replica is intermediate and the siblings are write-locked;
    :func:`close_object` ends that. With an ``operation_type`` of PUT, COPY_DESTINATION or RSYNC any
    replica there is will be overwritten; else ``CREATE`` with a resource that has no replica adds one.
    On any error nothing has changed.

    Raises:
        ZoneError: USER_INPUT_PATH_ERR, USER_INCOMPATIBLE_OPEN_FLAGS, OBJ_PATH_DOES_NOT_EXIST,
            CAT_UNKNOWN_COLLECTION, CAT_NAME_EXISTS_AS_COLLECTION, CAT_NO_ACCESS_PERMISSION,
            INTERMEDIATE_REPLICA_ACCESS, LOCKED_DATA_OBJECT_ACCESS, UNIX_FILE_OPEN_ERR with its errno,
            and what choosing a replica or a resource raises.
    """
    wish = _Wish(_checked_path(path), OpenFlags.of(flags), keywords, operation_type)
    if wish.flags & OpenFlags.TRUNCATE and not wish.flags.may_write:
        raise ZoneError("USER_INCOMPATIBLE_OPEN_FLAGS", "Truncating needs a mode that writes.")
    with ExitStack() as undo:
        with session.catalog.transaction():
            number = _open(session, wish, undo.callback)
        undo.pop_all()
    _announce_if_new(session, number)
    return number


def _announce_if_new(session: Session, number: int) -> None:
    file = session.files.get(number)
    if not file.is_created:
        return
    try:
        at_rest.announce_registered(session, file.replica)
    except BaseException:
        logical_locking.abandon(session, file.replica, file.token)
        session.files.remove(number).shut()
        raise


def _checked_path(path: str) -> str:
    if path.endswith("/"):
        raise ZoneError("USER_INPUT_PATH_ERR", f"Not the path of a data object: {path}")
    return normalized(path)


Undo = Callable[..., Any]


def _open(session: Session, wish: _Wish, undo: Undo) -> int:
    """The catalog's part, then the file: what is done outside the catalog is told to ``undo``."""
    replicas = session.catalog.data_objects.replicas(wish.path)
    ticket = _admit(session, wish, replicas)
    target = _existing(session, wish, replicas)
    if target is None:
        file = _create(session, wish, replicas)
    else:
        logical_locking.require_accessible(session.zone.replica_access, target, wish.token)
        file = _opened(session, wish, target)
    file.ticket = ticket
    if wish.flags.may_write or file.is_created:
        _start_writing(session, wish, file, replicas, undo)
    _open_in_vault(file)
    undo(file.shut)
    _note_opening(session, file)
    number = session.files.add(file)
    undo(session.files.remove, number)
    return number


def _admit(session: Session, wish: _Wish, replicas: list[Replica]) -> str:
    """Return when the user may open the data object, or make it; the ticket that he needed for it, or ""."""
    if replicas:
        writes = wish.flags.may_write or wish.may_create
        level = AccessLevel.MODIFY_OBJECT if writes else AccessLevel.READ_OBJECT
        return _require_access(session, wish, replicas[0].data_id, level)
    if not wish.may_create:
        raise ZoneError("OBJ_PATH_DOES_NOT_EXIST", f"Data object does not exist: {wish.path}")
    if session.catalog.collections.find(wish.path) is not None:
        raise ZoneError("CAT_NAME_EXISTS_AS_COLLECTION", f"A collection has this name: {wish.path}")
    collection = session.catalog.collections.get(parent_of(wish.path))
    try:
        return _require_access(session, wish, collection.id, AccessLevel.MODIFY_OBJECT)
    except ZoneError as error:
        # The text is the real server's (recorded: irods-5.0.2, frame 413).
        raise ZoneError(error.code, f"no permission to update collection '{collection.path}'") from error


def _require_access(session: Session, wish: _Wish, object_id: int, level: AccessLevel) -> str:
    """A session ticket that covers the path stands for the user's own access; its use is counted."""
    for_writing = level is not AccessLevel.READ_OBJECT
    if session.ticket and session.catalog.tickets.authorize(
        session.user, session.ticket, wish.path, session.address, for_writing=for_writing
    ):
        return session.ticket
    session.catalog.permissions.require(session.user, object_id, level, as_admin=wish.as_admin)
    return ""


def _existing(session: Session, wish: _Wish, replicas: list[Replica]) -> Replica | None:
    """The replica to open; None when one shall be created."""
    if not replicas or (wish.may_create and _wants_another(session, wish, replicas)):
        return None
    keywords = wish.keywords
    if wish.overwrites and not replica_choice.choose(session.catalog, replicas, keywords, for_writing=True):
        keywords = {}
    # Without CREATE a destination resource is a preference: clients send their default one always.
    return replica_choice.best(session.catalog, replicas, keywords, for_writing=wish.may_create)


def _wants_another(session: Session, wish: _Wish, replicas: list[Replica]) -> bool:
    """Whether ``CREATE`` means one more replica: the resource asked for has none yet.

    Putting and copying overwrite whatever there is.
    """
    if wish.overwrites:
        return False
    resources = session.catalog.resources
    if "resc_hier" in wish.keywords:
        hierarchy = wish.keywords["resc_hier"]
        return all(resources.hierarchy(replica.resource_id) != hierarchy for replica in replicas)
    leaf_ids = resources.leaf_ids(placing.named_resource(session, wish.keywords))
    return all(replica.resource_id not in leaf_ids for replica in replicas)


def _create(session: Session, wish: _Wish, replicas: list[Replica]) -> OpenFile:
    catalog = session.catalog
    if replicas:
        logical_locking.require_unlocked(replicas)
    collection = catalog.collections.get(parent_of(wish.path))
    if not replicas:
        # Source: rsDataObjOpen.cpp, a new data object moves the modification time of its collection.
        catalog.collections.set_modify_time(collection.id, timestamp())
    leaf = placing.leaf_for(session, wish.keywords)
    replica = placing.new_replica(session, wish.path, collection, replicas, leaf, wish.keywords)
    file = _opened(session, wish, replica)
    file.is_created = True
    return file


def _opened(session: Session, wish: _Wish, replica: Replica) -> OpenFile:
    hierarchy = session.catalog.resources.hierarchy(replica.resource_id)
    return OpenFile(replica, hierarchy, wish.flags, wish.keywords, wish.operation)


def _start_writing(
    session: Session, wish: _Wish, file: OpenFile, replicas: list[Replica], undo: Undo
) -> None:
    access, replica = session.zone.replica_access, file.replica
    if access.is_valid(replica.data_id, replica.number, wish.token):
        access.join(replica.data_id, replica.number, wish.token)
        file.token = wish.token
    else:
        file.token = logical_locking.lock(session, replica, replicas)
    undo(access.leave, replica.data_id, replica.number)
    if wish.flags & OpenFlags.TRUNCATE and not file.is_created:
        # At once and not when it is closed: others see that the content is gone (rsDataObjOpen.cpp).
        session.catalog.data_objects.update(
            replica.data_id, replica.number, size=0, checksum="", modify_time=timestamp()
        )


def _open_in_vault(file: OpenFile) -> None:
    """A new file can be read and written whatever the mode (``create`` of the unixfilesystem plugin)."""
    flags = int(file.flags & ~OpenFlags.APPEND)
    if file.is_created:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    try:
        file.descriptor = storage.open_file(file.replica.physical_path, flags)
    except OSError as error:
        raise system_error(error, f"Can't open {file.replica.physical_path}: {error.strerror}") from error


def _note_opening(session: Session, file: OpenFile) -> None:
    """Keep the access time of what is read up to date, to the day. Source: rsDataObjOpen.cpp."""
    replica = file.replica
    if not file.flags.may_read or file.is_created:
        return
    oldest = max(replica.modify_time, timestamp(time.time() - _ACCESS_TIME_RESOLUTION_S))
    if replica.access_time < oldest:
        session.catalog.data_objects.update(replica.data_id, replica.number, access_time=timestamp())


def close_object(session: Session, descriptor: int, *, update: bool = True) -> int:
    """Close a descriptor and bring the catalog up to date; without ``update`` only close it.

    The status of the reply is what ``finalizing.close`` returns. Whatever is raised, the descriptor
    is closed and no replica is left locked by it.

    Raises:
        ZoneError: SYS_FILE_DESC_OUT_OF_RANGE, BAD_INPUT_DESC_INDEX, and what ``finalizing.close`` raises.
    """
    return finalizing.close(session, session.files.remove(descriptor), update=update)


def _open_request(session: Session, request: Request, flags: int) -> int:
    body = request.body
    keywords = body.key_values()
    size = body.integer("dataSize")
    if size > 0:
        keywords["dataSize"] = str(size)
    kind = body.integer("oprType")
    number = open_object(session, body.string("objPath"), flags, keywords, operation_type=kind)
    file = session.files.get(number)
    # Only a new replica is measured by it: of others the real server does not know the size to come.
    file.announced = max(0, size) if file.is_created else 0
    storage.reserve(file.descriptor, file.announced)
    return number


@operation(602, "data_obj_open", rules=data_object_input)
def data_obj_open(session: Session, request: Request) -> Reply:
    """The descriptor's number is the status."""
    return Reply(int_info=_open_request(session, request, request.body.integer("openFlags")))


@operation(601, "data_obj_create", rules=data_object_input)
def data_obj_create(session: Session, request: Request) -> Reply:
    """Overwrites what is there (since 4.2.9; reference/irods-wire.md, Pitfalls 7)."""
    if not request.body.string("objPath").startswith("/"):
        raise ZoneError("SYS_INVALID_FILE_PATH", "A data object's path starts with a slash.")
    flags = request.body.integer("openFlags") | _CREATE_FLAGS
    return Reply(int_info=_open_request(session, request, flags))


@operation(20003, "replica_open", rules=data_object_input_and_none)
def replica_open(session: Session, request: Request) -> Reply:
    """Like opening, and tells at once what ``get_file_descriptor_info`` would."""
    number = _open_request(session, request, request.body.integer("openFlags"))
    return Reply(structs.json_buffer(describe(session, number)), number)


@operation(20004, "replica_close", rules=buffer_input)
def replica_close(session: Session, request: Request) -> Reply:
    """Close and finalize, or only close when size or status shall not be updated.

    python-irodsclient closes its additional streams with everything off; no client turns off one of the two.
    """
    options = request.json()
    updates_status = bool(options.get("update_status", True))
    with_checksum = bool(options.get("compute_checksum", False))
    if with_checksum and not updates_status:
        raise ZoneError("USER_INCOMPATIBLE_PARAMS", "A checksum needs update_status as well.")
    file = session.files.remove(descriptor_number(request))
    if with_checksum:
        file.keywords = {**file.keywords, "regChksum": ""}
    file.announced = 0  # not compared by replica_close.cpp, other than by rsDataObjClose.cpp
    update = updates_status and bool(options.get("update_size", True))
    notify = bool(options.get("send_notifications", True))
    finalizing.close(session, file, update=update, notify=notify, by_size=True)
    return Reply()


@operation(673, "data_obj_close", rules=opened_input)
def data_obj_close(session: Session, request: Request) -> Reply:
    """Close and finalize. Keywords count as they were when it was opened (``populate_L1desc_with_inp``)."""
    return Reply(int_info=close_object(session, request.body.integer("l1descInx")))
