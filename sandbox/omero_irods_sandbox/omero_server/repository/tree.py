"""The tree of one repository: OriginalFiles and, for each, a file or a directory on disk.

Source: PublicRepositoryI.makeCheckedDirs and RepositoryDaoImpl._internalRegister,
.createOriginalFile and .canWriteParentDirectory of omero-blitz.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import resource_error, security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath, checked_path
from omero_irods_sandbox.omero_server.repository.sanitising import DEFAULT_RULES, sanitiser
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, USER_GROUP
from omero_irods_sandbox.omero_server.storage.files import DEFAULT_MIMETYPE, DIRECTORY_MIMETYPE

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.storage.files import Repository
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

PATH_RULES: Final = "omero.fs.repo.path_rules"


@dataclass(frozen=True, slots=True)
class NewFile:
    """What the disk does not tell of a new OriginalFile. Owner and group None: those of the caller."""

    mimetype: str | None = None
    hasher: str | None = None
    owner_id: int | None = None
    group_id: int | None = None


class RepositoryTree:
    """Paths given to it are resolved; :meth:`checked` makes them so."""

    def __init__(self, server: OmeroServer, repository: Repository) -> None:
        self._server = server
        self._store = server.store
        self.repository = repository
        self.sanitiser = sanitiser(server.settings.get(PATH_RULES, DEFAULT_RULES))

    def checked(self, text: str) -> RepositoryPath:
        """A path as clients write it.

        Raises:
            ValidationException: it leads out of the repository or has unsafe components.
        """
        return checked_path(text, self.sanitiser)

    def on_disk(self, path: RepositoryPath) -> Path:
        return path.on_disk(self.repository.root)

    def exists(self, path: RepositoryPath) -> bool:
        """Whether there is something on disk; a link to nothing is nothing, as is a name no disk can hold."""
        try:
            return self.on_disk(path).exists()
        except OSError:
            return False

    # -- finding

    def row(self, path: RepositoryPath) -> sqlite3.Row | None:
        """The row of an OriginalFile, whoever may read it."""
        if path.is_root:
            return self._store.row("OriginalFile", self.repository.id)
        return self._store.database.row(
            'select * from "OriginalFile" where repo = ? and path = ? and name = ?',
            self.repository.uuid,
            path.parent_column,
            path.name,
        )

    def readable(self, path: RepositoryPath, caller: Caller) -> IObject | None:
        """The OriginalFile of a path, None when there is none.

        Raises:
            SecurityViolation: the caller may not read it.
        """
        row = self.row(path)
        if row is None:
            return None
        found = self._store.find("OriginalFile", row["id"], caller)
        if found is None:
            raise security_violation(f"Cannot read OriginalFile:{row['id']}")
        return found

    def children(self, path: RepositoryPath, caller: Caller) -> list[IObject]:
        """The OriginalFiles in a directory that the caller may read, with their hashers.

        Raises:
            SecurityViolation: the directory is unknown, or the caller may not read it.
        """
        if self.readable(path, caller) is None:
            raise security_violation(f"No such parent dir: {path}")
        return self._store.objects(
            "select f from OriginalFile f left outer join fetch f.hasher"
            " where f.repo = :repo and f.path = :path order by f.name",
            caller,
            repo=self.repository.uuid,
            path=path.children_column,
        )

    # -- making

    def register(self, work: UnitOfWork, path: RepositoryPath, new: NewFile) -> int:
        """The id of the OriginalFile of ``path``; it is made if need be, a directory on disk too.

        Raises:
            SecurityViolation: the caller of ``work`` may not write in the parent directory.
            ValidationException: what is on disk is a directory, and ``new`` says otherwise.
            ResourceError: the directory cannot be made.
        """
        if path.is_root:
            raise security_violation("Can't re-register the repository")
        known = self.row(path)
        if known is not None:
            return int(known["id"])
        self._check_parent(path.parent, work.caller)
        columns = self._columns(path, new.mimetype)
        id_ = work.insert(
            "OriginalFile",
            owner_id=new.owner_id,
            group_id=new.group_id,
            repo=self.repository.uuid,
            path=path.parent_column,
            name=path.name,
            ctime=self._server.clock.now_ms(),
            hasher_id=new.hasher and self._store.enumeration("ChecksumAlgorithm", new.hasher),
            **columns,
        )
        if columns["mimetype"] == DIRECTORY_MIMETYPE:
            self._make_on_disk(path)
        return id_

    def make_directory(self, work: UnitOfWork, path: RepositoryPath, new: NewFile, *, parents: bool) -> None:
        """Make a directory; with ``parents`` those above it too, and it may be there already.

        Raises:
            ResourceError: something is in the way, or on disk and not registered.
            SecurityViolation: the caller of ``work`` may not write there.
        """
        if path.is_root:
            if parents:
                raise resource_error("Cannot re-create root!")
            return
        for above in path.lineage[:-1] if parents else []:
            self._ensure_directory(work, above, new)
        if not self.exists(path):
            self.register(work, path, new)
        elif parents:
            self._must_be_registered(path)
        else:
            raise resource_error(f"Path exists on disk: {path}")

    def _ensure_directory(self, work: UnitOfWork, path: RepositoryPath, new: NewFile) -> None:
        place = self.on_disk(path)
        if not self.exists(path):
            self.register(work, path, new)
        elif not place.is_dir():
            raise resource_error("Path is not a directory.")
        elif not os.access(place, os.R_OK):
            raise resource_error("Directory is not readable")
        else:
            self._must_be_registered(path)

    def _must_be_registered(self, path: RepositoryPath) -> None:
        if self.row(path) is None:
            raise resource_error(f"Directory exists but is not registered: CheckedPath({path})")

    def _make_on_disk(self, path: RepositoryPath) -> None:
        place = self.on_disk(path)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise resource_error(f"Cannot mkdir CheckedPath({path}): {error.strerror}") from error

    def _columns(self, path: RepositoryPath, mimetype: str | None) -> dict[str, object]:
        place = self.on_disk(path)
        columns: dict[str, object] = {"mimetype": mimetype or DEFAULT_MIMETYPE}
        if not self.exists(path):
            return columns
        status = place.stat()
        columns["mtime"] = int(status.st_mtime * 1000)
        if not place.is_dir():
            return columns | {"size": status.st_size}
        if mimetype not in (None, DIRECTORY_MIMETYPE):
            raise validation(f"File is a directory but mimetype is: {mimetype}")
        return columns | {"mimetype": DIRECTORY_MIMETYPE}

    # -- rights

    def _check_parent(self, parent: RepositoryPath, caller: Caller) -> None:
        """Anybody may write at the top, and in directories of root in the group ``user``."""
        if parent.is_root or caller.is_internal:
            return
        row = self.row(parent)
        if row is None:
            raise security_violation(f"Cannot find parent directory: CheckedPath({parent})")
        owner_id, group_id = row["d_owner"], row["d_group"]
        if (owner_id, group_id) == (ROOT_USER, USER_GROUP):
            return
        if is_allowed(caller, Right.ANNOTATE, MODEL.entity("OriginalFile"), owner_id, group_id):
            return
        if group_id != USER_GROUP or not _may_annotate_in_group(caller, owner_id):
            raise security_violation(f"No annotate access for parent directory: {row['id']}")


def _may_annotate_in_group(caller: Caller, owner_id: int) -> bool:
    """Directories are in the group ``user``: what counts is the group that the caller works in."""
    return owner_id == caller.user_id or caller.groups[caller.writing_group].group_annotatable
