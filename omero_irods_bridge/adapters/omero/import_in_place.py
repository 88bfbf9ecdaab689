"""Imports in place: OMERO gets symbolic links to files that it sees already, and no byte is copied.

Only the client checks (AbstractExecFileTransfer of omero-blitz; reference/omero-semantics.md, 2), so each
check of that class is made here: a probe goes through the server and has to appear on this machine's disk
before anything is linked. Besides it a file is touched through the server, else one that is as long as the
probe would not be hashed. Links are only made to regular files: deleting one to a folder could empty that.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import omero

from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_frame import Started, Watch, run_import
from omero_irods_bridge.adapters.omero.import_request import SYMLINK_TRANSFER
from omero_irods_bridge.adapters.omero.import_upload import Digests, opened, uploader
from omero_irods_bridge.adapters.omero.services import repository_root
from omero_irods_bridge.model.errors import ChecksumMismatch, NotInPlace, TargetExists
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step, silent
from omero_irods_bridge.model.imports import Imported, ImportOptions, LinkedFile, MountedAt, Mounts

READ_ONLY: Final = {"omero.fs.mode": "r"}
_BLOCK_BYTES: Final = 4 * 1024 * 1024
_MOUNT_HINT: Final = (
    "Run this where the ManagedRepository of OMERO is mounted for writing, and say in the settings under"
    " which path if it is another one than on the OMERO server."
)
_FILES_HINT: Final = (
    "Mount the vault here under the path that [paths] of the settings gives for OMERO, or name the mount in"
    " [mounts]."
)


def import_in_place(
    client: Any,
    files: Sequence[LinkedFile],
    options: ImportOptions,
    mounts: Mounts,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Imported:
    """Import files from where they are, the first is what OMERO opens; nothing of them is copied.

    They are read once here and once by the server, to be compared, and must stay as and where they are from
    then on. ``mounts`` says where this machine sees the server's folders, its repository as well as the
    files.

    Raises:
        NotInPlace: a file is not a readable regular file here and on the server, or the repository's disk is
            not seen here; no link stays.
        ChecksumMismatch: a file is not what was expected of it; nothing was made.
        BadName, ImportFailed, UnreadableImage, NotFound, AccessDenied: as ``Importer.import_fileset``.
    """
    watch = Watch(report, cancel)
    sources = _examine(files, mounts, watch)
    with contextlib.ExitStack() as links:
        imported = run_import(
            client,
            [file.client_path for file in files],
            options,
            lambda started: _Links(repository_of(client), started, sources, mounts, links),
            watch,
            java_class=SYMLINK_TRANSFER,
        )
        links.pop_all()
        return imported


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that was looked at; ``size`` in bytes, ``sha1`` of all its bytes."""

    file: LinkedFile
    size: int
    sha1: str


# -- before anything is made


def check_in_place(files: Sequence[LinkedFile], mounts: Mounts) -> None:
    """Look whether this machine sees all these files, with their sizes; none of them is read.

    Raises:
        NotInPlace: one is not a readable regular file of this size here.
    """
    for file in files:
        path = Path(mounts.here(file.target))
        _size(file, path)
        if not os.access(path, os.R_OK):
            raise NotInPlace(f"{file.target} may not be read here as {path}.", hint=_FILES_HINT)


def _examine(files: Sequence[LinkedFile], mounts: Mounts, watch: Watch) -> list[_Source]:
    paths = [Path(mounts.here(file.target)) for file in files]
    sizes = [_size(file, path) for file, path in zip(files, paths, strict=True)]
    watch.report(Step("reading the files in place", bytes_total=sum(sizes), items_total=len(files)))
    return list(_hashed(files, paths, sizes, watch))


