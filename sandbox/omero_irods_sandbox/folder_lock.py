"""One server at a time in a folder: a second would take what the first is writing for left behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from omero_irods_sandbox.errors import StartError

_NAME: Final = "lock"


class FolderLock:
    """Held from :meth:`hold` to :meth:`release`, or to the end of the process, however that ends.

    Args:
        folder: where the server keeps what it has.
        what: what is in there, for who tries to start another one.
    """

    def __init__(self, folder: Path, what: str) -> None:
        self._folder = folder
        self._what = what
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Raises StartError when another server runs there."""
        descriptor = os.open(self._folder / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StartError(
                f"Another {self._what} runs in {self._folder}. Stop it, or take another one."
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Done when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
