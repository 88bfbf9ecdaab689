"""PRC put and get of large files, against a copy of the same bytes on the same disk."""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from irods.session import iRODSSession

from tests.bench import loopback
from tests.bench.idle_zone import idle_session
from tests.bench.memory import warm
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

_CLIENT_ALONE: Final = "client alone"
"""See :mod:`tests.bench.idle_zone`: no server can make python-irodsclient faster on this machine."""

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

    So both see the same machine in the same second, and both find its memory warm
    (:func:`~tests.bench.memory.warm`).
    """
    with sessions(setting.folder) as by_transport, idle_session(setting.folder / "idle") as idle:
        for size_mib in _QUICK_SIZES_MIB if setting.is_quick else _SIZES_MIB:
            files = _Files(*(setting.folder / name for name in ("source", "goal", "stored")))
            _fill(files.source, size_mib)
            samples = _samples(files, idle, by_transport, rounds=1 if setting.is_quick else _ROUNDS)
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
    files: _Files, idle: iRODSSession, by_transport: Mapping[str, iRODSSession], rounds: int
) -> dict[Operation, list[_Sample]]:
    samples: dict[Operation, list[_Sample]] = defaultdict(list)
    for _ in range(rounds):
        for operation, step in _steps(files, idle, by_transport):
            copy_rate = _rate(files, files.copy)
            samples[operation].append(_Sample(_rate(files, step), copy_rate))
    return samples


def _rate(files: _Files, step: Step) -> float:
    files.goal.unlink(missing_ok=True)
    warm(files.goal.parent, files.size)
    return files.size / _MIB / _seconds(step)


def _steps(
    files: _Files, idle: iRODSSession, by_transport: Mapping[str, iRODSSession]
) -> Iterator[tuple[Operation, Step]]:
    with loopback.peer(files.stored) as address:
        yield ("put", *_BARE), lambda: loopback.put(address, files.source)
        yield ("get", *_BARE), lambda: loopback.get(address, files.goal, files.size)
        files.stored.unlink()
    yield from _client_steps(files, idle, _CLIENT_ALONE, {"parallel": _STREAMS["parallel"]})
    for transport, session in by_transport.items():
        yield from _client_steps(files, session, transport, _STREAMS)


def _client_steps(
    files: _Files, session: iRODSSession, transport: str, streams: Mapping[str, int]
) -> Iterator[tuple[Operation, Step]]:
    path = f"/{session.zone}/home/{session.username}/bench"
    for name, threads in streams.items():
        yield ("put", transport, name), _put(session, files, path, threads)
        yield ("get", transport, name), _get(session, files, path, threads)
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
