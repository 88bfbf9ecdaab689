"""Going back to how a server was when it started: for tests that want no traces of each other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from omero_irods_sandbox.omero_server.store.database import Database


class FirstState:
    """A copy of the database in memory, and the list of files there were."""

    def __init__(self, database: Database, folders: list[Path]) -> None:
        self._database = database
        self._folders = folders
        self._copy = sqlite3.connect(":memory:", check_same_thread=False)
        database.copy_to(self._copy)
        self._files = set(self._found())

    def _found(self) -> Iterator[Path]:
        for folder in self._folders:
            if folder.is_dir():
                yield from folder.rglob("*")

    def restore(self) -> None:
        """Put the database back and remove files and folders that came since; targets of links stay."""
        self._database.copy_from(self._copy)
        # The longest first: a folder is empty by the time it is removed.
        for path in sorted(set(self._found()) - self._files, key=lambda one: len(one.parts), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._copy.close()
