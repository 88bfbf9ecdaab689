"""Imports through OMERO's ManagedRepository, without Java: the port Importer on a client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from omero_irods_bridge.adapters.omero import import_discard, import_marks
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_frame import Watch, run_import
from omero_irods_bridge.adapters.omero.import_in_place import (
    check_in_place,
    import_in_place,
    repository_of,
)
from omero_irods_bridge.adapters.omero.import_upload import Uploads
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.imports import (
    Imported,
    ImportOptions,
    LinkedFile,
    MarkedFileset,
    MountedAt,
    Mounts,
)
from omero_irods_bridge.ports import ImportFile


class OmeroImporter:
    """An ``Importer`` on a connected ``omero.client``; its session says who and in which group.

    ``mounts`` says where this machine sees folders of the server, ``repository`` where its ManagedRepository.
    """

    def __init__(self, client: Any, mounts: Mounts | None = None, repository: Path | None = None) -> None:
        self._client = client
        self._mounts = mounts or Mounts()
        self._repository = repository

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
            lambda started: Uploads(started.process, files, report, cancel),
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
        return import_in_place(self._client, files, options, self._all_mounts(), report, cancel)

    def _all_mounts(self) -> Mounts:
        if self._repository is None:
            return self._mounts
        repository = MountedAt(repository_of(self._client), PurePosixPath(self._repository))
        return Mounts((*self._mounts.table, repository))

    def find_marked(self, load: str) -> list[MarkedFileset]:
        with omero_errors(f"looking for what the load {load} made"):
            return import_marks.find_marked(self._client, load)

    def discard(self, filesets: Sequence[int]) -> None:
        import_discard.discard(self._client, filesets)


def _sending(files: Sequence[ImportFile]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"sending {files[0].client_path}{more} to OMERO" if files else "sending nothing to OMERO"
