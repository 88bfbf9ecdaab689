"""The data objects that one session has open.

Source: ``objDesc.cpp`` of iRODS (L1 descriptors, numbers from 3, at most NUM_L1_DESC).
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.irods_zone.api import logical_locking
from omero_irods_sandbox.irods_zone.catalog.values import Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.session import Session

log = logging.getLogger(__name__)

_FIRST: Final = 3
_LIMIT: Final = 1026


class OpenFlags(IntFlag):
    """``openFlags`` of a request: the numbers of Linux, whatever the client runs on."""

    WRITE_ONLY = 1
    READ_WRITE = 2
    CREATE = 64
    EXCLUSIVE = 128
    TRUNCATE = 512
    APPEND = 1024

    @classmethod
    def of(cls, number: int) -> OpenFlags:
        """The flags in a request's ``openFlags``; what this zone knows nothing of is dropped."""
        known = cls(number & sum(cls))
        return known & ~cls.WRITE_ONLY if known & cls.READ_WRITE else known

    @property
    def may_write(self) -> bool:
        return bool(self & (OpenFlags.WRITE_ONLY | OpenFlags.READ_WRITE))

    @property
    def may_read(self) -> bool:
        return not self & OpenFlags.WRITE_ONLY


class OperationType(IntEnum):
    """``oprType`` of a request, those that opening asks about. Source: ``dataObjInpOut.h``."""

    NONE = 0
    PUT = 1
    COPY_DESTINATION = 9
    RSYNC = 14


@dataclass
class OpenFile:
    """One descriptor. ``replica`` is as it was when it was opened."""

    replica: Replica
    hierarchy: str
    flags: OpenFlags
    keywords: dict[str, str]
    operation: int = OperationType.NONE
    is_created: bool = False
    announced: int = 0
    """Bytes that the request which created the replica said would come; 0 when it did not say."""
    token: str = ""
    """The replica token; empty when it is open for reading only."""
    ticket: str = ""
    """The ticket that let the user in; empty when he had access himself."""
    descriptor: int = -1
    position: int = 0
    written: int = 0
    is_cut: bool = False
    """Truncated by a request for that; opening with TRUNCATE is none."""
    failure: ZoneError | None = field(default=None, repr=False)
    """Why writing failed; a replica with a failed write can't become good."""

    @property
    def path(self) -> str:
        return self.replica.path

    @property
    def size(self) -> int:
        """Bytes in the file now. Raises OSError."""
        return os.fstat(self.descriptor).st_size

    @property
    def is_readable(self) -> bool:
        """A new file can be read whatever mode it was opened in (``create`` of the unixfilesystem plugin)."""
        return self.is_created or self.flags.may_read

    def shut(self) -> None:
        """Close the file in the vault; nothing happens when it is closed already."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class OpenFiles:
    """The descriptors of one session; used by its thread only."""

    def __init__(self) -> None:
        self._files: dict[int, OpenFile] = {}

    def add(self, file: OpenFile) -> int:
        """The lowest free number.

        Raises:
            ZoneError: SYS_OUT_OF_FILE_DESC when there is none.
        """
        for number in range(_FIRST, _LIMIT):
            if number not in self._files:
                self._files[number] = file
                return number
        raise ZoneError("SYS_OUT_OF_FILE_DESC", "This connection has too many data objects open.")

    def get(self, number: int) -> OpenFile:
        """Raises ZoneError SYS_FILE_DESC_OUT_OF_RANGE or BAD_INPUT_DESC_INDEX."""
        if not _FIRST <= number < _LIMIT:
            raise ZoneError("SYS_FILE_DESC_OUT_OF_RANGE")
        if number not in self._files:
            raise ZoneError("BAD_INPUT_DESC_INDEX", f"Descriptor {number} is not open.")
        return self._files[number]

    def remove(self, number: int) -> OpenFile:
        """Forget a descriptor; its file is still open. Raises as :meth:`get` does."""
        file = self.get(number)
        del self._files[number]
        return file

    def abandon_all(self, session: Session) -> None:
        """The client is gone without closing: what it was writing becomes stale, all files are closed.

        Never raises: this is the end of a connection.
        """
        while self._files:
            _, file = self._files.popitem()
            try:
                logical_locking.abandon(session, file.replica, file.token)
            except Exception:
                log.exception("could not settle %s after its writer had gone", file.path)
            finally:
                file.shut()
