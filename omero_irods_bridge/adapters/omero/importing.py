"""Imports through OMERO's ManagedRepository, without Java: the port Importer on a client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.adapters.omero import import_discard, import_marks
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_frame import Watch, run_import
from omero_irods_bridge.adapters.omero.import_in_place import (
    check_in_place,
    import_in_place,
    mounts_with,
)
from omero_irods_bridge.adapters.omero.import_upload import FILES_AT_ONCE, Uploads
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.imports import (
    Imported,
    ImportOptions,
    LinkedFile,
    MarkedFileset,
    Mounts,
)
from omero_irods_bridge.ports import ImportFile

IMPORTS_AT_ONCE: Final = 4
"""Of small filesets more hardly gain anything, and OMERO has other users too."""

AnotherClient = Callable[[], AbstractContextManager[Any]]


class OmeroImporter:
    """An ``Importer`` on a connected ``omero.client``; its session says who and in which group.

    ``mounts`` says where this machine sees folders of the server, ``repository`` where its ManagedRepository.
    ``another_client`` opens further clients of the same session (``OmeroConnection.another_client``); without
    it there is one import at a time. All of them together send ``FILES_AT_ONCE`` files at once.
    """

    def __init__(
        self,
        client: Any,
        mounts: Mounts | None = None,
        repository: Path | None = None,
        another_client: AnotherClient | None = None,
    ) -> None:
        self._client = client
        self._mounts = mounts or Mounts()
        self._repository = repository
        self._another_client = another_client
        self._turns = threading.Semaphore(FILES_AT_ONCE)

    @property
    def at_once(self) -> int:
        return 1 if self._another_client is None else IMPORTS_AT_ONCE

    @contextmanager
    def another(self) -> Iterator[OmeroImporter]:
        assert self._another_client is not None, "who asks for several importers gives their clients"
        with self._another_client() as client:
            importer = OmeroImporter(client, self._mounts, self._repository, self._another_client)
            importer._turns = self._turns
            yield importer

    def import_fileset(
        self,
        files: Sequence[ImportFile],
        options: ImportOptions,
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> Imported:
        size = sum(file.size for file in files)
        report(Step(_sending(files), bytes_total=size, items_total=len(files)))
        return run_import(
            self._client,
            [file.client_path for file in files],
            options,
            lambda started: Uploads(started.process, files, report, cancel, self._turns),
            Watch(report, cancel),
        )

    def check_in_place(self, files: Sequence[LinkedFile]) -> None:
        check_in_place(files, self._mounts)

    def import_in_place(
        self,
        files: Sequence[LinkedFile],
        options: ImportOptions,
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> Imported:
        mounts = mounts_with(self._repository, self._mounts, self._client)
        return import_in_place(self._client, files, options, mounts, report, cancel)

    def find_marked(self, load: str) -> list[MarkedFileset]:
        with omero_errors(f"looking for what the load {load} made"):
            return import_marks.find_marked(self._client, load)

    def discard(self, filesets: Sequence[int]) -> None:
        import_discard.discard(self._client, filesets)


def _sending(files: Sequence[ImportFile]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"sending {files[0].client_path}{more} to OMERO" if files else "sending nothing to OMERO"
