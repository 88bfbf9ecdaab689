"""Files pass from OMERO to a destination, and what is computed of them on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.events import CancelToken, Progress, Report
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.operations.packing.destination import Destination, Tools
from omero_irods_bridge.operations.streaming.digests import FileDigests
from omero_irods_bridge.operations.streaming.fetching import Fetcher, MakeReader
from omero_irods_bridge.operations.streaming.parts import Piece


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that is in the packet: ``size`` in bytes and SHA-256 of what was read, OMERO's hash agreed."""

    file: SourceFile
    size: int
    sha256: Sha256


class Counter:
    """Tells how far copying is; ``kept`` bytes and files were there before."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._bytes = self._items = 0

    def add(self, count: int, *, items: int = 0) -> None:
        self._bytes += count
        self._items += items
        self._report(Progress(self._bytes, self._items))


def copy(
    files: Sequence[SourceFile],
    make_reader: MakeReader,
    destination: Destination,
    tools: Tools,
    *,
    readers: int,
    counter: Counter,
    cancel: CancelToken,
) -> list[Copied]:
    """Bring all ``files`` to ``destination``, in order.

    Raises:
        ChecksumMismatch: a file is not what OMERO recorded of it.
        BridgeError: what a reader or a writer met.
    """
    copied: list[Copied] = []
    fetcher = Fetcher(
        files,
        make_reader,
        tools.budget,
        readers=readers,
        piece_bytes=tools.piece_bytes,
        cancel=cancel,
        check=tools.writers.check,
    )
    with fetcher:
        digests: FileDigests | None = None
        for piece in fetcher:
            file = files[piece.index]
            if piece.is_first or digests is None:
                digests = FileDigests(file)
                destination.begin(file.member, piece.size)
            _pass_on(piece, digests, destination, tools)
            counter.add(len(piece.data), items=piece.is_last)
            if piece.is_last:
                digests.check()
                destination.end(digests.crc32, digests.sha256)
                copied.append(Copied(file, digests.size, digests.sha256))
    return copied


def _pass_on(piece: Piece, digests: FileDigests, destination: Destination, tools: Tools) -> None:
    steps: list[Callable[[], None]] = [*digests.steps(piece.data), *destination.digest_steps(piece.data)]
    tools.digests.run(steps, len(piece.data))
    destination.data(piece.offset, piece.data, piece.cost)
