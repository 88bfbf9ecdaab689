"""Metadata compressed as it arrives: only the compressed bytes are kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Deflated:
    """Content in DEFLATE form; ``size``, ``crc32`` and ``sha256`` are of the content before it."""

    chunks: tuple[bytes, ...]
    size: int
    crc32: int
    sha256: Sha256

    @property
    def compressed_size(self) -> int:
        """In bytes."""
        return sum(map(len, self.chunks))

    def inflated(self) -> Iterator[bytes]:
        """The content again, in chunks of at most a megabyte."""
        inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        for chunk in self.chunks:
            data = inflate.decompress(chunk, _MIB)
            while data:
                yield data
                data = inflate.decompress(inflate.unconsumed_tail, _MIB)


class Deflater:
    """Compresses what is added, in order; one thread. Not to be used after :meth:`finish`."""

    def __init__(self, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> None:
        self._compress = zlib.compressobj(wbits=-zlib.MAX_WBITS, strategy=strategy)
        self._digest = hashlib.sha256()
        self._chunks: list[bytes] = []
        self._size = self._crc = 0

    def add(self, data: bytes) -> None:
        """Add the next bytes of the content, best some kilobytes at once."""
        self._size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        self._digest.update(data)
        self._keep(self._compress.compress(data))

    def finish(self) -> Deflated:
        """All that was added."""
        self._keep(self._compress.flush())
        return Deflated(tuple(self._chunks), self._size, self._crc, Sha256(self._digest.hexdigest()))

    def _keep(self, data: bytes) -> None:
        if data:
            self._chunks.append(data)


def deflate(chunks: Iterable[bytes]) -> Deflated:
    """Compress chunks that make up one content; never so far that a reader takes it for a bomb."""
    made = _deflated(chunks, zlib.Z_DEFAULT_STRATEGY)
    if made.size > made.compressed_size * DEFAULT_LIMITS.ratio:  # masks of nothing, say: 8 to 1 is enough
        return _deflated(made.inflated(), zlib.Z_HUFFMAN_ONLY)
    return made


def _deflated(chunks: Iterable[bytes], strategy: int) -> Deflated:
    deflater = Deflater(strategy)
    for chunk in chunks:
        deflater.add(chunk)
    return deflater.finish()
