"""One open descriptor of a data object, on a connection of its own.

PRC's own handles are buffered, ask for their position when they are made, and end in a normal close whatever
happened; so the requests are sent here (reference/irods-wire.md, Sequences that matter).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntFlag
from typing import Final

from irods.message import FileOpenRequest, JSON_Message, StringStringMap

from omero_irods_bridge.adapters.irods.connections import Connections, exchange
from omero_irods_bridge.model.errors import BridgeError

PIECE_BYTES: Final = 4 * 1024 * 1024
"""What one request carries; larger and smaller pieces are slower (reference/irods-wire.md, throughput)."""

_NO_SIZE: Final = -1

_WAKING_S: Final = 5.0
"""How long a thread may take to hear that its connection has ended; then the collector closes the socket."""


class Mode(IntFlag):
    """``openFlags`` as iRODS has them on every system."""

    READ = 0
    WRITE = 1
    CREATE = 64
    TRUNCATE = 512


class OpenObject:
    """A descriptor; for one thread at a time, except that :meth:`cut` and :meth:`write_at` may come from any.

    Raises what PRC raises: the caller translates. After anything but an answer of the server the connection
    is gone already.
    """

    def __init__(
        self, connections: Connections, path: str, mode: Mode, keywords: dict[str, str] | None = None
    ) -> None:
        """Open ``path``: one round trip, besides logging in when no connection is idle."""
        self._connections = connections
        self._path = path
        self._position = 0
        self._has_written = self._is_over = False
        self._in_use = threading.Lock()
        self._connection = connections.take()
        try:
            with connections.guard(self._connection):
                answer = exchange(self._connection, "DATA_OBJ_OPEN_AN", _request(path, mode, keywords or {}))
        except BaseException:
            self._give_back()
            raise
        self._descriptor = answer.int_info

    @property
    def position(self) -> int:
        """Where the next byte is read or written without seeking."""
        return self._position

    @property
    def has_written(self) -> bool:
        """Whether iRODS took bytes through this descriptor."""
        return self._has_written

    def write_at(self, offset: int, data: memoryview) -> None:
        """Write all of ``data``, at most PIECE_BYTES: one round trip where the last one ended, else two."""
        with self._using():
            self._seek(offset)
            written = self._connection.write_file(self._descriptor, data)
            self._position += written
            self._has_written = self._has_written or written > 0
        if written != len(data):
            raise BridgeError(f"{self._path}: iRODS took {written} of {len(data)} bytes.")

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes, at most PIECE_BYTES, none only at the end; round trips as for writing."""
        with self._using():
            self._seek(offset)
            # Into a buffer of ours PRC would spin for ever when the server closes the connection in between.
            data = self._connection.read_file(self._descriptor, length) or b""
        self._position += len(data)
        return bytes(data)

    def size(self) -> int:
        """How many bytes the replica has now."""
        with self._using():
            self._position = int(self._connection.seek_file(self._descriptor, 0, os.SEEK_END))
        return self._position

    def access(self) -> tuple[str, str]:
        """The token that lets others write to the same replica, "" for reading; and its hierarchy."""
        body = JSON_Message({"fd": self._descriptor}, self._connection.server_version)
        with self._using():
            answer = exchange(
                self._connection, "GET_FILE_DESCRIPTOR_INFO_APN", body
            ).get_json_encoded_struct()
        hierarchy = (answer.get("data_object_info") or {}).get("resource_hierarchy", "")
        return str(answer.get("replica_token", "")), str(hierarchy)

    def close(self) -> None:
        """Close; what was written is good afterwards, as far as iRODS knows."""
        with self._using():
            self._connection.close_file(self._descriptor)
        self._give_back()

    def close_unsettled(self) -> None:
        """Close, and leave it to another stream to settle the replica."""
        body = JSON_Message(
            {
                "fd": self._descriptor,
                "send_notifications": False,
                "update_size": False,
                "update_status": False,
                "compute_checksum": False,
            },
            self._connection.server_version,
        )
        with self._using():
            exchange(self._connection, "REPLICA_CLOSE_APN", body)
        self._give_back()

    def cut(self) -> None:
        """Let go of the connection without closing: for iRODS the writer has vanished. Never raises.

        Without effect after a close: somebody else may have the connection then. From any thread: one that
        waits for an answer meanwhile gets an error.
        """
        if self._is_over:
            return
        self._connections.hang_up(self._connection)
        if self._in_use.acquire(timeout=_WAKING_S):
            self._in_use.release()
            self._connections.drop(self._connection)

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._in_use, self._connections.guard(self._connection):
            yield

    def _seek(self, offset: int) -> None:
        if offset != self._position:
            self._position = int(self._connection.seek_file(self._descriptor, offset, os.SEEK_SET))

    def _give_back(self) -> None:
        self._is_over = True
        self._connections.give_back(self._connection)


def _request(path: str, mode: Mode, keywords: dict[str, str]) -> FileOpenRequest:
    return FileOpenRequest(
        objPath=path,
        createMode=0,
        openFlags=int(mode),
        offset=0,
        dataSize=_NO_SIZE,
        numThreads=0,
        oprType=0,
        KeyValPair_PI=StringStringMap(keywords),
    )
