"""Files that readers give, and places that take them, in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from omero_irods_bridge.model.files import FileRole, SourceFile


def source_file(number: int, size: int | None) -> SourceFile:
    return SourceFile(f"user_3/2026-11/file-{number}.tif", FileRole.ORIGINAL, number, size)


def content(number: int, size: int) -> bytes:
    """Bytes that differ from file to file and from place to place."""
    return bytes((number * 31 + offset * 7 + offset // 251) % 256 for offset in range(size))


@dataclass
class FakeFiles:
    """Bytes by id. ``hook`` is called with the id and the offset before each read, and may raise or wait."""

    bytes_of: Mapping[int, bytes]
    hook: Callable[[int, int], object] = lambda _id, _offset: None
    opened: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reader(self) -> AbstractContextManager[FakeReader]:
        return nullcontext(FakeReader(self))


class FakeReader:
    def __init__(self, files: FakeFiles) -> None:
        self._files = files
        self._id = 0

    def open(self, file: SourceFile) -> int:
        with self._files.lock:
            self._files.opened.append(file.id)
        self._id = file.id
        return len(self._files.bytes_of[file.id])

    def read_at(self, offset: int, length: int) -> bytes:
        self._files.hook(self._id, offset)
        return self._files.bytes_of[self._id][offset : offset + length]
