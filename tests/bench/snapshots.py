"""What a page of snapshots costs where there are many (issue 4, row L1)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

from irods.password_obfuscation import encode

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_sandbox.irods_zone.running import ZoneProcess, running_zone, zone_process
from omero_irods_sandbox.irods_zone.zone import ZoneConfig
from tests.bench.measured import run
from tests.bench.registry import Measurement, Setting, section
from tests.wire.snapshots.many import START, add_snapshots

_COUNTS: Final = (2_000, 20_000, 100_000)
_QUICK_COUNTS: Final = (300,)
_PAGE: Final = 50
_ROUNDS: Final = 5
_WANTED_S: Final = 1.0
"""Issue 4: the first page over 20,000 in under a second."""

_COMMAND: Final = str(Path(sys.executable).with_name("omero-irods"))


@section("snapshots", f"Pages of {_PAGE} snapshots, of so many; the ratio is to a second")
def snapshots(setting: Setting) -> Iterator[Measurement]:
    for count in _QUICK_COUNTS if setting.is_quick else _COUNTS:
        root = setting.folder / f"zone-{count}"
        with running_zone(ZoneConfig(root=root)) as zone:
            home = f"/{zone.name}/home/{zone.config.admin}"
            add_snapshots(zone, home, count)
        with zone_process(root, "--port", "0") as served:
            for what, seconds in _pages(served, count):
                yield _measurement(what, count, seconds)
            whole = _listed(served, setting.folder)
            yield Measurement("omero-irods list, whole command", f"{count:,}", whole, "s")


def _measurement(what: str, count: int, seconds: float) -> Measurement:
    return Measurement(what, f"{count:,}", seconds, "s", _WANTED_S / seconds, 1.0)


def _pages(zone: ZoneProcess, count: int) -> Iterator[tuple[str, float]]:
    who = account(zone.host, zone.port, zone=zone.zone, user=zone.admin, password=zone.password)
    with IrodsStore(who) as store:
        yield "first page, with logging in", _seconds(lambda: find(store, Criteria(), limit=_PAGE), rounds=1)
        for what, (criteria, skip) in _questions(count).items():
            yield what, _seconds(lambda c=criteria, s=skip: find(store, c, skip=s, limit=_PAGE))  # type: ignore[misc]


def _questions(count: int) -> dict[str, tuple[Criteria, int]]:
    middle = START + timedelta(hours=count // 2)
    return {
        "first page": (Criteria(), 0),
        "a page in the middle": (Criteria(), count // 2),
        "by name": (Criteria(name="of day 7"), 0),
        "by a name that nothing has": (Criteria(name="no such name"), 0),
        "by date": (Criteria(since=middle, until=middle + timedelta(days=2)), 0),
        "by owner": (Criteria(owner="user3"), 0),
        "by source": (Criteria(source=ObjectRef(Kind.DATASET, count // 2)), 0),
        "by image": (Criteria(image=count * 2), 0),
        "by size": (Criteria(min_size=5_000, max_size=90_000), 0),
    }


def _seconds(ask: Callable[[], object], rounds: int = _ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - start)
    return median(taken)


def _listed(zone: ZoneProcess, folder: Path) -> float:
    home = folder / f"home-{zone.port}"
    home.mkdir()
    (home / "irodsA").write_text(encode(zone.password))
    environment = {
        "IRODS_ENVIRONMENT_FILE": str(zone.environment_file),
        "IRODS_AUTHENTICATION_FILE": str(home / "irodsA"),
    }
    return median(run([_COMMAND, "list"], home, environment).seconds for _ in range(3))
