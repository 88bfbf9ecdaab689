"""How a scan grows with the number of files that arrive at once: its plan, its imports, its memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from omero_irods_bridge.adapters.irods.environment import Account, account
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.running import zone_process
from tests.bench.apart import apart
from tests.bench.drops import check_all, fill, scanning
from tests.bench.measured import peak_memory
from tests.bench.omero_server import omero_server
from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import session_of

_SIZES: Final = (100, 1_000)
_LONG_SIZES: Final = (*_SIZES, 10_000)
_QUICK_SIZES: Final = (2, 4)


@dataclass(frozen=True, slots=True)
class _Drop:
    """``count`` files in a collection, and who scans it."""

    user: Account
    login: UserPassword
    vault: Path
    collection: str
    count: int


@dataclass(frozen=True, slots=True)
class _Cost:
    plan_s: float
    import_s: float
    memory: int


@section("ingest-growth", "ingest: planning and importing by one scan, as what was dropped grows")
def ingest_growth(setting: Setting) -> Iterator[Measurement]:
    """Seconds and memory of scans, each in a process of its own."""
    sizes = _QUICK_SIZES if setting.is_quick else _LONG_SIZES if setting.is_long else _SIZES
    root = setting.folder / "zone"
    with zone_process(root, "--port", "0") as zone, omero_server(setting.folder / "omero") as server:
        user = account(zone.host, zone.port, zone=zone.zone, user=zone.admin, password=zone.password)
        login = UserPassword(server.host, "root", server.root_password, server.ssl)
        for count in sizes:
            drop = _Drop(user, login, root / "vault", f"/{zone.zone}/home/{zone.admin}/drop-{count}", count)
            with session_of(zone) as session:
                fill(session, drop.collection, count)
            cost, case = apart(_scan, drop), f"{count:,} files"
            yield Measurement("plan", case, cost.plan_s, "s")
            yield Measurement("import, a file", case, cost.import_s / count * 1000, "ms")
            yield Measurement("peak memory of the scan", case, cost.memory / (1 << 20), "MiB")


def _scan(drop: _Drop) -> _Cost:
    with scanning(drop.user, drop.login, drop.vault) as (store, hands, options):
        begun = time.perf_counter()
        plan = ingest.plan(store, drop.collection, hands, options, clock=SystemClock())
        planned = time.perf_counter()
        done = ingest.apply(plan, store, hands, clock=SystemClock())
        ended = time.perf_counter()
    check_all(done, drop.count)
    return _Cost(planned - begun, ended - planned, peak_memory())
