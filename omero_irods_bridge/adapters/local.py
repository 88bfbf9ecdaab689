"""Packets on a local disk: a zip, a tar, or a folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omero_irods_bridge.model.errors import AccessDenied, BadPacket, BridgeError, NotFound
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.opening import open_packet
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, Limits, Packet, check_count, folder_packet
from omero_irods_bridge.ports import ByteSource


@contextmanager
def open_local(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Packet]:
    """The packet at ``path``, readable until the context ends.

    Symbolic links *to* a packet are followed, those *in* a folder are refused.

    Raises:
        NotFound: there is nothing.
        AccessDenied: it may not be read.
        BadPacket: it is no packet.
        BadName: a name in it is unsafe, or two clash.
    """
    with _translated(path):
        is_folder = path.is_dir()
    if is_folder:
        yield folder_packet(dict(_files(path, limits)), limits=limits)
        return
    with local_source(path) as source:
        yield open_packet(source, limits=limits)


@contextmanager
def local_source(path: Path) -> Iterator[ByteSource]:
    """The bytes of a file, which stays open until the context ends.

    Raises:
        NotFound: there is no such file.
        AccessDenied: it may not be read.
    """
    descriptor = _open(path)
    try:
        yield _OpenFile(path, descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _OpenFile:
    path: Path
    descriptor: int
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        return _read_all(self.path, self.descriptor, offset, length)


@dataclass(frozen=True, slots=True)
class _File:
    """Opened for each read: a folder may have more files than a process may have open."""

    path: Path
    size: int

    def read_at(self, offset: int, length: int) -> bytes:
        descriptor = _open(self.path, os.O_NOFOLLOW)
        try:
            return _read_all(self.path, descriptor, offset, min(length, max(0, self.size - offset)))
        finally:
            os.close(descriptor)


def _files(folder: Path, limits: Limits) -> Iterator[tuple[str, ByteSource]]:
    """All files below a folder; their paths relative to it."""
    count, pending = 0, [(folder, "")]
    while pending:
        place, prefix = pending.pop()
        with _translated(place), os.scandir(place) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = prefix + _name(entry)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                pending.append((Path(entry.path), f"{path}/"))
                continue
            if not stat.S_ISREG(mode):
                what = "a symbolic link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
                raise BadPacket(f"{quoted(path)} in {folder} is {what}.", hint="Put the file itself there.")
            count += 1
            check_count(count, limits)
            yield path, _File(Path(entry.path), entry.stat(follow_symlinks=False).st_size)


def _name(entry: os.DirEntry[str]) -> str:
    """Names are in UTF-8, whatever the locale takes them for."""
    return os.fsencode(entry.name).decode("utf-8", "surrogateescape")


def _open(path: Path, flags: int = 0) -> int:
    with _translated(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadPacket(f"{path} is not a file.")
        return descriptor


def _read_all(path: Path, descriptor: int, offset: int, length: int) -> bytes:
    """A read may give less than it was asked for before the end."""
    parts: list[bytes] = []
    while length > 0:
        with _translated(path):
            part = os.pread(descriptor, length, offset)
        if not part:
            break
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no file {path}.",
            hint="A path in iRODS has to begin with your zone, and iRODS has to be set up (iinit).",
        ) from error
    except PermissionError as error:
        raise AccessDenied(f"{path} may not be read.", hint="Ask its owner for the right to read.") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BadPacket(f"{path} became a symbolic link.") from error
        raise BridgeError(f"{path} cannot be read: {error.strerror}.") from error
