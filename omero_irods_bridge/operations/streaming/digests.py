"""What is computed of every byte that passes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from omero_irods_bridge.model.checksums import Digest, Sha256, omero_digest
from omero_irods_bridge.model.errors import ChecksumMismatch
from omero_irods_bridge.model.files import SourceFile

WORTH_A_THREAD: Final = 256 << 10
"""Bytes from which handing a digest to another thread costs less than it saves."""


class FileDigests:
    """SHA-256, CRC-32 and OMERO's hash of one file, fed in order."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._omero = None if file.hash is None else omero_digest(file.hash.hasher)
        self.crc32 = 0
        self.size = 0

    @property
    def sha256(self) -> Sha256:
        return Sha256(self._sha256.hexdigest())

    def steps(self, data: bytes) -> list[Callable[[], None]]:
        """What there is to do with the next bytes; each step may run in a thread of its own."""
        self.size += len(data)
        steps: list[Callable[[], None]] = [lambda: self._sha256.update(data)]
        omero = self._omero
        steps.append(lambda: self._count(data, omero))
        return steps

    def _count(self, data: bytes, omero: Digest | None) -> None:
        self.crc32 = zlib.crc32(data, self.crc32)
        if omero is not None:
            omero.update(data)

    @property
    def agrees(self) -> bool:
        """Whether OMERO's hash of the file fits its bytes, as far as there is one that we can compute."""
        return self._omero is None or self._file.hash is None or self._file.hash.fits(self._omero)

    def check(self) -> None:
        """Raises ChecksumMismatch when OMERO's hash says that these are not the bytes that were imported."""
        if not self.agrees and self._file.hash is not None:
            raise ChecksumMismatch(
                f"{self._file} is not what OMERO recorded of it: the {self._file.hash.hasher} differs.",
                hint="Try again: it may have changed on the way. If this is said again, the file is damaged"
                " or was replaced on OMERO's disk; ask the administrator of OMERO.",
            )


class DigestThreads:
    """Runs the steps of several digests at the same time. Use it as a context manager."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="digest")

    def __enter__(self) -> DigestThreads:
        return self

    def __exit__(self, *_error: object) -> None:
        self._threads.shutdown()

    def run(self, steps: list[Callable[[], None]], count: int) -> None:
        """Carry out all ``steps``, each of which looks at ``count`` bytes; they are done afterwards."""
        if count < WORTH_A_THREAD:
            for step in steps:
                step()
            return
        first, *others = steps
        running = [self._threads.submit(step) for step in others]
        first()
        wait(running)
        for one in running:
            one.result()
