"""The checksums OMERO knows, as the lowercase hex that it keeps in OriginalFile.hash.

Source: ome.util.checksum of omero-common. Its bytes are Guava's HashCode.asBytes():
CRC-32, Adler-32, both Murmur3 and File-Size-64 are little-endian, so that the
CRC-32 of ``abc`` reads ``c2412435`` and not ``352441c2``.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

import mmh3

_BLOCK_BYTES: Final = 1 << 20
_FILE_SIZE: Final = "File-Size-64"


class Hasher(Protocol):
    """What hashlib's objects do."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Running:
    """A checksum of zlib, which passes its state from call to call."""

    def __init__(self, step: Callable[[bytes, int], int], start: int) -> None:
        self._step = step
        self._value = start

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "little")


class _Length:
    """File-Size-64: a checksum in name only."""

    def __init__(self, length: int = 0) -> None:
        self._length = length

    def update(self, data: bytes, /) -> None:
        self._length += len(data)

    def digest(self) -> bytes:
        return self._length.to_bytes(8, "little")


# The order in which the server offers them (omero.checksum.supported in omero-blitz.properties).
_HASHERS: Final[Mapping[str, Callable[[], Hasher]]] = {
    "SHA1-160": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5-128": lambda: hashlib.md5(usedforsecurity=False),
    "Murmur3-128": mmh3.mmh3_x64_128,
    "Murmur3-32": mmh3.mmh3_32,
    "CRC-32": lambda: _Running(zlib.crc32, 0),
    "Adler-32": lambda: _Running(zlib.adler32, 1),
    _FILE_SIZE: _Length,
}

ALGORITHMS: Final = tuple(_HASHERS)
"""Values of the enumeration ChecksumAlgorithm, most wanted first."""


def is_known(algorithm: str) -> bool:
    """Whether :func:`checksum` can compute it."""
    return algorithm in _HASHERS


def checksum(path: Path, algorithm: str) -> str:
    """The checksum of a file; links are followed.

    Raises:
        KeyError: the algorithm is not one of ALGORITHMS.
        OSError: the file cannot be read.
    """
    if algorithm == _FILE_SIZE:
        return _Length(path.stat().st_size).digest().hex()
    return checksum_of(_blocks(path), algorithm)


def checksum_of(blocks: Iterable[bytes], algorithm: str) -> str:
    """As :func:`checksum`, of bytes at hand."""
    hasher = _HASHERS[algorithm]()
    for block in blocks:
        hasher.update(block)
    return hasher.digest().hex()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
