"""A command in a process of its own, and what it took: time, peak memory, space on the local disk."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOOK_S: Final = 0.05


class CommandFailed(Exception):
    """A measured command ended with another status than 0; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Taken:
    """``memory`` is the largest resident set of the process, ``scratch`` the most that lay in its folder."""

    seconds: float
    memory: int
    scratch: int


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Taken:
    """Run ``command`` in ``folder``, which is its home and its place for temporary files."""
    log = folder.with_suffix(".log")
    everything = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), **environment}
    with log.open("wb") as output, _Scratch(folder) as scratch:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=everything, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: status {process.returncode}\n{log.read_text()}")
    return Taken(seconds, usage.ru_maxrss * 1024, scratch.most)


class _Scratch:
    """Watches how much lies in a folder, beyond what lay there at the start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = _size(folder)
        self.most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Scratch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.most = max(self.most, _size(self._folder) - self._before)


def _size(folder: Path) -> int:
    found = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(where) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return found
