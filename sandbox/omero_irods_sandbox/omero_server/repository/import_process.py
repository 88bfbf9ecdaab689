"""omero.grid.ImportProcess: takes the files of one import, then starts it.

Source: ManagedImportProcessI of omero-blitz.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.grid

from omero_irods_sandbox.omero_server.errors import api_usage, internal_error
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.repository.file_stores import mode_of, published, store_of
from omero_irods_sandbox.omero_server.repository.filesets import SavedFileset, finish_job, record_log_size
from omero_irods_sandbox.omero_server.repository.import_log import ImportLog
from omero_irods_sandbox.omero_server.repository.import_settings import Wishes, is_closed_by_server
from omero_irods_sandbox.omero_server.repository.importing import Import
from omero_irods_sandbox.omero_server.requests.handle import submit
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.repository.managed import ManagedRepository
    from omero_irods_sandbox.omero_server.repository.managed_directories import ImportLocation
    from omero_irods_sandbox.omero_server.requests.registry import Progress
    from omero_irods_sandbox.omero_server.security.caller import Caller

MODE: Final = "omero.fs.mode"
"""Key of the Ice context of getUploader: ``r`` or ``rw``."""


@dataclass(slots=True)
class _Uploader:
    """A store that a client writes one file to."""

    proxy: Proxy
    offset: int = 0


class ImportProcess(StatefulService):
    """Everything happens as the user and in the group of the call that made it."""

    def __init__(
        self,
        repository: ManagedRepository,
        saved: SavedFileset,
        location: ImportLocation,
        settings: Any,
        call: Call,
    ) -> None:
        super().__init__(call.server, call.session)
        self._repository = repository
        self._saved = saved
        self._location = location
        self._settings = settings
        self._call = call
        self._uploaders: dict[int, _Uploader] = {}
        self._handle: Proxy = None
        self._lock = threading.RLock()
        self._log = ImportLog(repository.tree.on_disk(location.log))
        self._log.info(f"Import of Fileset:{saved.id} into {location.shared} by user {saved.owner_id}")

    @property
    def proxy(self) -> Proxy:
        return omero.grid.ImportProcessPrx.uncheckedCast(self.server.proxy(self.identity))

    def may_be_edited_by(self, caller: Caller) -> bool:
        """Whether ``caller`` may edit the fileset."""
        entity = MODEL.entity("Fileset")
        return is_allowed(caller, Right.EDIT, entity, self._saved.owner_id, self._saved.group_id)

    def release(self) -> None:
        """What was started goes on without the process."""
        self._repository.forget(self)

    # -- files

    def getUploader(self, index: int, call: Call) -> Proxy:
        """The store of a file, the same one until it is closed; null when opening it is a ServerError."""
        self._check_index(index)
        with self._lock:
            known = self._uploaders.get(index)
            if known is not None:
                return known.proxy
            try:
                return self._open(index, call.context.get(MODE, "rw"))
            except omero.ServerError as error:
                self._log.error(f"Cannot open file {index}", error)
                return None

    def _open(self, index: int, mode: str) -> Proxy:
        path = self._repository.tree.checked(str(self._location.paths[index]))
        row = self._repository.known_or_new(path, mode, self._call)
        store = store_of(self._call, row, mode_of(mode))
        store.on_write = partial(self._written, index)
        store.on_release = partial(self._closed, index)
        uploader = self._uploaders[index] = _Uploader(published(self._call, store))
        return uploader.proxy

    def _written(self, index: int, offset: int) -> None:
        with self._lock:
            if index in self._uploaders:
                self._uploaders[index].offset = offset

    def _closed(self, index: int) -> None:
        with self._lock:
            self._uploaders.pop(index, None)

    def getUploadOffset(self, index: int, call: Call) -> int:
        """Where the last write of an open store ended."""
        with self._lock:
            uploader = self._uploaders.get(index)
            return 0 if uploader is None else uploader.offset

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self._location.used):
            raise internal_error(f"Index {index} out of bounds for length {len(self._location.used)}")

    # -- the import

    def getImportSettings(self, call: Call) -> Any:
        return self._settings

    def getHandle(self, call: Call) -> Proxy:
        return self._handle

    def verifyUpload(self, hashes: Sequence[str], call: Call) -> Proxy:
        """Compare the client's checksums with the server's, then start the import; its handle.

        Raises:
            ApiUsageException: there are not as many checksums as files.
            ChecksumValidationException: some differ; the files may be written again.
        """
        if len(hashes) != len(self._location.used):
            raise api_usage(f"hashes size should be {len(self._location.used)} not {len(hashes)}")
        failing = self._failing(hashes)
        if failing:
            self._log.error(f"Checksums differ: {failing}")
            raise omero.ChecksumValidationException(
                "", "omero.ChecksumValidationException", "A checksum mismatch has occurred.", failing
            )
        finish_job(self._call, self._saved.upload_job_id)
        with self._lock:
            self._handle = submit(self._call, self._request(), self._run)
            return self._handle

    def _failing(self, hashes: Sequence[str]) -> dict[int, str]:
        """By index, what the server has instead. A path with ``.`` is never found: it was kept resolved."""
        rows = self.store.database.rows(
            'select f.path || f.name as path, f.hash from "FilesetEntry" e'
            ' join "OriginalFile" f on f.id = e.originalFile_id where e.fileset_id = ?',
            self._saved.id,
        )
        recorded = {row["path"]: row["hash"] for row in rows}
        found = [recorded.get(str(path)) or "" for path in self._location.paths]
        pairs = enumerate(zip(found, hashes, strict=True))
        return {index: has for index, (has, wanted) in pairs if has != wanted}

    def _request(self) -> Any:
        return omero.grid.ImportRequest(
            clientUuid=self._call.client_id,
            repoUuid=self._repository.repository.uuid,
            process=self.proxy,
            activity=self._activity(),
            settings=self._settings,
            location=omero.grid.ImportLocation(
                sharedPath=str(self._location.shared),
                omittedLevels=0,
                usedFiles=[str(path) for path in self._location.used],
                directory=None,
            ),
            logFile=self.store.find("OriginalFile", self._saved.log_id, self._call.caller),
        )

    def _activity(self) -> IObject:
        """The link to the job of the metadata, with its fileset."""
        return self.store.objects(
            "select l from FilesetJobLink l join fetch l.parent join fetch l.child where l.id = :id",
            self._call.caller,
            id=self._saved.metadata_link_id,
        )[0]

    def _run(self, call: Call, progress: Progress) -> Any:
        try:
            return Import(self._saved, Wishes.read(self._settings), self._log).run(call, progress)
        finally:
            record_log_size(self._call, self._saved.log_id, self._log.size())
            if is_closed_by_server(self._settings, call):
                self._close_all()

    def _close_all(self) -> None:
        with self._lock:  # the handle is known by the time the lock is free
            handle = self._handle
        self.session.withdraw(handle.ice_getIdentity())
        self.session.withdraw(self.identity)
