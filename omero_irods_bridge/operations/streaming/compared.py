"""Bytes that are compared with their digest while somebody else sends them on."""

from __future__ import annotations

import hashlib

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import ChecksumMismatch
from omero_irods_bridge.ports import ByteSource


class ComparedSource:
    """A source whose bytes are compared with a digest, when they are read in order to their end.

    The last of them are not handed out where they differ: who counts bytes would take it for all.

    Args:
        than: what they should be, as in "is not what was packed".
        hint: what to do then.
    """

    def __init__(self, source: ByteSource, name: str, expected: Sha256, *, than: str, hint: str) -> None:
        self._source, self._name, self._expected = source, name, expected
        self._than, self._hint = than, hint
        self._digest = hashlib.sha256()
        self._next = 0

    @property
    def size(self) -> int:
        return self._source.size

    def read_at(self, offset: int, length: int) -> bytes:
        data = self._source.read_at(offset, length)
        if offset == self._next:
            self._digest.update(data)
            self._next += len(data)
            if self._next == self.size and self._digest.hexdigest() != self._expected.hex:
                raise ChecksumMismatch(
                    f"{self._name} is not what {self._than}: its SHA-256 is another one.", hint=self._hint
                )
        return data
