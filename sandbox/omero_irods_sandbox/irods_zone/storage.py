"""Files in the vaults: one file a replica.

Whatever an operation does to files, it does first when it adds and last when it removes: a
crash in between leaves a file that no replica names, never a replica without its file.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_RESERVE_FROM_BYTES: Final = 1 << 20
_KEEP_SIZE: Final = 1
"""FALLOC_FL_KEEP_SIZE of fallocate(2): os.posix_fallocate would make an unfinished file look complete."""

Room = Callable[[int], None]
"""Told how many bytes will be written; raises OSError when they don't fit, as a full disk does."""


def open_file(path: str, flags: int) -> int:
    """An open descriptor, with the folder made first when ``flags`` may create the file. Raises OSError."""
    if flags & os.O_CREAT:
        make_folder_of(path)
    return os.open(path, flags | os.O_CLOEXEC, _FILE_MODE)


def reserve(descriptor: int, size: int) -> None:
    """Let the file system choose the place of ``size`` bytes at once instead of with every write.

    That saves a quarter of the zone's processor time of a put, most of it under the file's lock. Content
    and size of the file stay as they are. A file that gets less keeps the room until it is truncated or
    removed, so no more than half of what is free is reserved. Only Linux can; else nothing happens.
    """
    if size < _RESERVE_FROM_BYTES or _fallocate is None:
        return
    disk = os.fstatvfs(descriptor)
    if size <= disk.f_bavail * disk.f_frsize // 2:
        _fallocate(descriptor, _KEEP_SIZE, 0, size)  # a file system that can't do it says so, to nobody


def _system_fallocate() -> Callable[[int, int, int, int], int] | None:
    function = getattr(ctypes.CDLL(None), "fallocate64", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return function


_fallocate: Final = _system_fallocate()


def make_folder_of(path: str) -> None:
    """Make the folder that the file ``path`` is to be in. Raises OSError."""
    Path(path).parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


def checksum(path: str) -> str:
    """SHA-256 of a file as iRODS spells it, ``sha2:`` and base64. Raises OSError."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (Path.open makes a text-capable wrapper; raw is meant)
        digest = hashlib.file_digest(file, "sha256").digest()
    return "sha2:" + base64.b64encode(digest).decode("ascii")


def copy_file(source: str, target: str, room: Room | None = None) -> None:
    """Make ``target`` a copy of ``source``, over what is there; its folder is made.

    Raises:
        OSError: the source can't be read or the target not be written, which then may be incomplete.
    """
    make_folder_of(target)
    if room is not None:
        room(size_of(source))
    shutil.copyfile(source, target)


def move_file(source: str, target: str) -> None:
    """Rename a file within its file system; the target's folder is made. Raises OSError."""
    make_folder_of(target)
    os.replace(source, target)  # noqa: PTH105 (vault paths are text everywhere)


def size_of(path: str) -> int:
    """Bytes. Raises OSError."""
    return os.stat(path).st_size  # noqa: PTH116


def remove_files(paths: Iterable[str]) -> None:
    """Remove files; one that is gone already or can't be removed is left, it has no replica any more."""
    for path in paths:
        try:
            os.unlink(path)  # noqa: PTH108
        except OSError:
            continue
