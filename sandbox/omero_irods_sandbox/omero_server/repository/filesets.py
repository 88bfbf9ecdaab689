"""The fileset of an import, from what a client sent to the rows of the database.

Source: ManagedRepositoryI.internalImport and .createImportProcess, RepositoryDaoImpl.saveFileset
of omero-blitz, JobBean.submit of omero-server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.repository.paths import SEPARATOR, RepositoryPath
from omero_irods_sandbox.omero_server.repository.tree import NewFile, RepositoryTree
from omero_irods_sandbox.omero_server.repository.trimming import required_directories
from omero_irods_sandbox.omero_server.storage.checksums import is_known

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.repository.managed_directories import ImportLocation
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

LOG_MIMETYPE: Final = "application/omero-log-file"

_SUBMITTED: Final = "Submitted"
FINISHED: Final = "Finished"
"""Values of JobStatus."""


@dataclass(frozen=True, slots=True)
class SavedFileset:
    """The rows of an import: ids, those of files in the order of the entries."""

    id: int
    group_id: int
    owner_id: int
    file_ids: tuple[int, ...]
    upload_job_id: int
    metadata_link_id: int
    log_id: int


@dataclass(frozen=True, slots=True)
class NewFileset:
    """What a client asks to import. ``settings`` is its omero.grid.ImportSettings."""

    fileset: IObject
    settings: Any
    client_paths: tuple[RepositoryPath, ...]
    algorithm: str

    @classmethod
    def read(cls, fileset: IObject, settings: Any) -> NewFileset:
        """Check what can be checked before anything is made.

        Raises:
            ApiUsageException: no entries, or no algorithm.
            ValidationException: an algorithm that nobody knows.
        """
        if fileset is None or fileset.sizeOfUsedFiles() < 1:
            raise api_usage("No paths provided")
        algorithm = None if settings is None else settings.checksumAlgorithm
        if algorithm is None or algorithm.value is None:
            raise api_usage("must specify checksum algorithm")
        if not is_known(algorithm.value.val):
            raise validation(f"unknown checksum algorithm: {algorithm.value.val}")
        paths = tuple(RepositoryPath.parse(entry.clientPath.val) for entry in fileset.copyUsedFiles())
        return cls(fileset, settings, paths, algorithm.value.val)

    @property
    def required_directories(self) -> int | None:
        """How many shared directories the client's reader needs; None when it does not say."""
        for link in self.fileset.copyJobLinks():
            if isinstance(link.child, MODEL.entity("UploadJob").python_class):
                return required_directories(_pairs(link.child))
        return None

    def save(self, tree: RepositoryTree, location: ImportLocation, call: Call) -> SavedFileset:
        """Make the jobs, the files and the fileset, in one transaction.

        Raises:
            ValidationException: not exactly one UploadJob, or two files of the same name.
        """
        upload = self._upload_job()
        paths = [tree.checked(str(path)) for path in location.paths]
        with call.store.work(call.caller) as work:
            log_id = tree.register(work, location.log, NewFile(LOG_MIMETYPE))
            file_ids = self._register_files(work, tree, paths)
            self._fill(location, file_ids)
            job_ids = self._link_jobs(work, upload, call)
            work.insert("JobOriginalFileLink", parent_id=job_ids[0], child_id=log_id)
            fileset_id = work.save(self.fileset)
            metadata_link_id = call.store.database.value(
                'select id from "FilesetJobLink" where parent_id = ? and child_id = ?', fileset_id, job_ids[1]
            )
        return SavedFileset(
            fileset_id,
            call.caller.writing_group,
            call.caller.user_id,
            tuple(file_ids),
            job_ids[0],
            metadata_link_id,
            log_id,
        )

    def _upload_job(self) -> IObject:
        links = self.fileset.copyJobLinks()
        if len(links) != 1:
            raise validation("Found more than one job link. Link only updateJob on creation!")
        job = links[0].child
        if job is None:
            raise validation("Found null-UploadJob on creation")
        if not isinstance(job, MODEL.entity("UploadJob").python_class):
            raise validation(f"Found non-UploadJob on creation: {type(job).__name__}")
        return job

    def _register_files(
        self, work: UnitOfWork, tree: RepositoryTree, paths: Sequence[RepositoryPath]
    ) -> list[int]:
        """Two equal paths would be two rows, which the database refuses: unique(repo, path, name)."""
        if len(set(paths)) < len(paths):
            double = next(path for path in paths if paths.count(path) > 1)
            raise validation(f'two files of this fileset would be "{double}"; rename one of them')
        return [tree.register(work, path, NewFile(hasher=self.algorithm)) for path in paths]

    def _fill(self, location: ImportLocation, file_ids: Sequence[int]) -> None:
        self.fileset.templatePrefix = rstring(f"{location.template}{SEPARATOR}")
        original_file = MODEL.entity("OriginalFile")
        for entry, file_id in zip(self.fileset.copyUsedFiles(), file_ids, strict=True):
            entry.originalFile = original_file.make(file_id, loaded=False)

    # -- jobs

    def _link_jobs(self, work: UnitOfWork, upload: IObject, call: Call) -> list[int]:
        """The client's job and those of the steps to come; their ids in this order."""
        jobs = {"UploadJob": _pairs(upload), "MetadataImportJob": _server_version_info(), "PixelDataJob": []}
        if self.settings.doThumbnails is not None and self.settings.doThumbnails.val:
            jobs["ThumbnailGenerationJob"] = []
        jobs["IndexingJob"] = []
        ids = [_submitted(work, call, name, pairs) for name, pairs in jobs.items()]
        for name, id_ in zip(jobs, ids, strict=True):
            job = MODEL.entity(name).make(id_, loaded=False)
            if name == "UploadJob":
                self.fileset.copyJobLinks()[0].child = job
            else:
                self.fileset.linkJob(job)
        return ids


def _submitted(work: UnitOfWork, call: Call, name: str, version_info: Sequence[tuple[str, str]]) -> int:
    """A job as the server makes it, whatever the client said of status and times (JobBean.submit)."""
    now_ms, directory = call.server.clock.now_ms(), call.server.directory
    id_ = work.insert(
        name,
        username=directory.user_name(call.caller.user_id),
        groupname=directory.group_name(call.caller.writing_group),
        type=call.caller.event_type,
        message="",
        status_id=call.store.enumeration("JobStatus", _SUBMITTED),
        submitted=now_ms,
        scheduledFor=now_ms,
    )
    if version_info:
        work.named_values(name, id_, "versionInfo", version_info)
    return id_


def record_log_size(call: Call, log_id: int, size: int) -> None:
    """Note how long the import's log is; ``omero fs importtime`` reads from these changes when steps end."""
    with call.store.work(call.caller) as work:
        work.update("OriginalFile", log_id, size=size)
        work.events.log("UPDATE", MODEL.entity("OriginalFile"), log_id)


def finish_job(call: Call, job_id: int) -> None:
    """Set a job's status and message to Finished (JobBean.setStatusAndMessage)."""
    status_id, now_ms = call.store.enumeration("JobStatus", FINISHED), call.server.clock.now_ms()
    with call.store.work(call.caller) as work:
        work.update("UploadJob", job_id, status_id=status_id, message=FINISHED, finished=now_ms)
        work.events.log("UPDATE", MODEL.entity("UploadJob"), job_id)


def _pairs(job: IObject) -> list[tuple[str, str]]:
    return [(pair.name, pair.value) for pair in job.versionInfo or [] if pair is not None]


def _server_version_info() -> list[tuple[str, str]]:
    return [("omero.version", version("omero-py")), ("bioformats.version", "none: embedded server")]
