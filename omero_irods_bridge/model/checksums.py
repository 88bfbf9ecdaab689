"""Checksums as OMERO and iRODS spell them, and what each says about content."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

PROOFS: Final = frozenset({"SHA1-160", "MD5-128"})
"""OMERO's hashers (ChecksumAlgorithm values) whose agreement means that the content is the same."""


class Digest(Protocol):
    """Takes bytes in order and ends in a hexadecimal text."""

    def update(self, data: bytes | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True, slots=True)
class OmeroHash:
    """What OMERO has in ``OriginalFile.hash``, computed by the hasher that ``OriginalFile.hasher`` names."""

    hasher: str
    value: str

    @property
    def proves_content(self) -> bool:
        """Whether bytes with this hash are the bytes that it was computed of."""
        return self.hasher in PROOFS

    @property
    def can_be_checked(self) -> bool:
        """Whether :func:`omero_digest` knows the hasher."""
        return self.hasher in _DIGESTS

    def fits(self, digest: Digest) -> bool:
        """Whether a digest of all the bytes agrees; OMERO ignores case here too (verifyChecksums)."""
        return digest.hexdigest().lower() == self.value.lower()


@dataclass(frozen=True, slots=True)
class Sha256:
    """A SHA-256, kept in lowercase hexadecimal."""

    hex: str

    def __post_init__(self) -> None:
        if len(self.hex) != 64 or set(self.hex) - set("0123456789abcdef"):
            raise ValueError(f"not a SHA-256 in lowercase hexadecimal: {self.hex!r}")

    def __str__(self) -> str:
        return self.hex

    @classmethod
    def from_irods(cls, text: str | None) -> Sha256 | None:
        """The checksum that iRODS writes as ``sha2:<base64>``; none for a bare MD5 or an empty text."""
        if not text or not text.startswith("sha2:"):
            return None
        try:
            return cls(base64.b64decode(text.removeprefix("sha2:"), validate=True).hex())
        except (binascii.Error, ValueError):
            return None

    @property
    def irods(self) -> str:
        """As iRODS writes it."""
        return "sha2:" + base64.b64encode(bytes.fromhex(self.hex)).decode()


class _LittleEndian:
    """A 32-bit or 64-bit sum as OMERO writes it: little-endian (Guava), reference/omero-semantics.md 1."""

    def __init__(self, start: int, step: Callable[[bytes | memoryview, int], int], width: int) -> None:
        self._value, self._step, self._width = start, step, width

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(self._width, "little").hex()


_DIGESTS: Final[dict[str, Callable[[], Digest]]] = {
    "SHA1-160": lambda: hashlib.sha1(usedforsecurity=False),
    "MD5-128": lambda: hashlib.md5(usedforsecurity=False),
    "CRC-32": lambda: _LittleEndian(0, zlib.crc32, 4),
    "Adler-32": lambda: _LittleEndian(1, zlib.adler32, 4),
    "File-Size-64": lambda: _LittleEndian(0, lambda data, size: size + len(data), 8),
}


def omero_digest(hasher: str) -> Digest | None:
    """A digest that computes what this hasher of OMERO computes; none for an unknown one (Murmur3)."""
    make = _DIGESTS.get(hasher)
    return None if make is None else make()
