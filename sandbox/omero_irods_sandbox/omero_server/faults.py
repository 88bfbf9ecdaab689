"""Faults on demand: what goes wrong with a real server, switched on by a test.

A fault is set from any thread and hits the next calls of any client.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omero_irods_sandbox.omero_server.errors import internal_error

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

Direction = Literal["read", "write"]


class ConnectionCut(Exception):
    """The connection of this call breaks here."""


class Counters:
    """Calls by operation (``IQuery.projection``) since the server started or :meth:`reset`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    def count_call(self, operation: str) -> None:
        with self._lock:
            self._calls[operation] += 1

    def calls(self, operation: str | None = None) -> int:
        """How often one operation was called, or all of them together."""
        with self._lock:
            return self._calls.total() if operation is None else self._calls[operation]

    def all_calls(self) -> dict[str, int]:
        """Calls by operation."""
        with self._lock:
            return dict(self._calls)

    def reset(self) -> None:
        with self._lock:
            self._calls.clear()


@dataclass
class _Failure:
    operation: str
    error: Exception
    skip: int
    times: int


@dataclass
class _Cut:
    direction: Direction
    file_id: int | None
    bytes_left: int


@dataclass
class _Flip:
    direction: Direction
    file_id: int | None
    skip: int


class Faults:
    """What shall go wrong. Nothing does until it is asked for; :meth:`clear` ends it all."""

    def __init__(self, server: OmeroServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No faults any more; a file that was damaged stays damaged."""
        with self._lock:
            self._failures: list[_Failure] = []
            self._delays: dict[str, float] = {}
            self._cut: _Cut | None = None
            self._flips: list[_Flip] = []
            self._wrong_hashes = 0

    # -- switching on

    def fail_call(
        self, operation: str, error: Exception | None = None, *, nth: int = 1, times: int = 1
    ) -> None:
        """Let ``times`` calls fail from the ``nth`` on, counted from now; by default by an internal error."""
        failure = _Failure(operation, error or internal_error("injected fault"), nth - 1, times)
        with self._lock:
            self._failures.append(failure)

    def delay_calls(self, operation: str, seconds: float) -> None:
        """Let every call of ``operation`` wait first."""
        with self._lock:
            self._delays[operation] = seconds

    def cut_file_after(
        self, count: int, direction: Direction = "read", *, file_id: int | None = None
    ) -> None:
        """Break the connection that carries the byte after the next ``count`` of a file, or of any; once."""
        with self._lock:
            self._cut = _Cut(direction, file_id, count)

    def flip_on_wire(
        self, direction: Direction = "read", *, file_id: int | None = None, nth: int = 1
    ) -> None:
        """Change the last byte that the ``nth`` read or write of a file, or of any, carries; once."""
        with self._lock:
            self._flips.append(_Flip(direction, file_id, nth - 1))

    def wrong_hash(self, times: int = 1) -> None:
        """Let the server record the wrong checksum of the next files it looks at."""
        with self._lock:
            self._wrong_hashes += times

    def expire_session(self, uuid: str) -> None:
        """End a session as if nobody had used it for too long."""
        self._server.sessions.expire(uuid)

    def flip_byte(self, original_file_id: int, offset: int = 0) -> None:
        """Change one byte of a file on disk; the database knows nothing of it."""
        with Path(self._server.storage.path_by_id(original_file_id)).open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 0xFF]))

    # -- being hit

    def before_call(self, operation: str) -> None:
        """Wait, or raise what this call shall fail with."""
        with self._lock:
            pause = self._delays.get(operation, 0)
            error = self._failure_of(operation)
        if pause:
            time.sleep(pause)
        if error is not None:
            raise error

    def _failure_of(self, operation: str) -> Exception | None:
        for failure in [failure for failure in self._failures if failure.operation == operation]:
            if failure.skip:
                failure.skip -= 1
                continue
            failure.times -= 1
            if failure.times <= 0:
                self._failures.remove(failure)
            return failure.error
        return None

    def before_bytes(self, file_id: int | None, direction: Direction, count: int) -> None:
        """Called before ``count`` bytes of a file are read or written.

        Raises:
            ConnectionCut: the connection breaks within them.
        """
        with self._lock:
            cut = self._cut
            if cut is None or cut.direction != direction or cut.file_id not in (None, file_id):
                return
            cut.bytes_left -= count
            if cut.bytes_left >= 0:
                return
            self._cut = None
        raise ConnectionCut

    def carried(self, file_id: int | None, direction: Direction, data: bytes) -> bytes:
        """What arrives of the bytes of a file that are read or written."""
        return data[:-1] + bytes([data[-1] ^ 0xFF]) if data and self._flips_now(file_id, direction) else data

    def _flips_now(self, file_id: int | None, direction: Direction) -> bool:
        with self._lock:
            for flip in [one for one in self._flips if one.direction == direction]:
                if flip.file_id not in (None, file_id):
                    continue
                if flip.skip == 0:
                    self._flips.remove(flip)
                    return True
                flip.skip -= 1
            return False

    def hash_for(self, file_id: int, digest: str) -> str:  # a fault of one file may come
        """The checksum to record where ``digest`` is right."""
        with self._lock:
            if self._wrong_hashes == 0:
                return digest
            self._wrong_hashes -= 1
        return digest[::-1] if digest != digest[::-1] else "0" * len(digest)
