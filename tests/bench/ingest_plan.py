"""What planning a scan of many small files holds in memory: of new ones, and of those that are in OMERO."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from omero_irods_bridge.adapters.irods.environment import Account, account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.ingest import IngestOptions
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.running import running_zone, zone_process
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.bench.apart import apart
from tests.bench.measured import peak_memory
from tests.bench.registry import Measurement, Setting, section

_SIZES: Final = (1_000, 10_000)
_LONG_SIZES: Final = (*_SIZES, 100_000)
_QUICK_SIZES: Final = (20,)
_A_COLLECTION: Final = 1_000
"""Files that lie in one."""

_SERVER: Final = "2f1c8a80-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class _Cost:
    seconds: float
    memory: int
    items: int


@section("ingest-plan", "ingest: planning alone, of files that are new or in OMERO already")
def ingest_plan(setting: Setting) -> Iterator[Measurement]:
    """Seconds and memory of plans, each in a process of its own; the data objects have no bytes."""
    sizes = _QUICK_SIZES if setting.is_quick else _LONG_SIZES if setting.is_long else _SIZES
    for count in sizes:
        root = setting.folder / f"zone-{count}"
        with running_zone(ZoneConfig(root=root)) as zone:
            tops = {False: f"/{zone.name}/home/new", True: f"/{zone.name}/home/known"}
            for is_known, top in tops.items():
                add_files(zone, top, count, is_known=is_known)
        with zone_process(root, "--port", "0") as served:
            user = account(
                served.host, served.port, zone=served.zone, user=served.admin, password=served.password
            )
            for is_known, top in tops.items():
                cost, case = apart(_plan, user, top), f"{count:,} {'in OMERO' if is_known else 'new'}"
                if cost.items != (0 if is_known else count):
                    raise RuntimeError(f"{cost.items} of {case} would be imported.")
                yield Measurement("plan", case, cost.seconds, "s")
                yield Measurement("peak memory of the plan", case, cost.memory / (1 << 20), "MiB")


def add_files(zone: Zone, top: str, count: int, *, is_known: bool) -> None:
    """``count`` data objects without bytes in collections below ``top``, straight into the catalog."""
    catalog = zone.catalog
    admin = catalog.users.get(zone.config.admin)
    with catalog.database.transaction():
        opted = catalog.make_collection(admin, top, parents=True)
        catalog.metadata.add(opted.id, "omero::ingest", "in-place", "")
        for number in range(count):
            path = f"{top}/plate-{number // _A_COLLECTION:03}"
            parent = catalog.collections.find(path) or catalog.make_collection(admin, path, parents=True)
            found = _replica(zone, path, f"field_{number:06}_w1.tif", number)
            catalog.data_objects.insert(found, parent)
            catalog.permissions.grant(found.data_id, admin.id, AccessLevel.OWN)
            for name, value, unit in _avus(found, number) if is_known else ():
                catalog.metadata.add(found.data_id, f"omero::{name}", value, unit)


def _replica(zone: Zone, collection: str, name: str, number: int) -> Replica:
    catalog, now = zone.catalog, timestamp()
    return Replica(
        data_id=catalog.database.next_id(),
        number=0,
        collection_path=collection,
        name=name,
        type="generic",
        size=1_000 + number,
        physical_path=f"{zone.config.root}/vault{collection}/{name}",
        owner_name=zone.config.admin,
        owner_zone=zone.name,
        status=ReplicaStatus.GOOD,
        checksum=f"sha2:{number:043}=",
        mode="0",
        create_time=now,
        modify_time=now,
        access_time=now,
        resource_id=catalog.resources.get(catalog.resources.default).id,
    )


def _avus(found: Replica, number: int) -> Iterator[tuple[str, str, str]]:
    """As a scan writes them."""
    yield "fileset", str(number), ""
    yield "image", str(number), ""
    yield "file", str(number), ""
    yield "server", _SERVER, ""
    yield "imported_as", "alice", ""
    yield "linked", "in-place", ""
    yield "imported_at", f"2026-11-28T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z", ""
    yield "ingest_version", found.checksum, str(found.data_id)


def hands_without_omero(store: IrodsStore) -> ingest.Hands:
    """Enough to plan with."""
    return ingest.Hands(
        _no_omero, lambda _: nullcontext(store), _no_omero, lambda _: "alice", lambda *_: True
    )


def _no_omero(*_who: Any) -> Any:
    raise RuntimeError("Planning asks OMERO nothing.")


def _plan(user: Account, top: str) -> _Cost:
    with IrodsStore(user) as store:
        hands = hands_without_omero(store)
        begun = time.perf_counter()
        made = ingest.plan(store, top, hands, IngestOptions(quiet_s=0), clock=SystemClock())
        return _Cost(time.perf_counter() - begun, peak_memory(), len(made.items))
