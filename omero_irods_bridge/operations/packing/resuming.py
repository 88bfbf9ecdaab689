"""What an earlier run of the same plan left, and which of it can be kept.

Nothing that lies there is trusted: a file is kept when its bytes, read back from iRODS, have the hash that
OMERO recorded of them, and that is a hash of content. All else is sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.operations.packing.copying import Copied, Counter
from omero_irods_bridge.operations.packing.destination import Tools
from omero_irods_bridge.operations.streaming.digests import FileDigests
from omero_irods_bridge.packet.zip_writing import Place, ZipLayout, places
from omero_irods_bridge.ports import ByteSource


@dataclass(slots=True)
class ZipStart:
    """Where a zip is continued: ``layout`` stands behind the files that are kept, ``whole`` has seen them.

    ``old_size`` is how many bytes there were, whatever the catalog says of what broke off.
    """

    layout: ZipLayout
    whole: hashlib._Hash
    kept: list[Copied]
    old_size: int = 0


def zip_start() -> ZipStart:
    """The begin of a new zip."""
    return ZipStart(ZipLayout(), hashlib.sha256(), [])


def resume_zip(
    start: ZipStart,
    files: Sequence[SourceFile],
    source: ByteSource,
    tools: Tools,
    counter: Counter,
    cancel: CancelToken,
) -> None:
    """Add to ``start`` the files at the begin of an unfinished zip, up to the first that is not whole.

    Streams write a zip from front to back with a few pieces under way at once, so what follows a gap is worth
    nothing. ``start`` can be gone on from whenever this ends, with an error too.
    """
    start.old_size = source.size
    reader = _Sequential(source, tools.piece_bytes)
    for file, place in zip(files, places(_known(files)), strict=False):
        cancel.check()
        if not _can_be_kept(file) or place.end > source.size:
            break
        whole = start.whole.copy()
        digests = _read_member(file, place, reader, whole, tools)
        if digests is None:
            break
        _keep(start, digests, file, whole)
        counter.add(digests.size, items=1)


def _known(files: Sequence[SourceFile]) -> Iterator[tuple[str, int]]:
    """Name and size of the files before the first of unknown size."""
    for file in files:
        if file.size is None:
            return
        yield file.member, file.size


def _can_be_kept(file: SourceFile) -> bool:
    return file.hash is not None and file.hash.proves_content


def _read_member(
    file: SourceFile, place: Place, reader: _Sequential, whole: hashlib._Hash, tools: Tools
) -> FileDigests | None:
    """The digests of a member that is there, header and descriptor included; none otherwise."""
    around = ZipLayout(start=place.start)
    if not _same(reader, whole, around.begin(file.member, place.descriptor - place.data)):
        return None
    digests = FileDigests(file)
    for data in reader.pieces(place.descriptor - place.data):
        tools.digests.run([*digests.steps(data), partial(whole.update, data)], len(data))
    if not digests.agrees or not _same(reader, whole, around.end(digests.crc32)):
        return None
    return digests


def _same(reader: _Sequential, whole: hashlib._Hash, expected: bytes) -> bool:
    whole.update(expected)
    return b"".join(reader.pieces(len(expected))) == expected


def _keep(start: ZipStart, digests: FileDigests, file: SourceFile, whole: hashlib._Hash) -> None:
    start.layout.begin(file.member, digests.size)
    start.layout.end(digests.crc32)
    start.whole = whole
    start.kept.append(Copied(file, digests.size, digests.sha256))


class _Sequential:
    """Reads a source from its begin, in blocks, so that many short members cost few requests."""

    def __init__(self, source: ByteSource, block_bytes: int) -> None:
        self._source, self._block_bytes = source, block_bytes
        self._block = memoryview(b"")
        self._next = 0

    def pieces(self, count: int) -> Iterator[bytes]:
        """The next ``count`` bytes, fewer where the source ends, in pieces."""
        while count:
            if not self._block:
                self._block = memoryview(self._source.read_at(self._next, self._block_bytes))
                self._next += len(self._block)
                if not self._block:
                    return
            piece, self._block = self._block[:count], self._block[count:]
            count -= len(piece)
            yield bytes(piece)


def read_file(file: SourceFile, source: ByteSource, tools: Tools, cancel: CancelToken) -> FileDigests | None:
    """The digests of a file that lies in a data object of its own; none when it is not what OMERO has."""
    if not _can_be_kept(file) or source.size != file.size:
        return None
    digests = FileDigests(file)
    for data in _Sequential(source, tools.piece_bytes).pieces(source.size):
        cancel.check()
        tools.digests.run(digests.steps(data), len(data))
    return digests if digests.agrees and digests.size == file.size else None
