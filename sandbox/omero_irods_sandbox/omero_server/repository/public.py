"""omero.grid.Repository: a tree of files, as clients list, read, register and delete it.

Source: PublicRepositoryI and RepositoryDaoImpl of omero-blitz.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import omero.cmd
import omero.grid
from omero.rtypes import rlong, rmap, rstring

from omero_irods_sandbox.omero_server.errors import security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.repository.file_stores import mode_of, published, store_of
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath
from omero_irods_sandbox.omero_server.repository.tree import NewFile, RepositoryTree
from omero_irods_sandbox.omero_server.requests.handle import submit
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.storage.files import (
    DEFAULT_HASHER,
    DEFAULT_MIMETYPE,
    DIRECTORY_MIMETYPE,
)

if TYPE_CHECKING:
    import sqlite3

    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.storage.files import Repository


class PublicRepository:
    """One object for all sessions. What clients do not see in the database is not there for them."""

    def __init__(self, server: OmeroServer, repository: Repository) -> None:
        self.server = server
        self.tree = RepositoryTree(server, repository)

    @property
    def repository(self) -> Repository:
        return self.tree.repository

    # -- looking

    def root(self, call: Call) -> IObject:
        return call.store.get("OriginalFile", self.repository.id, call.caller)

    def fileExists(self, path: str, call: Call) -> bool:
        return self.tree.readable(self.tree.checked(path), call.caller) is not None

    def mimetype(self, path: str, call: Call) -> str:
        return mimetypes.guess_type(self._existing(path).name)[0] or DEFAULT_MIMETYPE

    def list(self, path: str, call: Call) -> Sequence[str]:
        return [file.path.val + file.name.val for file in self.listFiles(path, call)]

    def listFiles(self, path: str, call: Call) -> Sequence[IObject]:
        """The OriginalFiles in a directory that the caller may read.

        Raises:
            ValidationException: there is nothing on disk.
            SecurityViolation: the directory is not registered, or not for the caller.
        """
        return self.tree.children(self._existing(path), call.caller)

    def treeList(self, path: str, call: Call) -> RType:
        """A map of names to maps with ``id``, ``mimetype``, ``size`` and, of directories, ``files``."""
        return rmap(self._tree_of(self.tree.checked(path), call))

    def _tree_of(self, path: RepositoryPath, call: Call) -> Mapping[str, RType]:
        file = self.tree.readable(path, call.caller)
        if file is None:
            return {}
        entry = {"id": rlong(file.id.val), "mimetype": file.mimetype or rstring("")}
        if file.size is not None:
            entry["size"] = rlong(file.size.val)
        if file.mimetype is not None and file.mimetype.val == DIRECTORY_MIMETYPE:
            below: dict[str, RType] = {}
            for child in self.tree.children(path, call.caller):
                below.update(self._tree_of(path / child.name.val, call))
            entry["files"] = rmap(below)
        return {file.name.val: rmap(entry)}

    def _existing(self, path: str) -> RepositoryPath:
        checked = self.tree.checked(path)
        if not self.tree.exists(checked):
            raise validation(f"{path} does not exist")
        return checked

    # -- reading and writing

    def fileById(self, file_id: int, call: Call) -> Proxy:
        """A store for reading.

        Raises:
            SecurityViolation: the file is not in this repository, or not for the caller.
        """
        row = call.store.row("OriginalFile", file_id)
        if row is None or row["repo"] != self.repository.uuid:
            raise security_violation(f"FileNotFound: {file_id}")
        if call.store.find("OriginalFile", file_id, call.caller) is None:
            raise security_violation(f"FileNotAccessible: {file_id}")
        return published(call, store_of(call, row, "r"))

    def file(self, path: str, mode: str, call: Call) -> Proxy:
        """A store for a file, which is registered when neither the database nor the disk knows it.

        Raises:
            UnregisteredFileException: it is on disk only.
            SecurityViolation: the caller may not read it, or not write as ``mode`` says.
        """
        row = self.known_or_new(self.tree.checked(path), mode, call)
        return published(call, store_of(call, row, mode_of(mode)))

    def known_or_new(self, path: RepositoryPath, mode: str, call: Call) -> sqlite3.Row:
        """The row of a file that is to be opened; see :meth:`file`."""
        if self.tree.readable(path, call.caller) is None:
            if self.tree.exists(path):
                raise self._unregistered(path)
            with call.store.work(call.caller) as work:
                self.tree.register(work, path, NewFile(hasher=DEFAULT_HASHER))
        row = self.tree.row(path)
        assert row is not None
        if mode != "r" and not is_allowed(
            call.caller, Right.EDIT, MODEL.entity("OriginalFile"), row["d_owner"], row["d_group"]
        ):
            raise security_violation("requiresWrite is true but cannot modify")
        return row

    def _unregistered(self, path: RepositoryPath) -> Exception:
        file = MODEL.entity("OriginalFile").make()
        file.name, file.path = rstring(path.name), rstring(path.parent_column)
        file.size = rlong(self.tree.on_disk(path).stat().st_size)
        error: Exception = omero.grid.UnregisteredFileException(
            message=f"{path} is on disk but not registered: call register first", file=file
        )
        return error

    def register(self, path: str, mimetype: RType, call: Call) -> IObject:
        """The OriginalFile of what is on disk; it is made if need be."""
        checked = self.tree.checked(path)
        with call.store.work(call.caller) as work:
            file_id = self.tree.register(work, checked, NewFile(None if mimetype is None else mimetype.val))
        return call.store.get("OriginalFile", file_id, call.caller)

    def makeDir(self, path: str, parents: bool, call: Call) -> None:
        with call.store.work(call.caller) as work:
            self.tree.make_directory(
                work, self.tree.checked(path), NewFile(DIRECTORY_MIMETYPE), parents=parents
            )

    def deletePaths(self, paths: Sequence[str], recursively: bool, force: bool, call: Call) -> Proxy:
        """The handle of a Delete2 of everything at and below the paths; both flags change nothing there."""
        ids = [file_id for path in paths for file_id in _ids(self.treeList(path, call))]
        request = omero.cmd.Delete2(targetObjects={"OriginalFile": ids})
        return submit(call, request)


def _ids(tree: Any) -> Iterable[int]:
    """The ids in the answer of ``treeList``, what is in a directory before the directory."""
    for entry in tree.val.values():
        if "files" in entry.val:
            yield from _ids(entry.val["files"])
        yield entry.val["id"].val
