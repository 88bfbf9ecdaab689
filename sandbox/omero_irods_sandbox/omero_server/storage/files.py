"""Where the server keeps files: OriginalFiles by id or in a repository, Pixels by id."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import resource_error, validation
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, USER_GROUP
from omero_irods_sandbox.omero_server.storage.checksums import checksum
from omero_irods_sandbox.omero_server.storage.id_paths import id_path

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

FILES_FOLDER: Final = "Files"
PIXELS_FOLDER: Final = "Pixels"
MANAGED_FOLDER: Final = "ManagedRepository"

REPOSITORY_MIMETYPE: Final = "Repository"
DIRECTORY_MIMETYPE: Final = "Directory"
DEFAULT_MIMETYPE: Final = "application/octet-stream"
"""Mimetypes that the server itself gives (AbstractRepositoryI, PublicRepositoryI; psql's default)."""

DEFAULT_HASHER: Final = "SHA1-160"


@dataclass(frozen=True, slots=True)
class Repository:
    """A tree of files whose OriginalFiles have ``uuid`` as ``repo``; ``id`` is that of its root's."""

    uuid: str
    root: Path
    id: int


class FileStorage:
    """The server's files below its data folder, which is made when it is not there.

    Safe for several threads: a path is a matter of rows, and rows of the store.
    """

    def __init__(self, server: OmeroServer) -> None:
        self._store = server.store
        self._internal_caller = server.internal_caller
        self.data = Path(server.config.data).absolute()
        self.managed = self.data / MANAGED_FOLDER
        self._repositories: dict[str, Repository] = {}
        for name in (FILES_FOLDER, PIXELS_FOLDER, MANAGED_FOLDER):
            (self.data / name).mkdir(parents=True, exist_ok=True)
        self.managed_uuid = self.add_repository(self._managed_uuid(), self.managed).uuid

    # -- where things are

    def path(self, file_row: sqlite3.Row) -> Path:
        """Where the bytes of an OriginalFile are; nothing need be there.

        Raises:
            ResourceError: it is in a repository that this server does not serve.
        """
        if file_row["repo"] is None:
            return self.data / FILES_FOLDER / id_path(file_row["id"])
        directory: str = file_row["path"]
        name: str = file_row["name"]
        return self.repository(file_row["repo"]).root / directory.lstrip("/") / name

    def path_by_id(self, original_file_id: int) -> Path:
        """As :meth:`path`.

        Raises:
            ValidationException: there is no such OriginalFile.
        """
        row = self._store.row("OriginalFile", original_file_id)
        if row is None:
            raise validation(f"No such object: OriginalFile:{original_file_id}")
        return self.path(row)

    def pixels_path(self, pixels_id: int) -> Path:
        """The buffer of Pixels that no file was imported for."""
        return self.data / PIXELS_FOLDER / id_path(pixels_id)

    def fileset_paths(self, fileset_id: int) -> list[Path]:
        """The files of a fileset in the order of its entries: the first is what a reader opens."""
        rows = self._store.database.rows(
            'select f.* from "FilesetEntry" e join "OriginalFile" f on f.id = e.originalFile_id'
            " where e.fileset_id = ? order by e.fileset_index, e.id",
            fileset_id,
        )
        return [self.path(row) for row in rows]

    # -- repositories

    @property
    def repositories(self) -> list[Repository]:
        """All that this server serves, the managed one first."""
        return list(self._repositories.values())

    def repository(self, uuid: str) -> Repository:
        """The repository with this uuid.

        Raises:
            ResourceError: this server does not serve it.
        """
        found = self._repositories.get(uuid)
        if found is None:
            raise resource_error(f"No repository with UUID: {uuid}")
        return found

    def add_repository(self, uuid: str, root: Path) -> Repository:
        """Serve the tree at ``root``; its OriginalFile is made, or follows a tree that was moved."""
        columns = {"path": f"{root.parent}/", "name": root.name}
        with self._store.work(self._internal_caller()) as work:
            row = self._store.database.row(
                'select id, path, name from "OriginalFile" where hash = ? and mimetype = ?',
                uuid,
                REPOSITORY_MIMETYPE,
            )
            if row is None:
                id_ = work.insert(
                    "OriginalFile",
                    owner_id=ROOT_USER,
                    group_id=USER_GROUP,
                    hash=uuid,
                    mimetype=REPOSITORY_MIMETYPE,
                    size=0,
                    **columns,
                )
            else:
                id_ = row["id"]
                if (row["path"], row["name"]) != (columns["path"], columns["name"]):
                    work.update("OriginalFile", id_, **columns)
        self._repositories[uuid] = Repository(uuid, root, id_)
        return self._repositories[uuid]

    def _managed_uuid(self) -> str:
        known = self._store.database.value(
            'select hash from "OriginalFile" where mimetype = ? and name = ? and d_owner = ? order by id',
            REPOSITORY_MIMETYPE,
            MANAGED_FOLDER,
            ROOT_USER,
        )
        return known or str(uuid.uuid4())

    # -- files of the server itself

    def create(  # noqa: PLR0913  # each is a column
        self,
        work: UnitOfWork,
        *,
        name: str,
        path: str,
        mimetype: str,
        content: bytes | Path,
        hasher: str | None = DEFAULT_HASHER,
        owner_id: int | None = None,
        group_id: int | None = None,
    ) -> int:
        """A new OriginalFile outside of repositories, with its size and its checksum; its id.

        ``content`` is small, or a file to copy. Owner and group are the caller's unless given.
        """
        id_ = work.insert(
            "OriginalFile", owner_id=owner_id, group_id=group_id, name=name, path=path, mimetype=mimetype
        )
        target = self.data / FILES_FOLDER / id_path(id_)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            target.write_bytes(content)
        self.record(work, id_, target, hasher)
        return id_

    def record(self, work: UnitOfWork, file_id: int, target: Path, hasher: str | None) -> None:
        """Write down size, time and, with a hasher, the checksum of a file as it is on disk."""
        status = target.stat()
        columns: dict[str, object] = {"size": status.st_size, "mtime": int(status.st_mtime * 1000)}
        if hasher is not None:
            columns["hasher_id"] = self._store.enumeration("ChecksumAlgorithm", hasher)
            columns["hash"] = checksum(target, hasher)
        work.update("OriginalFile", file_id, **columns)

    def remove(self, file_row: sqlite3.Row) -> None:
        """Take away what an OriginalFile stands for: a link, never its target; a folder with all in it.

        For ``after_commit``; what is not there is no error.
        """
        path = self.path(file_row)
        if path.is_dir() and not path.is_symlink():
            # AbstractRepositoryI.handleDLMs calls deleteQuietly, which takes folders too.
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
