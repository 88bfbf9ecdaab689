"""Bytes of OriginalFiles through RawFileStore, one file after the other.

Each file has a store of its own, which is closed before the next. A store could be turned to the next file
with ``setFileId``, but for a file of the ManagedRepository OMERO then opens another store behind it and never
closes the one before, so that a packet of many files would exhaust the open files of the server (omero-blitz,
RawFileStoreI.__redirect and OpsDelegate.setFileId_async).
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import omero
import omero.clients

from omero_irods_bridge.adapters.omero.errors import FOREIGN, omero_errors
from omero_irods_bridge.model.errors import BridgeError, NotFound

READ_BYTES: Final = 8 << 20
"""Of one message: larger ones are slower (reference/omero-wire.md, 5)."""


class RawFiles:
    """Turns to one file after the other; one thread at a time."""

    def __init__(self, session: Any, context: dict[str, str]) -> None:
        self._session, self._context = session, context
        self._store: Any = None
        self._what = ""
        self._size = 0

    def open(self, file: int, name: str = "") -> int:
        """Turn to this OriginalFile; how many bytes it has on the server's disk.

        Raises:
            NotFound: it is not there, in OMERO or on the disk of OMERO.
            AccessDenied: this user may not read it.
        """
        self.close()
        self._what = f"reading {name} (OriginalFile:{file})" if name else f"reading OriginalFile:{file}"
        with omero_errors(self._what):
            self._store = self._session.createRawFileStore()
            self._turn(file)
            self._size = self._store.size()
        return self._size

    def _turn(self, file: int) -> None:
        try:
            self._store.setFileId(file, self._context)
        except omero.ValidationException as error:  # what IQuery.get says in RawFileBean.setFileId
            raise NotFound(
                f"OMERO has no OriginalFile:{file} that you may read, while {self._what}.",
                hint="Somebody may have deleted it meanwhile.",
            ) from error

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes, fewer only where the file ends.

        OMERO would go on with zeros there (RawFileBean.read).
        """
        length = max(0, min(length, self._size - offset))
        if length <= READ_BYTES:
            return self._read(offset, length)
        data = bytearray()
        while len(data) < length:
            data += self._read(offset + len(data), min(READ_BYTES, length - len(data)))
        return bytes(data)

    def read_all(self, file: int, limit: int) -> bytes:
        """All bytes of a file.

        Raises:
            ValueError: it has more than ``limit``.
        """
        size = self.open(file)
        try:
            if size > limit:
                raise ValueError(f"it has {size:,} bytes")
            return self.read_at(0, size)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file; never raises."""
        store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(*FOREIGN):
                store.close()

    def _read(self, offset: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            with omero_errors(self._what):
                part = self._store.read(offset + len(data), length - len(data))
            if not part:
                raise BridgeError(f"OMERO gave no bytes while {self._what}, at byte {offset + len(data):,}.")
            if len(part) == length:
                return bytes(part)
            data += part
        return bytes(data)
