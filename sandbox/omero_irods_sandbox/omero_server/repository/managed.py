"""omero.grid.ManagedRepository: imports, and the checksums of what was imported.

Source: ManagedRepositoryI of omero-blitz.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import omero.grid
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.errors import api_usage, internal_error, security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.repository.filesets import NewFileset
from omero_irods_sandbox.omero_server.repository.import_process import ImportProcess
from omero_irods_sandbox.omero_server.repository.managed_directories import ManagedDirectories
from omero_irods_sandbox.omero_server.repository.public import PublicRepository
from omero_irods_sandbox.omero_server.repository.trimming import trim
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.sessions.session import proxy_for
from omero_irods_sandbox.omero_server.storage.checksums import ALGORITHMS, checksum

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.storage.files import Repository


class ManagedRepository(PublicRepository):
    """The one repository that imports go to."""

    def __init__(self, server: OmeroServer, repository: Repository) -> None:
        super().__init__(server, repository)
        self._directories = ManagedDirectories(server, self.tree)
        self._processes: list[ImportProcess] = []
        self._lock = threading.Lock()

    def makeDir(self, path: str, parents: bool, call: Call) -> None:
        with call.store.work(call.caller) as work:
            self._directories.make(work, self.tree.checked(path), call, parents=parents)

    # -- filesets

    def importFileset(self, fileset: IObject, settings: object, call: Call) -> Proxy:
        """Make room for the files of a fileset, and the process that takes them.

        Raises:
            ApiUsageException: there are no files, or no checksum algorithm.
            ValidationException: not exactly one UploadJob is linked, or two files get the same name.
                Directories have been made by then, and stay.
            ResourceError: a directory cannot be made.
        """
        new = NewFileset.read(fileset, settings)
        _check_group(call)
        template = self._directories.make_for_import(call)
        trimmed = trim(new.client_paths, new.required_directories)
        location = self._directories.locate(template, trimmed, call)
        saved = new.save(self.tree, location, call)
        process = ImportProcess(self, saved, location, new.settings, call)
        with self._lock:
            self._processes.append(process)
        return proxy_for(call, omero.grid.ImportProcess, process, "ImportProcess")

    def importPaths(self, paths: Sequence[str], call: Call) -> Proxy:
        """As :meth:`importFileset`, with a fileset made of the paths and the first algorithm on offer."""
        if not paths:
            raise api_usage("No paths provided")
        fileset = MODEL.entity("Fileset").make()
        for path in paths:
            entry = MODEL.entity("FilesetEntry").make()
            entry.clientPath = rstring(path)
            fileset.addFilesetEntry(entry)
        fileset.linkJob(MODEL.entity("UploadJob").make())
        algorithm = self.listChecksumAlgorithms(call)[0]
        return self.importFileset(fileset, omero.grid.ImportSettings(checksumAlgorithm=algorithm), call)

    def listImports(self, call: Call) -> Sequence[Proxy]:
        """Processes that are open, of filesets that the caller may edit."""
        with self._lock:
            processes = list(self._processes)
        return [process.proxy for process in processes if process.may_be_edited_by(call.caller)]

    def forget(self, process: ImportProcess) -> None:
        """A process has ended."""
        with self._lock:
            self._processes.remove(process)

    # -- checksums

    def listChecksumAlgorithms(self, call: Call) -> Sequence[IObject]:
        """All that are known, most wanted first."""
        ids = [call.store.enumeration("ChecksumAlgorithm", name) for name in ALGORITHMS]
        return [call.store.get("ChecksumAlgorithm", id_, call.caller) for id_ in ids]

    def suggestChecksumAlgorithm(self, supported: Iterable[IObject], call: Call) -> IObject | None:
        """The most wanted one that the client knows too."""
        names = {algorithm.value.val for algorithm in supported}
        offered = self.listChecksumAlgorithms(call)
        return next((one for one in offered if one.value.val in names), None)

    def verifyChecksums(self, ids: Sequence[int], call: Call) -> Sequence[int]:
        """The files whose bytes are not those that were hashed; those elsewhere or never hashed do not count.

        Raises:
            InternalException: a file is not there, or is a link to nothing (unchecked in Java).
        """
        return [row["id"] for row in self._files_here(ids, call) if not self._is_as_hashed(row)]

    def setChecksumAlgorithm(self, algorithm: IObject, ids: Sequence[int], call: Call) -> Sequence[int]:
        """Hash files anew; the ids of those that had no hash of this algorithm.

        Raises:
            InternalException: a file is not as it was hashed before.
            SecurityViolation: the caller may not edit it.
        """
        name = algorithm.value.val
        hasher_id = call.store.enumeration("ChecksumAlgorithm", name)
        changed = [row for row in self._files_here(ids, call) if row["hasher"] != name or row["hash"] is None]
        for row in changed:
            if not self._is_as_hashed(row):
                raise internal_error(f"hash mismatch on file ID {row['id']}")
            _check_editable(call.caller, row)
            digest = self._digest(row, name)
            with call.store.work(call.caller) as work:
                work.update("OriginalFile", row["id"], hash=digest, hasher_id=hasher_id)
        return [row["id"] for row in changed]

    def _files_here(self, ids: Sequence[int], call: Call) -> list[sqlite3.Row]:
        """Rows of this repository with their hasher's name; one that the caller may not read is an error."""
        found = []
        for id_ in ids:
            row = call.store.database.row(
                'select f.*, h.value as hasher from "OriginalFile" f'
                ' left join "ChecksumAlgorithm" h on h.id = f.hasher_id where f.id = ? and f.repo = ?',
                id_,
                self.repository.uuid,
            )
            if row is None:
                continue
            if call.store.find("OriginalFile", id_, call.caller.in_group(ALL_GROUPS)) is None:
                raise internal_error(f"cannot read OriginalFile:{id_}")
            found.append(row)
        return found

    def _is_as_hashed(self, row: sqlite3.Row) -> bool:
        if row["hash"] is None or row["hasher"] is None:
            return True
        recorded: str = row["hash"]
        return self._digest(row, row["hasher"]).lower() == recorded.lower()

    def _digest(self, row: sqlite3.Row, algorithm: str) -> str:
        path = self.server.storage.path(row)
        try:
            return checksum(path, algorithm)
        except OSError as error:
            raise internal_error(f"OriginalFile:{row['id']}: {error}") from error


def _check_editable(caller: Caller, row: sqlite3.Row) -> None:
    entity = MODEL.entity("OriginalFile")
    if not is_allowed(caller, Right.EDIT, entity, row["d_owner"], row["d_group"]):
        raise security_violation(f"Updating OriginalFile:{row['id']} not allowed")


def _check_group(call: Call) -> None:
    """Who is not in the group needs to be an administrator who may write there (restricted-admins.rst)."""
    if call.caller.group_id == ALL_GROUPS:
        raise api_usage("cannot import in all groups at once (omero.group is -1): choose one group")
    if not call.caller.is_in(call.caller.group_id):
        what = f"importing into group {call.caller.group_id}"
        for privilege in (Privilege.WRITE_OWNED, Privilege.WRITE_FILE, Privilege.WRITE_MANAGED_REPO):
            call.caller.require(privilege, what)
