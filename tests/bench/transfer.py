"""PRC put and get of large files, against a copy of the same bytes on the same disk."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from irods.session import iRODSSession

from tests.bench import loopback
from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import sessions

_MIB: Final = 1 << 20
_SIZES_MIB: Final = (64, 512)
_QUICK_SIZES_MIB: Final = (40,)
_ROUNDS: Final = 7
_STREAMS: Final = {"parallel": 0, "one stream": 1}
"""The client's ``num_threads``; 0 lets it choose, as by default."""

_EXPECTED: Final = {("put", "plain", "parallel"): 0.6, ("get", "plain", "parallel"): 0.7}
"""At least so much of the copy (issue 2)."""

_BARE: Final = ("no protocol", "two streams")
"""See :mod:`tests.bench.loopback`."""

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Files:
    """``source`` goes up or is copied, ``goal`` is what comes back, ``stored`` lies in between."""

    source: Path
    goal: Path
    stored: Path

    @property
    def size(self) -> int:
        return self.source.stat().st_size

    def copy(self) -> None:
        shutil.copyfile(self.source, self.goal)


@section("transfer", "PRC put and get, against a file copy")
def transfer(setting: Setting) -> Iterator[Measurement]:
    """Medians of several rounds, each transfer compared with a copy to a new file right before it.

    So both see the same machine in the same second: on one whose memory is shared, the same copy
    takes eight times as long when its pages must first be found.
    """
    with sessions(setting.folder) as by_transport:
        for size_mib in _QUICK_SIZES_MIB if setting.is_quick else _SIZES_MIB:
            files = _Files(*(setting.folder / name for name in ("source", "goal", "stored")))
            _fill(files.source, size_mib)
            samples = _samples(files, by_transport, rounds=1 if setting.is_quick else _ROUNDS)
            yield from _measurements(f"{size_mib} MiB", samples)


def _fill(path: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(_MIB))


Operation = tuple[str, str, str]
"""What (put, get), over which transport, in how many streams."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """MiB a second of a transfer, and of the copy right before it."""

    rate: float
    copy_rate: float

    @property
    def ratio(self) -> float:
        return self.rate / self.copy_rate


def _samples(
    files: _Files, by_transport: dict[str, iRODSSession], rounds: int
) -> dict[Operation, list[_Sample]]:
    samples: dict[Operation, list[_Sample]] = defaultdict(list)
    for _ in range(rounds):
        for operation, step in _steps(files, by_transport):
            files.goal.unlink(missing_ok=True)
            copy_rate = files.size / _MIB / _seconds(files.copy)
            files.goal.unlink()
            samples[operation].append(_Sample(files.size / _MIB / _seconds(step), copy_rate))
    return samples


def _steps(files: _Files, by_transport: dict[str, iRODSSession]) -> Iterator[tuple[Operation, Step]]:
    with loopback.peer(files.stored) as address:
        yield ("put", *_BARE), lambda: loopback.put(address, files.source)
        yield ("get", *_BARE), lambda: loopback.get(address, files.goal, files.size)
        files.stored.unlink()
    for transport, session in by_transport.items():
        path = f"/{session.zone}/home/{session.username}/bench"
        for streams, threads in _STREAMS.items():
            yield ("put", transport, streams), _put(session, files, path, threads)
            yield ("get", transport, streams), _get(session, files, path, threads)
            session.data_objects.unlink(path, force=True)


def _put(session: iRODSSession, files: _Files, path: str, threads: int) -> Step:
    return lambda: session.data_objects.put(str(files.source), path, num_threads=threads)


def _get(session: iRODSSession, files: _Files, path: str, threads: int) -> Step:
    return lambda: session.data_objects.get(path, str(files.goal), num_threads=threads)


def _seconds(step: Step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _measurements(case: str, samples: dict[Operation, list[_Sample]]) -> Iterator[Measurement]:
    copies = [sample.copy_rate for found in samples.values() for sample in found]
    yield Measurement("copy", case, median(copies), "MiB/s", 1.0)
    for operation, found in samples.items():
        rate, ratio = median(one.rate for one in found), median(one.ratio for one in found)
        yield Measurement(", ".join(operation), case, rate, "MiB/s", ratio, _EXPECTED.get(operation))