def _size(file: LinkedFile, path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise NotInPlace(
            f"{file.target} cannot be read here as {path}: {error.strerror}.", hint=_FILES_HINT
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise NotInPlace(f"{file.target} is not a regular file: only such are imported in place.")
    if file.size not in {None, status.st_size}:
        raise NotInPlace(
            f"{path} has {status.st_size:,} bytes, not {file.size:,}: it is another file than iRODS has.",
            hint=_FILES_HINT,
        )
    return status.st_size


def _hashed(
    files: Sequence[LinkedFile], paths: Sequence[Path], sizes: Sequence[int], watch: Watch
) -> Iterator[_Source]:
    done = 0
    for number, (file, path, size) in enumerate(zip(files, paths, sizes, strict=True)):
        digests, sha256 = Digests(file.expected), hashlib.sha256() if file.sha256 else None
        for block in _blocks(path):
            watch.check()
            digests.update(block)
            if sha256 is not None:
                sha256.update(block)
            done += len(block)
            watch.report(Progress(done, number))
        digests.check(str(file.target))
        if sha256 is not None and sha256.hexdigest() != str(file.sha256):
            raise ChecksumMismatch(f"{file.target} is not what was packed: its SHA-256 is another one.")
        yield _Source(file, size, digests.sha1)


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                yield block
    except OSError as error:
        raise NotInPlace(f"{path} cannot be read: {error.strerror}.", hint=_FILES_HINT) from error


# -- linking


def mounts_with(repository: Path | None, mounts: Mounts, client: Any) -> Mounts:
    """``mounts``, and ``repository``, where this machine sees the server's repository, if it is known."""
    if repository is None:
        return mounts
    return Mounts((*mounts.table, MountedAt(repository_of(client), PurePosixPath(repository))))


def repository_of(client: Any) -> PurePosixPath:
    """The repository's folder as the server names it."""
    root = repository_root(client)
    return PurePosixPath(root.path.val, root.name.val)


class _Links:
    """A ``Transfer``: makes links, and takes them away again when ``undo`` unwinds."""

    def __init__(
        self,
        repository: PurePosixPath,
        started: Started,
        sources: Sequence[_Source],
        mounts: Mounts,
        undo: contextlib.ExitStack,
    ) -> None:
        self._repository = repository
        self._started = started
        self._sources = sources
        self._mounts = mounts
        self._undo = undo

    def send(self, indexes: Sequence[int]) -> dict[int, str]:
        return {index: self._send(index) for index in indexes}

    def _send(self, index: int) -> str:
        place = self._place(index)
        source = self._sources[index]
        self._unlink(place, source)  # once more: save() looks only at files whose size changed
        with omero_errors(f"linking {source.file.target}"):
            self._prove_same_disk(index, place)
            self._touch(index, place)
        self._link(place, source)
        self._record(index, source)
        return source.sha1

    def _place(self, index: int) -> Path:
        """Where the server expects the file, as this machine sees it."""
        return Path(self._mounts.here(self._repository / self._started.paths[index].lstrip("/")))

    def _is_ours(self, place: Path, source: _Source) -> bool:
        return place.is_symlink() and str(place.readlink()) == str(source.file.target)

    def _prove_same_disk(self, index: int, place: Path) -> None:
        """What the server writes appears here, and is removed here."""
        token = uuid.uuid4().hex.encode()
        store = opened(self._started.process, index, str(place))
        try:
            if os.path.lexists(place):
                raise TargetExists(f"There is something at {place} already, where OMERO wants a new file.")
            store.write(token, 0, len(token))
        finally:
            store.close()
        _expect(place, token)
        _remove(place)

    def _touch(self, index: int, place: Path) -> None:
        """Let the server note the size 0, which no source but an empty one has; save() hashes that anyway."""
        with uploader(self._started.process, index, str(place)) as store:
            store.write(b"", 0, 0)
        _expect(place, b"")
        _remove(place)

    def _link(self, place: Path, source: _Source) -> None:
        try:
            place.symlink_to(source.file.target)
        except OSError as error:
            raise NotInPlace(
                f"No link can be made at {place}: {error.strerror}.", hint=_MOUNT_HINT
            ) from error
        self._undo.callback(self._unlink, place, source)

    def _unlink(self, place: Path, source: _Source) -> None:
        """Deleting the fileset may have removed it; OMERO only logs what it could not remove."""
        if self._is_ours(place, source):
            with contextlib.suppress(OSError):
                place.unlink()

    def _record(self, index: int, source: _Source) -> None:
        """Let the server look through the link: it must see the same size, and notes size and hash."""
        try:
            with uploader(self._started.process, index, str(source.file.target), READ_ONLY) as store:
                seen = store.size()
                if seen != source.size:
                    raise NotInPlace(
                        f"OMERO sees {seen} bytes at {source.file.target}, here there are {source.size}."
                    )
                store.save()
        except omero.ResourceError as error:
            raise NotInPlace(
                f"OMERO cannot read {source.file.target}: {error.message}",
                hint="Mount it on the OMERO server under this path, readable for the user of OMERO.",
            ) from error


def _expect(place: Path, content: bytes) -> None:
    try:
        status = place.lstat()
        same = stat.S_ISREG(status.st_mode) and place.read_bytes() == content
    except OSError as error:
        raise NotInPlace(
            f"What OMERO writes does not appear here as {place}: {error.strerror}.", hint=_MOUNT_HINT
        ) from error
    if not same:
        raise NotInPlace(f"{place} is not the file that OMERO has written.", hint=_MOUNT_HINT)


def _remove(place: Path) -> None:
    try:
        place.unlink()
    except OSError as error:
        raise NotInPlace(f"{place} cannot be changed here: {error.strerror}.", hint=_MOUNT_HINT) from error
