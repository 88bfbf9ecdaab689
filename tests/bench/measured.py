"""A command in a process of its own, and what it took: time, peak memory, space on the local disk."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

_LOOK_S: Final = 0.05


class CommandFailed(Exception):
    """A measured command ended with another status than 0; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Taken:
    """``memory`` is the largest resident set of the process, ``scratch`` the most that lay in its folder.

    ``calls`` are those of OMERO, where somebody counted them.
    """

    seconds: float
    memory: int
    scratch: int
    calls: int = 0


def middle(found: Sequence[Taken]) -> Taken:
    """The median of the seconds, and the most of all else."""
    return Taken(
        median(one.seconds for one in found),
        max(one.memory for one in found),
        max(one.scratch for one in found),
        max(one.calls for one in found),
    )


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Taken:
    """Run ``command`` in ``folder``, which is its home and its place for temporary files."""
    log = folder.with_suffix(".log")
    everything = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), **environment}
    before = _size(folder)
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=everything, stdout=output, stderr=output)
        with _Watch(process.pid, folder, before) as watch:
            process.wait()
            seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: status {process.returncode}\n{log.read_text()}")
    return Taken(seconds, watch.memory, watch.scratch)


class _Watch:
    """Watches the memory of a process, and how much lies in a folder beyond ``before``.

    What ``wait4`` says of memory would not do: it begins with that of the process that was forked.
    """

    def __init__(self, pid: int, folder: Path, before: int) -> None:
        self._pid, self._folder, self._before = pid, folder, before
        self.memory = self.scratch = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.scratch = max(self.scratch, _size(self._folder) - self._before)
            self.memory = max(self.memory, peak_memory(self._pid))


def peak_memory(process: int | str = "self") -> int:
    """The kernel's own count, in bytes; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def processor_s(process: int) -> float:
    """What the kernel has counted for a process, utime and stime of proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _size(folder: Path) -> int:
    found = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                found += (Path(where) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return found
