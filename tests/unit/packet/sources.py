"""Byte sources for tests of readers."""

from __future__ import annotations


class Bytes:
    """Bytes in memory that count what is read of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def bytes_read(self) -> int:
        return sum(length for _, length in self.reads)

    def read_at(self, offset: int, length: int) -> bytes:
        assert offset >= 0
        assert 0 <= length <= 64 * 1024 * 1024, "a reader asked for more than it should ever need at once"
        data = self.data[offset : offset + length]
        self.reads.append((offset, len(data)))
        return data
