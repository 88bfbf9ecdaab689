"""The server's own scripts: files below data/ScriptRepository and their OriginalFiles.

Source: ScriptRepoHelper of omero-server. What is on disk rules: new files are registered, a changed one
gets a new OriginalFile, and OriginalFiles of what has gone stay as plain files.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.security.roles import ROOT_USER, USER_GROUP
from omero_irods_sandbox.omero_server.storage.checksums import checksum
from omero_irods_sandbox.omero_server.storage.files import DEFAULT_HASHER

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

REPOSITORY_UUID: Final = "ScriptRepo"
FOLDER: Final = "ScriptRepository"

PYTHON: Final = "text/x-python"
LOOKUP_TABLE: Final = "text/x-lut"
MIMETYPES: Final = {".py": PYTHON, ".lut": LOOKUP_TABLE}
"""By suffix (ScriptFileType beans of omero-server). Lookup tables live among the scripts but do not run."""


def mimetype_of(name: str) -> str | None:
    """The mimetype of a script by its name, None for what is none."""
    return MIMETYPES.get(PurePosixPath(name).suffix)


class OfficialScripts:
    """Several threads may use it; one of them compares disk and database at a time."""

    def __init__(self, server: OmeroServer) -> None:
        self._server = server
        self.root: Path = server.config.data / FOLDER
        self._lock = threading.Lock()

    # -- finding

    def is_official(self, file_id: int) -> bool:
        """Whether an OriginalFile is a script, or a lookup table, of the server's."""
        row = self._server.store.row("OriginalFile", file_id)
        return row is not None and row["repo"] == REPOSITORY_UUID and row["mimetype"] in MIMETYPES.values()

    def find(self, path: str, *, scripts_only: bool) -> int | None:
        """The OriginalFile at a path of the repository."""
        place = self._place(path)
        row = self._server.store.database.row(
            'select id, mimetype from "OriginalFile" where repo = ? and path = ? and name = ?',
            REPOSITORY_UUID,
            _folder(place),
            place.name,
        )
        if row is None or (scripts_only and row["mimetype"] not in MIMETYPES.values()):
            return None
        return int(row["id"])

    def _place(self, path: str) -> PurePosixPath:
        """A path within the repository.

        Raises:
            ApiUsageException: it leads out of it.
        """
        place = PurePosixPath("/") / path
        if ".." in place.parts or not place.name:
            raise api_usage(f"not a path of a script: {path}")
        return place

    def ids(self) -> list[int]:
        """All that are registered."""
        marks = ", ".join("?" * len(MIMETYPES))
        rows = self._server.store.database.tuples(
            f'select id from "OriginalFile" where repo = ? and mimetype in ({marks}) order by id',
            [REPOSITORY_UUID, *MIMETYPES.values()],
        )
        return [int(row[0]) for row in rows]

    # -- disk and database

    def write(self, path: str, text: str) -> None:
        """Put a file on disk, over another one if there is one."""
        target = self._on_disk(self._place(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def _on_disk(self, place: PurePosixPath) -> Path:
        return self.root / place.relative_to("/")

    def register(self, path: str) -> int:
        """Give the file at ``path`` a new OriginalFile of root's in the group "user"; its id."""
        with self._lock, self._server.store.work(self._server.internal_caller()) as work:
            before = self.find(path, scripts_only=False)
            if before is not None:
                work.update("OriginalFile", before, repo=None)
            return self._register(work, self._place(path))

    def _register(self, work: UnitOfWork, place: PurePosixPath) -> int:
        file_id = work.insert(
            "OriginalFile",
            owner_id=ROOT_USER,
            group_id=USER_GROUP,
            path=_folder(place),
            name=place.name,
            repo=REPOSITORY_UUID,
            mimetype=mimetype_of(place.name),
        )
        self._server.storage.record(work, file_id, self._on_disk(place), DEFAULT_HASHER)
        return file_id

    def record(self, file_id: int, path: str) -> None:
        """Write down size and checksum of a script that was edited."""
        with self._server.store.work(self._server.internal_caller()) as work:
            self._server.storage.record(work, file_id, self._on_disk(self._place(path)), DEFAULT_HASHER)

    def refresh(self) -> None:
        """Let the database follow the disk. Scripts that were disabled are left alone."""
        with self._lock, self._server.store.work(self._server.internal_caller()) as work:
            known = self._known()
            for place in self._files():
                row = known.pop(place, None)
                if row is None:
                    self._register(work, place)
                elif row["mimetype"] in MIMETYPES.values() and self._has_changed(row, place):
                    work.update("OriginalFile", row["id"], repo=None)
                    self._register(work, place)
            for row in known.values():
                if row["mimetype"] in MIMETYPES.values():
                    work.update("OriginalFile", row["id"], repo=None)

    def _known(self) -> dict[PurePosixPath, sqlite3.Row]:
        """Everything registered, by its place."""
        rows = self._server.store.database.rows(
            'select id, path, name, hash, mimetype from "OriginalFile" where repo = ?', REPOSITORY_UUID
        )
        return {PurePosixPath(row["path"], row["name"]): row for row in rows}

    def _has_changed(self, row: sqlite3.Row, place: PurePosixPath) -> bool:
        return bool(row["hash"] != checksum(self._on_disk(place), DEFAULT_HASHER))

    def _files(self) -> list[PurePosixPath]:
        """Scripts on disk; empty and hidden files are none (BASE_SCRIPT_FILTER)."""
        found = sorted(file for file in self.root.rglob("*") if file.is_file())
        return [
            PurePosixPath("/") / file.relative_to(self.root)
            for file in found
            if mimetype_of(file.name) and not file.name.startswith(".") and file.stat().st_size
        ]

    def remove(self, file_id: int) -> None:
        """Take a script off the disk."""
        self._server.storage.path_by_id(file_id).unlink(missing_ok=True)


def _folder(place: PurePosixPath) -> str:
    """``/omero/`` for ``/omero/a.py`` (RepoFile.dirname)."""
    return f"{place.parent}/".replace("//", "/")
