"""Files on their way into OMERO: read from where they are, hashed, and written through the uploaders.

Nothing is kept but some blocks a file: while one travels to OMERO the next ones are read and hashed.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_pipeline import PendingWrite, hashed_beside, read_ahead
from omero_irods_bridge.adapters.omero.import_request import HASHER
from omero_irods_bridge.model.checksums import Digest, OmeroHash, omero_digest
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch, Interrupted
from omero_irods_bridge.model.events import CancelToken, Progress, Report
from omero_irods_bridge.ports import ByteSource, ImportFile

BLOCK_BYTES: Final = 2 * 1024 * 1024
"""One write; more is slower (reference/omero-wire.md, 5)."""

FILES_AT_ONCE: Final = 4
"""Files that are sent at once, by all imports of one load together: they bound its memory."""


class Uploads:
    """Sends the files of one import process; each method may be called again for files that went wrong."""

    def __init__(
        self,
        process: Any,
        files: Sequence[ImportFile],
        report: Report,
        cancel: CancelToken | None,
        turns: threading.Semaphore,
    ) -> None:
        """``turns`` are shared with whoever else sends files."""
        self._process = process
        self._files = files
        self._turns = turns
        self._told = _Told(report, [cancel] if cancel else [])
        self._sent: set[int] = set()

    def send(self, indexes: Collection[int]) -> dict[int, str]:
        """Send these files by several threads; the SHA-1 of each. The first error stops them all.

        Raises:
            ChecksumMismatch: a file is not what was expected of it.
            Interrupted: somebody cancelled.
        """
        again = self._sent.intersection(indexes)
        self._told.moved(size=-sum(self._files[index].size for index in again), files=-len(again))
        with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="import") as pool:
            running = {index: pool.submit(self._send_or_stop, index) for index in indexes}
        errors = [error for one in running.values() if (error := one.exception()) is not None]
        if errors:
            raise min(errors, key=lambda error: isinstance(error, Interrupted))
        return {index: one.result() for index, one in running.items()}

    def _send_or_stop(self, index: int) -> str:
        try:
            with self._turns:
                return self._send(index)
        except BaseException:
            self._told.stop()
            raise

    def _send(self, index: int) -> str:
        file = self._files[index]
        digests = Digests(file.expected)
        with omero_errors(f"sending {file.client_path}"), file.open() as source:
            _check_size(file, source.size)
            with uploader(self._process, index, file.client_path) as store:
                self._write(store, file, source, digests)
                if index in self._sent:
                    store.truncate(file.size)
        self._sent.add(index)
        self._told.moved(files=1)
        digests.check(file.client_path)
        return digests.sha1

    def _write(self, store: Any, file: ImportFile, source: ByteSource, digests: Digests) -> None:
        offsets = range(0, max(file.size, 1), BLOCK_BYTES)
        blocks = read_ahead(lambda offset: self._block(file, source, offset), offsets)
        pending = PendingWrite(store)
        with closing(blocks), hashed_beside(digests.update, blocks=len(offsets)) as hashed:
            try:
                for offset, block in blocks:
                    hashed(block)
                    pending.write(block, offset)
                    self._told.moved(size=len(block))
            finally:
                pending.end()

    def _block(self, file: ImportFile, source: ByteSource, offset: int) -> bytes:
        """The bytes there; an empty block of an empty file, which comes to be by it."""
        self._told.check()
        wanted = min(BLOCK_BYTES, file.size - offset)
        block = source.read_at(offset, wanted) if wanted else b""
        if len(block) != wanted:
            raise ChecksumMismatch(
                f"{file.client_path} ends after {offset + len(block)} of {file.size} bytes."
            )
        return block


def _check_size(file: ImportFile, size: int) -> None:
    if size != file.size:
        raise ChecksumMismatch(f"{file.client_path} has {size} bytes instead of {file.size}.")


class Digests:
    """The SHA-1 that OMERO is told, and what is expected of the same bytes."""

    def __init__(self, expected: OmeroHash | None) -> None:
        sha1 = omero_digest(HASHER)
        assert sha1 is not None
        self._sha1 = sha1
        self._expected = expected
        self._other = self._digest_of(expected)

    def _digest_of(self, expected: OmeroHash | None) -> Digest | None:
        if expected is None or expected.hasher == HASHER:
            return None if expected is None else self._sha1
        return omero_digest(expected.hasher)

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._sha1.update(block)
        if self._other is not None and self._other is not self._sha1:
            self._other.update(block)

    def check(self, name: str) -> None:
        """Raises ChecksumMismatch when all the bytes are not what was expected."""
        if self._expected is None or self._other is None or self._expected.fits(self._other):
            return
        raise ChecksumMismatch(
            f"{name} has the {self._expected.hasher} checksum {self._other.hexdigest()} instead of"
            f" {self._expected.value}.",
            hint="The file is damaged where it is kept. Take another copy.",
        )

    @property
    def sha1(self) -> str:
        """Of all the bytes, in the letters in which OMERO writes it: verifyUpload compares them."""
        return self._sha1.hexdigest()


class _Told:
    """Counts what several threads have moved, tells it one at a time, and hears that they shall stop."""

    def __init__(self, report: Report, tokens: list[CancelToken]) -> None:
        self._report = report
        self._stopped = CancelToken()
        self._tokens = [*tokens, self._stopped]
        self._lock = threading.Lock()
        self._bytes = self._files = 0

    def moved(self, *, size: int = 0, files: int = 0) -> None:
        with self._lock:
            self._bytes += size
            self._files += files
            self._report(Progress(self._bytes, self._files))

    def stop(self) -> None:
        self._stopped.cancel()

    def check(self) -> None:
        for token in self._tokens:
            token.check()


def opened(process: Any, index: int, name: str, context: dict[str, str] | None = None) -> Any:
    """The store of a file of an import, the same one until somebody closes it.

    Raises:
        BridgeError: OMERO could not open the file (ManagedImportProcessI.getUploader answers null).
    """
    store = process.getUploader(index, context) if context else process.getUploader(index)
    if store is None:
        raise BridgeError(
            f"OMERO cannot open its copy of {name}.",
            hint="The log of the OMERO server (Blitz-0.log) says why.",
        )
    return store


@contextmanager
def uploader(process: Any, index: int, name: str, context: dict[str, str] | None = None) -> Iterator[Any]:
    """As :func:`opened`, closed at the end: then the server notes size and hash of the file."""
    store = opened(process, index, name, context)
    try:
        yield store
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            store.close()
        raise
    store.close()
