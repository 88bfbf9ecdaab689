"""The second import engine: files are copied to this machine's disk and given to ``omero import``.

For sites that have Java and want Bio-Formats of their own version to read the files (setting
``omero.import_command``). It costs what the other engine avoids: a local copy of one fileset at a time, a
Java machine a fileset, and a moment in which a process that is killed leaves a fileset that no load knows
of, for the command makes it and the mark comes afterwards. Links in place are made by the other engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.adapters.omero.import_command import CommandImporter
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.checksums import omero_digest
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch, ImportFailed
from omero_irods_bridge.model.events import CancelToken, Progress, Report, silent
from omero_irods_bridge.model.imports import Imported, ImportOptions, LinkedFile, MarkedFileset
from omero_irods_bridge.ports import ByteSource, ImportFile

_PIECE_BYTES: Final = 4 << 20


class CopyingImporter:
    """An ``Importer`` that hands files to :class:`CommandImporter`; all else is ``other``'s."""

    def __init__(self, command: CommandImporter, other: OmeroImporter) -> None:
        self._command, self._other = command, other

    def import_fileset(
        self,
        files: Sequence[ImportFile],
        options: ImportOptions,
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> Imported:
        cancel = cancel or CancelToken()
        with tempfile.TemporaryDirectory(prefix="omero-irods-import-") as folder:
            paths, done = [], 0
            for file in files:
                paths.append(_copy(file, Path(folder), cancel))
                done += file.size
                report(Progress(done))
            made = self._command.import_file(paths[0], options, report, cancel)
        if len(made.files) != len(files):
            with suppress(BridgeError):
                self._other.discard([made.fileset])
            raise ImportFailed(
                f"omero import took {len(made.files)} of the {len(files)} files of {files[0].client_path}.",
                hint="Another version of Bio-Formats may read them as another fileset. Import without the "
                "command: leave out the setting omero.import_command.",
            )
        return made

    def check_in_place(self, files: Sequence[LinkedFile]) -> None:
        self._other.check_in_place(files)

    def import_in_place(
        self,
        files: Sequence[LinkedFile],
        options: ImportOptions,
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> Imported:
        return self._other.import_in_place(files, options, report, cancel)

    @property
    def at_once(self) -> int:
        """One: each is a Java machine, and a copy on this machine's disk."""
        return 1

    def another(self) -> AbstractContextManager[CopyingImporter]:
        return nullcontext(self)

    def find_marked(self, load: str) -> list[MarkedFileset]:
        return self._other.find_marked(load)

    def discard(self, filesets: Sequence[int]) -> None:
        self._other.discard(filesets)


def _copy(file: ImportFile, folder: Path, cancel: CancelToken) -> Path:
    """The file below ``folder``, in the folders that its client path has.

    Raises:
        ChecksumMismatch: its bytes are not what they should be.
    """
    path = folder / file.client_path
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = omero_digest(file.expected.hasher) if file.expected is not None else None
    with file.open() as source, path.open("wb") as copy:
        for data in _pieces(source):
            cancel.check()
            copy.write(data)
            if digest is not None:
                digest.update(data)
        size = copy.tell()
    is_right = digest is None or file.expected is None or file.expected.fits(digest)
    if size != file.size or not is_right:
        differs = "hash" if size == file.size else "size"
        raise ChecksumMismatch(
            f"{file.client_path} is not what was packed: its {differs} differs.",
            hint="Verify the snapshot with --data; another replica may be whole.",
        )
    return path


def _pieces(source: ByteSource) -> Iterator[bytes]:
    for offset in range(0, source.size, _PIECE_BYTES):
        yield source.read_at(offset, min(_PIECE_BYTES, source.size - offset))


def copying_importer(client: Any, command: Sequence[str], other: OmeroImporter) -> CopyingImporter:
    """The second engine on a connected ``omero.client``."""
    return CopyingImporter(CommandImporter(client, command), other)
