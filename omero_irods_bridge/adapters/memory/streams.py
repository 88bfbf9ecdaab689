"""Reading and writing the bytes of a zone in memory."""

from __future__ import annotations

from dataclasses import replace

from omero_irods_bridge.adapters.memory.zone import Copy, Entry, Hook, MemoryZone
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.stored import ReplicaStatus


class MemorySource:
    """The bytes of one replica as they are at each read."""

    def __init__(self, tell: Hook, path: str, copy: Copy) -> None:
        self._tell, self._path, self._copy = tell, path, copy

    @property
    def size(self) -> int:
        return self._copy.replica.size

    def read_at(self, offset: int, length: int) -> bytes:
        self._tell("read_at", self._path)
        return bytes(self._copy.data[offset : offset + length])


class MemoryWriter:
    """Writes the first replica of an object; the others are stale afterwards."""

    def __init__(self, zone: MemoryZone, entry: Entry, path: str, streams: int) -> None:
        self._zone, self._entry, self._path, self._streams = zone, entry, path, streams
        self._is_closed = self._is_spoilt = False

    @property
    def streams(self) -> int:
        return self._streams

    def write_at(
        self,
        stream: int,  # noqa: ARG002 - the port's; memory has no streams
        offset: int,
        data: bytes | memoryview,
    ) -> None:
        if self._zone.hook is not None:
            self._zone.hook("write_at", self._path)
        with self._zone.lock:
            self._check()
            target = self._entry.copies[0].data
            target.extend(bytes(max(0, offset - len(target))))
            target[offset : offset + len(data)] = data

    def close(self) -> None:
        """Safe to repeat."""
        if self._is_closed:
            return
        self._check()
        self._is_closed = True
        self._end(ReplicaStatus.GOOD)
        for copy in self._entry.copies[1:]:
            copy.replica = replace(copy.replica, status=ReplicaStatus.STALE)

    def abort(self) -> None:
        """Without effect after a close."""
        if not (self._is_closed or self._is_spoilt):
            self._is_spoilt = True
            self._end(ReplicaStatus.STALE)

    def _check(self) -> None:
        if self._is_closed or self._is_spoilt:
            raise BridgeError(f"{self._path} is closed: nothing more can be written to it.")

    def _end(self, status: ReplicaStatus) -> None:
        with self._zone.lock:
            copy, self._entry.modified = self._entry.copies[0], self._zone.now
            copy.replica = replace(
                copy.replica, status=status, size=len(copy.data), modified=self._zone.now, checksum=""
            )
