"""How many small operations a second one PRC session gets done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from irods.meta import iRODSMeta
from irods.models import Collection, DataObject, DataObjectMeta
from irods.session import iRODSSession

from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import sessions

_TIMES: Final = 500
_QUICK_TIMES: Final = 50
_SMALL_BYTES: Final = 1024

Step = Callable[[int], object]


@section("rates", "Small operations of one session")
def rates(setting: Setting) -> Iterator[Measurement]:
    times = _QUICK_TIMES if setting.is_quick else _TIMES
    source = setting.folder / "small"
    source.write_bytes(b"s" * _SMALL_BYTES)
    with sessions(setting.folder) as by_transport:
        for transport, session in by_transport.items():
            for what, step in _steps(session, source):
                yield Measurement(what, transport, times / _seconds(step, times), "/s")


def _steps(session: iRODSSession, source: Path) -> Iterator[tuple[str, Step]]:
    home = f"/{session.zone}/home/{session.username}"
    session.data_objects.put(str(source), f"{home}/object")
    back = source.with_name("back")
    yield "AVU adds", lambda n: _add_avu(session, f"{home}/object", str(n))
    yield "queries by AVU", lambda n: _found(session, str(n))
    yield f"puts of {_SMALL_BYTES} B", lambda n: session.data_objects.put(str(source), f"{home}/put-{n}")
    yield f"gets of {_SMALL_BYTES} B", lambda n: _get_anew(session, f"{home}/put-{n}", back)


def _add_avu(session: iRODSSession, path: str, value: str) -> None:
    """The one request: ``metadata.add`` of a data object fetches all its AVUs afterwards."""
    session.metadata.add(DataObject, path, iRODSMeta("bench", value))


def _found(session: iRODSSession, value: str) -> int:
    query = session.query(Collection.name, DataObject.name)
    matching = query.filter(DataObjectMeta.name == "bench").filter(DataObjectMeta.value == value)
    return sum(1 for _ in matching)


def _get_anew(session: iRODSSession, path: str, goal: Path) -> None:
    goal.unlink(missing_ok=True)
    session.data_objects.get(path, str(goal))


def _seconds(step: Step, times: int) -> float:
    start = time.perf_counter()
    for n in range(times):
        step(n)
    return time.perf_counter() - start
