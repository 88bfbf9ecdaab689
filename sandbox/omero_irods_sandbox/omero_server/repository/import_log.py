"""The log of one import: a file beside its directory, which clients download."""

from __future__ import annotations

import threading
import traceback
from datetime import datetime
from pathlib import Path


class ImportLog:
    """Appends to a file; one that cannot be written is an error of the import."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def info(self, message: str) -> None:
        self._append("INFO", message)

    def error(self, message: str, error: BaseException | None = None) -> None:
        """With the stack of ``error``, if one is given."""
        details = "" if error is None else "\n" + "".join(traceback.format_exception(error)).rstrip()
        self._append("ERROR", message + details)

    def size(self) -> int:
        """Bytes so far."""
        return self._path.stat().st_size

    def _append(self, level: str, message: str) -> None:
        now = datetime.now().astimezone()
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03} {level:5} {message}\n")
