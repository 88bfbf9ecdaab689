"""Reading one data object through several connections at once."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType

import irods.keywords as kw

from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.errors import reading, translated
from omero_irods_bridge.adapters.irods.streams import PIECE_BYTES, Mode, OpenObject
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch


class ObjectSource:
    """A ``ByteSource``, opened by entering it.

    Any number of threads may read; as many as there are streams do so at once, the others wait. All streams
    read the same replica: ``replica``, or the one that iRODS chose for the first, a good one where there is
    one.
    """

    def __init__(
        self, connections: Connections, path: str, *, streams: int = 1, replica: int | None = None
    ) -> None:
        self._connections = connections
        self._path = path
        self._streams = streams
        self._size = 0
        self._choice = {} if replica is None else {kw.REPL_NUM_KW: str(replica)}
        self._free: list[OpenObject] = []
        self._opened = 0
        self._changed = threading.Condition()

    def __enter__(self) -> ObjectSource:
        with reading(f"Opening {self._path}"):
            first = self._another()
            try:
                self._size = first.size()
                if self._streams > 1 and not self._choice:
                    self._choice = {kw.RESC_HIER_STR_KW: first.access()[1]}
            except BaseException:
                first.cut()
                raise
        self._free, self._opened = [first], 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is free; nobody may be reading any more. A close that fails has no consequence."""
        with self._changed:
            opened, self._free = self._free, []
        for one in opened:
            with suppress(BridgeError), translated(f"Closing {self._path}"):
                one.close()

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        wanted = max(0, min(length, self._size - offset))
        if not wanted:
            return b""
        with reading(f"Reading {self._path}"):
            stream = self._take(offset)
            try:
                data = _read(stream, offset, wanted)
            except BaseException:
                self._lose(stream)
                raise
            self._give_back(stream)
        if len(data) < wanted:
            raise ChecksumMismatch(
                f"{self._path} ended at byte {offset + len(data)}, it had {self._size} when it was opened.",
                hint="Its file in the vault was cut, or somebody is changing it: omero-irods verify --data",
            )
        return data

    def _take(self, offset: int) -> OpenObject:
        """A stream for this thread alone, if possible one that stands at ``offset``."""
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._opened < self._streams)
            if self._free:
                best = next((one for one in self._free if one.position == offset), self._free[-1])
                self._free.remove(best)
                return best
            self._opened += 1
        try:
            return self._another()
        except BaseException:
            self._one_less()
            raise

    def _another(self) -> OpenObject:
        return OpenObject(self._connections, self._path, Mode.READ, self._choice)

    def _give_back(self, stream: OpenObject) -> None:
        with self._changed:
            self._free.append(stream)
            self._changed.notify()

    def _lose(self, stream: OpenObject) -> None:
        stream.cut()
        self._one_less()

    def _one_less(self) -> None:
        with self._changed:
            self._opened -= 1
            self._changed.notify()


def _read(stream: OpenObject, offset: int, length: int) -> bytes:
    """All of it, fewer bytes only where the object ends."""
    first = stream.read_at(offset, min(length, PIECE_BYTES))
    if len(first) == length:
        return first
    pieces, done = [first], len(first)
    while done < length and pieces[-1]:
        pieces.append(stream.read_at(offset + done, min(length - done, PIECE_BYTES)))
        done += len(pieces[-1])
    return b"".join(pieces)
