"""Raw file stores of files in a repository, which stay with their file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import omero

from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.types import Proxy
from omero_irods_sandbox.omero_server.services.raw_file_store import FileStore
from omero_irods_sandbox.omero_server.sessions.session import proxy_for

if TYPE_CHECKING:
    import sqlite3

    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.storage.raw_file import Mode


class RepositoryFileStore(FileStore):
    """A store that a repository gave out (RepoRawFileStoreI)."""

    on_write: Callable[[int], None] | None = None
    """Told where the last write ended."""
    on_release: Callable[[], None] | None = None
    """Told when the store has ended."""

    def setFileId(self, file_id: int, call: Call) -> None:
        """Refused.

        Raises:
            ApiUsageException: always.
        """
        raise api_usage(f"Cannot reset id to {file_id}")

    def write(self, data: bytes, position: int, length: int, call: Call) -> None:
        super().write(data, position, length, call)
        if self.on_write is not None:
            self.on_write(position + length)

    def release(self) -> None:
        super().release()
        if self.on_release is not None:
            self.on_release()


def store_of(call: Call, row: sqlite3.Row, mode: Mode) -> RepositoryFileStore:
    """A store for the file of ``row``, not published yet."""
    store = RepositoryFileStore(call.server, call.session)
    store.open(row, mode, call.caller)
    return store


def published(call: Call, store: RepositoryFileStore) -> Proxy:
    """The proxy of a store; it ends with the client of ``call``."""
    return proxy_for(call, omero.api.RawFileStore, store, "omero.api.RawFileStore")


def mode_of(text: str) -> Mode:
    """``r`` or ``rw``.

    Raises:
        SecurityViolation: it is something else (Java's modes ``rws`` and ``rwd`` are not offered).
    """
    if text == "r":
        return "r"
    if text == "rw":
        return "rw"
    raise security_violation(f"A file is opened with the mode r or rw, not {text!r}")
