"""One OriginalFile opened for reading and writing.

Source: RawFileBean of omero-server and FileBuffer of omero-romio, also for what looks odd:

* reading past the end gives zeros;
* asking for the size of a file that may be written makes it;
* :meth:`RawFile.save` computes the checksum again only after a write, of an empty
  file, or when the size on disk is not the one on record. A file that was put in the
  place of another one of the same size is therefore not noticed (omero-semantics.md, section 2).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omero_irods_sandbox.omero_server.errors import api_usage, resource_error, security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.storage.checksums import checksum

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer

Mode = Literal["r", "rw"]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the database says of the file."""

    size: int | None
    hash: str | None
    hasher: str | None


class RawFile:
    """Threads may share it; one of them is in it at a time."""

    def __init__(self, server: OmeroServer, file_id: int, path: Path, mode: Mode) -> None:
        self._server = server
        self._path = path
        self._mode = mode
        self._descriptor: int | None = None
        self._is_modified = False
        self._lock = threading.RLock()
        self.file_id = file_id
        self._recorded = self._read_record()

    # -- bytes

    def exists(self) -> bool:
        """Whether there is something on disk."""
        return self._path.exists()

    def size(self) -> int:
        """Bytes on disk.

        Raises:
            ResourceError: the file is not there and may not be made, or cannot be opened.
        """
        with self._lock:
            return os.fstat(self._opened()).st_size

    def read(self, position: int, length: int) -> bytes:
        """``length`` bytes; those behind the end are zeros.

        Raises:
            ResourceError: the file cannot be opened or read.
        """
        if position < 0 or length < 0:
            raise api_usage(f"cannot read {length} bytes at {position}")
        self._server.faults.before_bytes(self.file_id, "read", length)
        with self._lock:
            found = self._pread(position, length)
        found = self._server.faults.carried(self.file_id, "read", found)
        return found if len(found) == length else found + bytes(length - len(found))

    def _pread(self, position: int, length: int) -> bytes:
        descriptor = self._opened()
        try:
            return os.pread(descriptor, length, position)
        except OSError as error:
            raise resource_error(str(error)) from error

    def write(self, data: bytes, position: int) -> None:
        """Write all of ``data``.

        Raises:
            SecurityViolation: the file was opened for reading.
            ResourceError: it cannot be written.
        """
        self._server.faults.before_bytes(self.file_id, "write", len(data))
        data = self._server.faults.carried(self.file_id, "write", data)
        with self._lock:
            self._must_be_writable()
            descriptor = self._opened()
            rest = memoryview(data)
            while rest:
                try:
                    written = os.pwrite(descriptor, rest, position)
                except OSError as error:
                    raise resource_error(str(error)) from error
                rest, position = rest[written:], position + written
            self._is_modified = True

    def truncate(self, length: int) -> bool:
        """Cut what is behind ``length``; False when nothing is.

        Raises:
            SecurityViolation: the file was opened for reading.
        """
        with self._lock:
            if length >= self.size():
                return False
            self._must_be_writable()
            os.ftruncate(self._opened(), length)
            self._is_modified = True
            return True

    # -- the record

    def save(self, caller: Caller) -> bool:
        """Record size and checksum where they are to be looked at; False when they are not.

        Raises:
            ResourceError: the file is not there.
            SecurityViolation: the record would change and ``caller`` may not edit it.
        """
        with self._lock:
            if not self._needs_record():
                return False
            found, modified_ms = self._look()
            if found != self._recorded:
                self._write_record(found, modified_ms, caller)
            self._is_modified = False
            return True

    def _needs_record(self) -> bool:
        if self._is_modified:
            return True
        size = self.size()
        return size == 0 or (self._recorded.size is not None and self._recorded.size != size)

    def _look(self) -> tuple[_Recorded, int]:
        hasher = self._recorded.hasher
        try:
            status = self._path.stat()
            digest = self._recorded.hash if hasher is None else checksum(self._path, hasher)
        except OSError as error:
            raise resource_error(f"Cannot find path. Deleted? {self._path}") from error
        if hasher is not None and digest is not None:
            digest = self._server.faults.hash_for(self.file_id, digest)
        return _Recorded(status.st_size, digest, hasher), int(status.st_mtime * 1000)

    def _read_record(self) -> _Recorded:
        row = self._server.store.database.row(
            'select f.size, f.hash, h.value as hasher from "OriginalFile" f'
            ' left join "ChecksumAlgorithm" h on h.id = f.hasher_id where f.id = ?',
            self.file_id,
        )
        return (
            _Recorded(None, None, None) if row is None else _Recorded(row["size"], row["hash"], row["hasher"])
        )

    def _write_record(self, found: _Recorded, modified_ms: int, caller: Caller) -> None:
        row = self._server.store.row("OriginalFile", self.file_id)
        if row is None:
            raise resource_error(f"OriginalFile:{self.file_id} was deleted meanwhile")
        if not is_allowed(caller, Right.EDIT, MODEL.entity("OriginalFile"), row["d_owner"], row["d_group"]):
            raise security_violation(f"Updating OriginalFile:{self.file_id} not allowed")
        with self._server.store.work(caller) as work:
            work.update("OriginalFile", self.file_id, size=found.size, hash=found.hash, mtime=modified_ms)
        self._recorded = found

    # -- the handle

    def close(self) -> None:
        """Give the handle back; nothing is recorded."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _must_be_writable(self) -> None:
        if self._mode == "r":
            raise security_violation("File not writeable!")

    def _opened(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDONLY if self._mode == "r" else os.O_RDWR | os.O_CREAT
            try:
                if self._mode == "rw":
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._path, flags, 0o666)
            except OSError as error:
                raise resource_error(f"{self._path} ({error.strerror})") from error
        return self._descriptor
