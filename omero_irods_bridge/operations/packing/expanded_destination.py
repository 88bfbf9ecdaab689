"""A packet as a collection, in which each member is a data object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.operations.incoming import open_when_free
from omero_irods_bridge.operations.packing.comparing import compare
from omero_irods_bridge.operations.packing.destination import Stored, Tools
from omero_irods_bridge.operations.packing.members import Members, write_whole
from omero_irods_bridge.packet.deflating import Deflated
from omero_irods_bridge.ports import ObjectStore, ObjectWriter


@dataclass(slots=True)
class _Member:
    """The data member under way. A large one has a writer, a small one waits until all of it is here."""

    path: str
    size: int
    writer: ObjectWriter | None
    small: list[tuple[bytes, int]] = field(default_factory=list)


class ExpandedDestination:
    """Writes members to data objects below the collection ``path``; see ``Destination``.

    A member of one piece is written, closed and compared by one worker, a larger one by all of them.

    Args:
        kept_size: of the members of an earlier run that are kept, in bytes.
    """

    def __init__(self, store: ObjectStore, path: str, tools: Tools, kept_size: int) -> None:
        self._store, self._tools = store, tools
        self._members = Members(store, path)
        self._member: _Member | None = None
        self._size = kept_size
        self._last_sha256: Sha256 | None = None

    def begin(self, member: str, size: int) -> None:
        path = self._members.place(member)
        is_small = size <= self._tools.piece_bytes
        streams = self._tools.writers.count
        writer = None if is_small else open_when_free(self._store, path, streams=streams)
        self._member = _Member(path, size, writer)
        self._size += size

    def digest_steps(self, data: bytes) -> list[Callable[[], None]]:  # noqa: ARG002 -- the manifest has them all
        return []

    def data(self, offset: int, data: bytes, cost: int) -> None:
        member = self._open_member
        if member.writer is None:
            member.small.append((data, cost))
            return
        writer, budget = member.writer, self._tools.budget

        def write(stream: int) -> None:
            writer.write_at(stream, offset, data)
            budget.give_back(cost)

        self._tools.writers.submit(write)

    def end(self, crc32: int, sha256: Sha256) -> None:  # noqa: ARG002 -- only a zip has use for a CRC
        member = self._open_member
        if member.writer is None:
            data, cost = b"".join(data for data, _ in member.small), sum(cost for _, cost in member.small)
            self._put_small(member.path, data, sha256, cost)
        else:
            self._tools.writers.drain()
            member.writer.close()
            self._tools.writers.submit(lambda _: compare(self._store, member.path, sha256))
        self._member = None

    def add(self, member: str, content: Deflated) -> None:
        """Metadata are kept readable: not compressed."""
        self._last_sha256 = content.sha256
        self._size += content.size
        path = self._members.place(member)
        write_whole(self._store, path, content.inflated())
        compare(self._store, path, content.sha256)

    def finish(self) -> Stored:
        self._tools.writers.drain()
        if self._last_sha256 is None:
            raise ValueError("a packet without a manifest cannot be finished")
        return Stored(self._size, self._last_sha256)

    def abort(self) -> None:
        if self._member is not None and self._member.writer is not None:
            self._member.writer.abort()

    @property
    def _open_member(self) -> _Member:
        if self._member is None:
            raise ValueError("no member was begun")
        return self._member

    def _put_small(self, path: str, data: bytes, sha256: Sha256, cost: int) -> None:
        def put(_stream: int) -> None:
            write_whole(self._store, path, [data])
            self._tools.budget.give_back(cost)
            compare(self._store, path, sha256)

        self._tools.writers.submit(put)
