"""Writing one data object through several connections at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import irods.keywords as kw

from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.errors import (
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
    HIERARCHY_ERROR,
    INTERMEDIATE_REPLICA_ACCESS,
    LOCKED_DATA_OBJECT_ACCESS,
    OBJ_PATH_DOES_NOT_EXIST,
    SYS_INTERNAL_ERR,
    code_of,
    translated,
)
from omero_irods_bridge.adapters.irods.streams import PIECE_BYTES, Mode, OpenObject
from omero_irods_bridge.model.errors import BridgeError, Busy

_TOKEN_UNKNOWN: Final = frozenset({INTERMEDIATE_REPLICA_ACCESS, LOCKED_DATA_OBJECT_ACCESS, HIERARCHY_ERROR})
"""Answers to a replica token of another host behind the same name, or of iRODS 4 for a path with a quote.

Each host has its own table of tokens (``replica_access_table.cpp``); and ``update_replica_access_table`` of
``rsDataObjOpen.cpp`` does not find what it asks for there.
"""

_ANOTHER_COMES_OR_GOES: Final = frozenset({CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME, SYS_INTERNAL_ERR})
"""One of two who make an object at once gets the first.

Who opens what a writer of several streams has just let go of gets the second, until the last agent of that
one is gone (``update_replica_access_table`` of ``rsDataObjOpen.cpp``).
"""


class ParallelWriter:
    """An ``ObjectWriter``. Until :meth:`close` has returned the replica is not good; no error makes it so.

    The first stream opens the object and settles it in the end. The others open when they are first written
    to, so that small objects do not pay for them: those cost three round trips. Where iRODS does not let them
    join, all write through the first.
    """

    def __init__(self, connections: Connections, path: str, *, streams: int = 1, keep: bool = False) -> None:
        self._connections = connections
        self._path = path
        self._lock = threading.Lock()
        self._is_spoilt = self._is_closed = self._is_alone = False
        self._failure: BaseException | None = None
        self._sample: tuple[int, bytes] | None = None
        with translated(f"Opening {path} for writing"):
            first = _opened(connections, path, keep=keep)
            self._open: list[OpenObject | None] = [first, *[None] * (streams - 1)]
            with self._all_or_nothing():
                self._shared = _keywords_to_join(first) if streams > 1 else {}

    @property
    def streams(self) -> int:
        return len(self._open)

    def write_at(self, stream: int, offset: int, data: bytes | memoryview) -> None:
        """After an error the object cannot be used: :meth:`abort`, which :meth:`close` does then.

        Whichever stream it happened to, all say what went wrong first: the others only broke off.
        """
        view = memoryview(data).cast("B")
        with translated(f"Writing {self._path}"), self._all_or_nothing():
            opened = self._stream(stream)
            for start in range(0, len(view), PIECE_BYTES):
                opened.write_at(offset + start, view[start : start + PIECE_BYTES])
            if stream and view:
                self._sample = offset, bytes(view[:1])

    def close(self) -> None:
        """Safe to repeat."""
        if self._is_closed:
            return
        with translated(f"Closing {self._path}"), self._all_or_nothing():
            self._check()
            first, *others = self._open
            for other in filter(None, others):
                other.close_unsettled()
            assert first is not None
            self._let_it_count(first)
            first.close()
            self._is_closed = True

    def abort(self) -> None:
        """Without effect after a close that has returned."""
        with self._lock:
            self._is_spoilt = True
            opened = [one for one in self._open if one is not None]
        for one in opened:
            one.cut()

    def _let_it_count(self, first: OpenObject) -> None:
        """A replica that was there stays what it was, stale too, unless the first stream wrote something.

        Source: ``finalize_data_object`` of ``rsDataObjClose.cpp``.
        """
        if self._sample is not None and not first.has_written:
            offset, byte = self._sample
            first.write_at(offset, memoryview(byte))

    def _stream(self, number: int) -> OpenObject:
        self._check()
        opened = self._open[0 if self._is_alone else number]
        return self._joined(number) if opened is None else opened

    def _joined(self, number: int) -> OpenObject:
        try:
            opened = OpenObject(self._connections, self._path, Mode.WRITE, self._shared)
        except Exception as error:
            first = self._open[0]
            if code_of(error) not in _TOKEN_UNKNOWN or first is None:
                raise
            self._is_alone = True
            return first
        with self._lock:
            self._open[number] = opened
        self._check()
        return opened

    def _check(self) -> None:
        if self._is_closed:
            raise BridgeError(f"{self._path} is closed: nothing more can be written to it.")
        if self._is_spoilt:
            raise BridgeError(
                f"{self._path} was not written to its end: an earlier write failed or was stopped.",
                hint="Write it again.",
            )

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            with self._lock:
                if self._failure is None and not self._is_spoilt:
                    self._failure = error
                first = self._failure or error
            # A normal close would make a good replica of what has arrived so far.
            self.abort()
            if first is not error:
                raise first from None
            raise


def _opened(connections: Connections, path: str, *, keep: bool) -> OpenObject:
    try:
        return _opened_to_keep(connections, path) if keep else _emptied(connections, path)
    except Exception as error:
        if code_of(error) not in _ANOTHER_COMES_OR_GOES:
            raise
        raise Busy(f"{path} is being made or let go of by another writer.", hint="Try again.") from error


def _emptied(connections: Connections, path: str) -> OpenObject:
    return OpenObject(connections, path, Mode.WRITE | Mode.CREATE | Mode.TRUNCATE, _destination(connections))


def _opened_to_keep(connections: Connections, path: str) -> OpenObject:
    """Without CREATE first: with it, iRODS begins another replica when it prefers another resource."""
    try:
        return OpenObject(connections, path, Mode.WRITE)
    except Exception as error:
        if not _is_missing(error):
            raise
    return OpenObject(connections, path, Mode.WRITE | Mode.CREATE, _destination(connections))


def _keywords_to_join(first: OpenObject) -> dict[str, str]:
    """Those that open further streams to the replica that ``first`` writes."""
    token, hierarchy = first.access()
    return {kw.REPLICA_TOKEN_KW: token, kw.RESC_HIER_STR_KW: hierarchy}


def _is_missing(error: Exception) -> bool:
    return code_of(error) == OBJ_PATH_DOES_NOT_EXIST


def _destination(connections: Connections) -> dict[str, str]:
    resource = connections.default_resource
    return {kw.DEST_RESC_NAME_KW: resource} if resource else {}
