"""omero.api.RawFileStore: the bytes of OriginalFiles.

Source: RawFileBean of omero-server, RawFileStoreI and RepoRawFileStoreI of omero-blitz.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rlong

from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService
from omero_irods_sandbox.omero_server.storage.binary_access import check_download
from omero_irods_sandbox.omero_server.storage.raw_file import Mode, RawFile

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

REPOSITORY_READ_LIMIT: Final = 64 * 1000 * 1000
"""Bytes that one read of a file in a repository may ask for (RepoRawFileStoreI.read)."""


class FileStore(StatefulService):
    """What can be done with an open file. Closing it records its size and checksum."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._file: RawFile | None = None
        self._row: sqlite3.Row | None = None
        self._opened_by: Caller | None = None
        self._may_download = False

    def open(self, row: sqlite3.Row, mode: Mode, caller: Caller) -> None:
        """Change to the OriginalFile of ``row``; nothing happens on disk yet."""
        self._let_go()
        self._file = RawFile(self.server, row["id"], self.server.storage.path(row), mode)
        self._row, self._opened_by, self._may_download = row, caller, False

    # -- operations

    def exists(self, call: Call) -> bool:
        return self._open_file.exists()

    def size(self, call: Call) -> int:
        return self._open_file.size()

    def read(self, position: int, length: int, call: Call) -> bytes:
        file = self._open_file
        self._check_read(length, call)
        return file.read(position, length)

    def write(self, data: bytes, position: int, length: int, call: Call) -> None:
        if not 0 <= length <= len(data):
            raise api_usage(f"cannot write {length} bytes of {len(data)}")
        self._open_file.write(data if length == len(data) else data[:length], position)

    def truncate(self, length: int, call: Call) -> bool:
        return self._open_file.truncate(length)

    def save(self, call: Call) -> IObject | None:
        """The OriginalFile as it is recorded now, None when there was nothing to record."""
        if self._file is None or not self._file.save(call.caller):
            return None
        return self.store.find("OriginalFile", self._file.file_id, call.in_group(ALL_GROUPS).caller)

    def getFileId(self, call: Call) -> RType:
        return None if self._file is None else rlong(self._file.file_id)

    def close(self, call: Call) -> None:
        try:
            if self._file is not None:
                self._file.save(call.caller)
        finally:
            super().close(call)

    def release(self) -> None:
        """A session that ends records too, as far as it can."""
        with contextlib.suppress(omero.ServerError):
            if self._file is not None and self._opened_by is not None:
                self._file.save(self._opened_by)
        self._let_go()

    # -- the file

    @property
    def _open_file(self) -> RawFile:
        if self._file is None:
            raise api_usage(
                "This RawFileStore has not been properly initialized.\n"
                "Please set the file id before executing any other methods.\n"
            )
        return self._file

    def _check_read(self, length: int, call: Call) -> None:
        assert self._row is not None
        if self._row["repo"] is not None and length > REPOSITORY_READ_LIMIT:
            raise api_usage(f"Too big: {length}")
        if not self._may_download:
            check_download(self.server, call.caller, self._row)
            self._may_download = True

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@service(omero.api.RawFileStore, getter="createRawFileStore", stateful=True)
class RawFileStoreService(FileStore):
    """A store for any OriginalFile; those in a repository can only be read."""

    def setFileId(self, file_id: int, call: Call) -> None:
        """Work on this file from now on.

        Raises:
            ValidationException: it is not there, or not for the caller.
            SecurityViolation: the same, of a file in a repository.
        """
        if self._file is not None and self._file.file_id == file_id:
            return
        row = self.store.row("OriginalFile", file_id)
        if row is not None and row["repo"] is not None:
            if self.store.find("OriginalFile", file_id, call.caller) is None:
                raise security_violation(f"FileNotAccessible: {file_id}")
            self.open(row, "r", call.caller)
            return
        self.store.get("OriginalFile", file_id, call.caller)
        assert row is not None
        self.open(row, self._mode(row, call.caller), call.caller)

    def _mode(self, row: sqlite3.Row, caller: Caller) -> Mode:
        """In all groups at once nobody may write (RawFileBean.setFileIdWithBuffer, ticket 10657)."""
        entity = MODEL.entity("OriginalFile")
        is_writable = is_allowed(caller, Right.EDIT, entity, row["d_owner"], row["d_group"])
        return "rw" if caller.group_id != ALL_GROUPS and is_writable else "r"
