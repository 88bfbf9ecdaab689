"""A packet as one data object, a zip that several streams write at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.operations.packing.comparing import compare
from omero_irods_bridge.operations.packing.destination import Stored, Tools
from omero_irods_bridge.operations.packing.resuming import ZipStart
from omero_irods_bridge.packet.deflating import Deflated
from omero_irods_bridge.ports import ObjectStore, ObjectWriter

_ALONE: Final = 512 << 10
"""Bytes from which a run is written as it is; shorter ones wait for their neighbours."""


class ZipDestination:
    """Writes a zip to the data object ``path``; see ``Destination``.

    Args:
        start: where the zip is continued; behind the members of an earlier run that are kept. Of the rest of
            what lies at ``path`` then, what is behind the end of the new zip is cut off.
    """

    def __init__(
        self,
        store: ObjectStore,
        path: str,
        writer: ObjectWriter,
        tools: Tools,
        start: ZipStart,
    ) -> None:
        self._store, self._path, self._writer, self._tools = store, path, writer, tools
        self._layout, self._whole = start.layout, start.whole
        self._old_size = start.old_size if start.kept else 0
        self._run: list[bytes] = []
        self._run_cost = 0
        self._run_start = self._next = start.layout.position

    def begin(self, member: str, size: int) -> None:
        self._append_own(self._layout.begin(member, size))

    def digest_steps(self, data: bytes) -> list[Callable[[], None]]:
        return [partial(self._whole.update, data)]

    def data(self, offset: int, data: bytes, cost: int) -> None:  # noqa: ARG002 -- a zip grows in order
        self._append(data, cost)

    def end(self, crc32: int, sha256: Sha256) -> None:  # noqa: ARG002 -- the manifest has it
        self._append_own(self._layout.end(crc32))

    def add(self, member: str, content: Deflated) -> None:
        for run in self._layout.whole(member, content):
            self._append_own(run)

    def finish(self) -> Stored:
        self._append_own(self._layout.finish())
        self._flush()
        self._tools.writers.drain()
        self._writer.close()
        if self._old_size > self._next:
            self._store.truncate(self._path, self._next)
        sha256 = Sha256(self._whole.hexdigest())
        compare(self._store, self._path, sha256)
        return Stored(self._next, sha256)

    def abort(self) -> None:
        self._writer.abort()

    def _append_own(self, data: bytes) -> None:
        """The next bytes that are not a data member's."""
        self._whole.update(data)
        self._append(data, 0)

    def _append(self, data: bytes, cost: int) -> None:
        """The next bytes of the zip. Short runs are joined: a small member costs no write of its own."""
        if len(data) >= _ALONE:
            self._flush()
        self._run.append(data)
        self._run_cost += cost
        self._next += len(data)
        # The budget of a file of unknown size is that of a piece, however small it turned out to be.
        held = max(self._next - self._run_start, self._run_cost)
        if held >= (_ALONE if len(data) >= _ALONE else self._tools.piece_bytes):
            self._flush()

    def _flush(self) -> None:
        data = self._run[0] if len(self._run) == 1 else b"".join(self._run)
        if data:
            self._write(self._run_start, data, self._run_cost)
        self._run, self._run_cost, self._run_start = [], 0, self._next

    def _write(self, offset: int, data: bytes, cost: int) -> None:
        def task(stream: int) -> None:
            self._writer.write_at(stream, offset, data)
            self._tools.budget.give_back(cost)

        self._tools.writers.submit(task)
