"""PRC put and get of large files, against a copy of the same bytes on the same disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from irods.session import iRODSSession

from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import sessions

_MIB: Final = 1 << 20
_SIZES_MIB: Final = (64, 512)
_QUICK_SIZES_MIB: Final = (40,)
_ROUNDS: Final = 3
_STREAMS: Final = {"parallel": 0, "one stream": 1}
"""The client's ``num_threads``; 0 lets it choose, as by default."""

_EXPECTED: Final = {("put", "plain", "parallel"): 0.6, ("get", "plain", "parallel"): 0.7}
"""At least so much of the copy (issue 2)."""

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Files:
    """``source`` goes up or is copied, ``goal`` is what comes back."""

    source: Path
    goal: Path

    @property
    def size(self) -> int:
        return self.source.stat().st_size

    def copy(self) -> None:
        self.goal.unlink(missing_ok=True)
        shutil.copyfile(self.source, self.goal)


@section("transfer", "PRC put and get, against a file copy")
def transfer(setting: Setting) -> Iterator[Measurement]:
    """The best of several rounds; each measures everything once, so that all see the same machine."""
    with sessions(setting.folder) as by_transport:
        for size_mib in _QUICK_SIZES_MIB if setting.is_quick else _SIZES_MIB:
            files = _Files(setting.folder / "source", setting.folder / "goal")
            _fill(files.source, size_mib)
            rates = _best_rates(files, by_transport, rounds=1 if setting.is_quick else _ROUNDS)
            yield from _measurements(f"{size_mib} MiB", rates)


def _fill(path: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(_MIB))


Operation = tuple[str, str, str]
"""What (copy, put, get), over which transport, in how many streams."""

_COPY: Final[Operation] = ("copy", "", "")


def _best_rates(files: _Files, by_transport: dict[str, iRODSSession], rounds: int) -> dict[Operation, float]:
    """MiB a second."""
    rates: dict[Operation, float] = {}
    for _ in range(rounds):
        for operation, step in _steps(files, by_transport):
            rate = files.size / _MIB / _seconds(step)
            rates[operation] = max(rate, rates.get(operation, 0.0))
    return rates


def _steps(files: _Files, by_transport: dict[str, iRODSSession]) -> Iterator[tuple[Operation, Step]]:
    yield _COPY, files.copy
    for transport, session in by_transport.items():
        path = f"/{session.zone}/home/{session.username}/bench"
        for streams, threads in _STREAMS.items():
            yield ("put", transport, streams), _put(session, files, path, threads)
            yield ("get", transport, streams), _get(session, files, path, threads)
            session.data_objects.unlink(path, force=True)


def _put(session: iRODSSession, files: _Files, path: str, threads: int) -> Step:
    return lambda: session.data_objects.put(str(files.source), path, num_threads=threads)


def _get(session: iRODSSession, files: _Files, path: str, threads: int) -> Step:
    files.goal.unlink(missing_ok=True)
    return lambda: session.data_objects.get(path, str(files.goal), num_threads=threads)


def _seconds(step: Step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _measurements(case: str, rates: dict[Operation, float]) -> Iterator[Measurement]:
    for operation, rate in rates.items():
        name = ", ".join(part for part in operation if part)
        yield Measurement(name, case, rate, "MiB/s", rate / rates[_COPY], _EXPECTED.get(operation))
