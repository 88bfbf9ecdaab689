"""FileReaders: bytes from OMERO over the wire, or from its repository when that is mounted here."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Final, Protocol

import omero
import omero.clients

from omero_irods_bridge.adapters.omero.errors import FOREIGN, omero_errors
from omero_irods_bridge.adapters.omero.raw_files import READ_BYTES, RawFiles
from omero_irods_bridge.model.errors import AccessDenied, BadName, BridgeError, NotFound
from omero_irods_bridge.model.files import FileRole, SourceFile

LARGEST_READ: Final = 16 << 20
_REFUSED: Final = "omero.ApiUsageException"


class _Bytes(Protocol):
    """Gives bytes of the file that it was turned to."""

    def read_at(self, offset: int, length: int) -> bytes: ...
    def close(self) -> None: ...


class OmeroFileReader:
    """Reads what OMERO has: files through RawFileStore, images without files as the OME-TIFF that it exports.

    With ``repository``, the folder of the ManagedRepository as it is mounted here, files of filesets are read
    from there. One thread at a time.
    """

    def __init__(self, session: Any, context: dict[str, str], repository: Path | None = None) -> None:
        self._files = RawFiles(session, context)
        self._exports = Exports(session)
        self._local = None if repository is None else LocalRepository(repository)
        self._present: _Bytes = self._files

    def open(self, file: SourceFile) -> int:
        """Turn to this file; how many bytes it has."""
        self.close()
        if file.role is FileRole.PIXELS:
            self._present = self._exports
            return self._exports.open(file.id)
        if self._local is not None and file.repository_path is not None:
            self._present = self._local
            return self._local.open(file)
        self._present = self._files
        return self._files.open(file.id, file.member)

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes of the present file, fewer only where it ends."""
        if not 0 <= length <= LARGEST_READ or offset < 0:
            raise ValueError(f"{length} bytes at {offset} cannot be read at once")
        return self._present.read_at(offset, length)

    def close(self) -> None:
        """Let go of the present file; never raises."""
        self._present.close()


class Exports:
    """OME-TIFFs that OMERO makes of images, one after the other; each takes an exporter of its own."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._exporter: Any = None
        self._what = ""
        self._size = 0

    def open(self, image: int) -> int:
        """Let OMERO make the file, which takes as long as reading all pixels; how many bytes it has.

        Raises:
            NotFound: it is not in the group of the session, whatever a call says (ExporterI.do_tiff).
            BridgeError: it is so large that it has a pyramid.
        """
        self.close()
        self._what = f"exporting Image:{image} as OME-TIFF"
        with omero_errors(self._what):
            self._exporter = self._session.createExporter()
            self._exporter.addImage(image)
            self._size = self._generated(image)
        return self._size

    def _generated(self, image: int) -> int:
        try:
            return int(self._exporter.generateTiff())
        except omero.ApiUsageException as error:
            raise NotFound(
                f"OMERO does not export Image:{image}: {error.message}.",
                hint="It does so only for who is logged in to the group that the image is in.",
            ) from error
        except omero.InternalException as error:  # without a message; the class says what it was
            if error.serverExceptionClass != _REFUSED:
                raise
            raise BridgeError(
                f"OMERO does not export Image:{image}: it has no files, and planes that are too large.",
                hint="Leave this image out.",
            ) from error

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes, fewer only where the file ends."""
        length = max(0, min(length, self._size - offset))
        data = bytearray()
        while len(data) < length:
            with omero_errors(self._what):
                part = self._exporter.read(offset + len(data), min(READ_BYTES, length - len(data)))
            if not part:
                raise BridgeError(f"OMERO gave no bytes while {self._what}.")
            data += part
        return bytes(data[:length])

    def close(self) -> None:
        """Let OMERO remove the file; never raises."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            with contextlib.suppress(*FOREIGN):
                exporter.close()


class LocalRepository:
    """Files of a ManagedRepository that is mounted here; links of in-place imports are followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._descriptor = -1

    def open(self, file: SourceFile) -> int:
        """Turn to this file; how many bytes it has.

        Raises:
            BadName: its path leads out of the repository.
            NotFound: it is not there.
            AccessDenied: this process may not read it.
        """
        self.close()
        path = self._root / _inside(file.repository_path or "")
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(
                f"{path} is not there: {file}.",
                hint="See whether the repository is mounted here, and what was imported in place too.",
            ) from error
        except PermissionError as error:
            raise AccessDenied(
                f"{path} may not be read here.", hint="Give this user the right to read it."
            ) from error
        except OSError as error:
            raise BridgeError(f"{path} cannot be read: {error.strerror}.") from error
        return os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes, fewer only where the file ends."""
        data = os.pread(self._descriptor, length, offset)
        while len(data) < length:
            part = os.pread(self._descriptor, length - len(data), offset + len(data))
            if not part:
                break
            data += part
        return data

    def close(self) -> None:
        """Let go of the file; never raises."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _inside(path: str) -> str:
    """A path relative to the repository; OMERO writes them with or without a leading slash."""
    parts = [part for part in path.split("/") if part]
    if not parts or any(part in (".", "..") for part in parts) or "\0" in path:
        raise BadName(f"{path!r} is not a path within the repository of OMERO.")
    return "/".join(parts)
