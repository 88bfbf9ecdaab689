"""One zone at a time in a folder: a second would take what the first is writing for left behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from omero_irods_sandbox.errors import StartError

_NAME: Final = "lock"


class RootLock:
    """Held from :meth:`hold` to :meth:`release`, or to the end of the process, however that ends."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Raises StartError when another zone runs there."""
        descriptor = os.open(self._root / _NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StartError(f"Another zone runs in {self._root}. Stop it, or take another one.") from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Done when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
