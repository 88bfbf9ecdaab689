"""Bytes: seek, read, write, and putting a small file in one request.

Source: ``rsDataObjLseek.cpp``, ``rsDataObjRead.cpp``, ``rsDataObjWrite.cpp``, ``rsDataObjPut.cpp``. Reading
and writing touch no catalog, and no file is ever in memory as a whole.
"""

from __future__ import annotations

import errno
import os
import ssl
from pathlib import Path
from typing import Final

from omero_irods_sandbox.irods_zone.api.open_files import OpenFile, OpenFlags, OperationType
from omero_irods_sandbox.irods_zone.api.opening import close_object, open_object
from omero_irods_sandbox.irods_zone.api.policy_arguments import opened_input_and_none, put_input
from omero_irods_sandbox.irods_zone.api.registry import FileRange, Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.paths import normalized
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.channel import ByteStream

_PUT_FLAGS: Final = OpenFlags.CREATE | OpenFlags.READ_WRITE | OpenFlags.TRUNCATE
_NETWORK_ERRORS: Final = (ConnectionError, TimeoutError, ssl.SSLError)


@operation(674, "data_obj_lseek", rules=opened_input_and_none)
def data_obj_lseek(session: Session, request: Request) -> Reply:
    """Beyond the end is allowed, but not for a reader beyond the size in the catalog."""
    body = request.body
    file = session.files.get(body.integer("l1descInx"))
    offset = body.integer("offset")
    if not file.flags.may_write:
        offset = min(offset, file.replica.size)
    position = _seek_base(file, body.integer("whence")) + offset
    if position < 0:
        raise ZoneError(code_of("UNIX_FILE_LSEEK_ERR") - errno.EINVAL, "A position before the start.")
    file.position = position
    return Reply(structs.struct("fileLseekOut_PI", ("offset", position)))


def _seek_base(file: OpenFile, whence: int) -> int:
    if whence == os.SEEK_SET:
        return 0
    if whence == os.SEEK_CUR:
        return file.position
    if whence == os.SEEK_END:
        return file.size
    raise ZoneError(code_of("UNIX_FILE_LSEEK_ERR") - errno.EINVAL, f"whence is {whence}, not 0, 1 or 2.")


@operation(675, "data_obj_read", rules=opened_input_and_none)
def data_obj_read(session: Session, request: Request) -> Reply:
    """At most ``len`` bytes from the position on, which moves behind them; none at the end."""
    file = session.files.get(request.body.integer("l1descInx"))
    if not file.is_readable:
        raise ZoneError(code_of("UNIX_FILE_READ_ERR") - errno.EBADF, f"{file.path} is open for writing only.")
    count = max(0, min(request.body.integer("len"), _end(file) - file.position))
    part = FileRange(file.descriptor, file.position, count)
    file.position += count
    flipped = session.zone.faults.flipped("sent", count)
    if flipped is None:
        return Reply(int_info=count, file=part)
    data = bytearray(os.pread(part.descriptor, count, part.offset))
    data[flipped] ^= 0xFF
    return Reply(int_info=count, data=bytes(data))


def _end(file: OpenFile) -> int:
    """A reader sees no more than the catalog says, whatever is in the vault."""
    return file.size if file.flags.may_write else min(file.size, file.replica.size)


@operation(676, "data_obj_write", rules=opened_input_and_none)
def data_obj_write(session: Session, request: Request) -> Reply:
    """The byte stream is written at the position; the status is its length."""
    file = session.files.get(request.body.integer("l1descInx"))
    return Reply(int_info=_write(session, file, request.stream))


def _write(session: Session, file: OpenFile, stream: ByteStream) -> int:
    """Write the stream at the position, which moves behind it; the number of bytes.

    A failure is told here and forgotten, as rsDataObjWrite.cpp does: a client that goes on and
    closes may have a good replica that is too short (``finalizing.close``).

    Raises:
        ZoneError: UNIX_FILE_WRITE_ERR with its errno.
    """
    if file.flags & OpenFlags.APPEND:
        file.position = file.size

    def room(count: int) -> None:
        session.zone.faults.before_write(count)
        file.written += count

    try:
        count = stream.copy_to(file.descriptor, file.position, room)
    except _NETWORK_ERRORS:
        raise
    except OSError as error:
        message = f"Can't write {file.path}: {error.strerror}"
        raise system_error(error, message, base="UNIX_FILE_WRITE_ERR") from error
    flipped = session.zone.faults.flipped("received", count)
    if flipped is not None:
        _flip_in_vault(file, file.position + flipped)
    file.position += count
    return count


def _flip_in_vault(file: OpenFile, offset: int) -> None:
    """As if the byte had come like that: an injected fault. The descriptor may be for writing only."""
    with Path(file.replica.physical_path).open("rb") as vault:
        byte = os.pread(vault.fileno(), 1, offset)
    os.pwrite(file.descriptor, bytes([byte[0] ^ 0xFF]), offset)


@operation(606, "data_obj_put", rules=put_input)
def data_obj_put(session: Session, request: Request) -> Reply:
    """A whole file in one request, as iput sends up to 32 MiB; python-irodsclient never does.

    Raises:
        ZoneError: SYS_NOT_SUPPORTED without ``dataIncluded`` (there are no portal ports here),
            OVERWRITE_WITHOUT_FORCE_FLAG, SYS_COPY_LEN_ERR when not ``dataSize`` bytes came.
    """
    body = request.body
    path, keywords, size = body.string("objPath"), body.key_values(), body.integer("dataSize")
    if "dataIncluded" not in keywords:
        raise ZoneError("SYS_NOT_SUPPORTED", "This zone has no portal ports; send up to 32 MiB at once.")
    if "forceFlag" not in keywords and session.catalog.data_objects.replicas(normalized(path)):
        raise ZoneError("OVERWRITE_WITHOUT_FORCE_FLAG", f"Data object exists: {path}")
    keywords["dataSize"] = str(request.stream.length)
    number = open_object(session, path, _PUT_FLAGS, keywords, operation_type=OperationType.PUT)
    _fill(session, session.files.get(number), request.stream, size)
    close_object(session, number)
    return Reply()


def _fill(session: Session, file: OpenFile, stream: ByteStream, size: int) -> None:
    """Write all of the stream. What fails is kept in the file, for closing to report."""
    try:
        count = _write(session, file, stream)
    except ZoneError as error:
        file.failure = error
        return
    if 0 < size != count:
        message = f"{count} bytes came for {file.path}, {size} were announced. Send it again."
        file.failure = ZoneError("SYS_COPY_LEN_ERR", message)
