"""What packing a plate costs as it grows: reading what OMERO knows of it, and writing that down (issue 4).

All images are of one fileset, which the stock tool cannot pack from 1,000 images on (RecursionError).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.operations import pack
from omero_irods_bridge.operations.packing.metadata import metadata_members
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.bench.omero_server import omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.wire.omero_server.import_client import Options, import_files

_SIZES: Final = {100: (10, 10, 1), 1_000: (10, 25, 4), 10_000: (25, 50, 8)}
"""Rows, columns and fields of a plate, by images."""
_QUICK_SIZES: Final = {4: (2, 2, 1), 8: (2, 2, 2)}
_COUNTED_AT_MOST: Final = 1_000
"""Calls are counted in a server in this process, which is slow: so not beyond this many images."""


@dataclass(frozen=True, slots=True)
class _Cost:
    plan_s: float
    metadata_s: float


@section("pack-plate", "pack: a plate in one fileset, as it grows")
def pack_plate(setting: Setting) -> Iterator[Measurement]:
    sizes = _QUICK_SIZES if setting.is_quick else _SIZES
    with omero_server(setting.folder / "server") as server, root_clients(server, "plain") as (client,):
        login = UserPassword(server.host, "root", server.root_password, server.ssl)
        for images, layout in sizes.items():
            cost = _cost(login, _plate(client, setting.folder, layout))
            case = f"{images:,} images"
            yield Measurement("plan", case, cost.plan_s, "s")
            yield Measurement("metadata", case, cost.metadata_s, "s")
            yield Measurement(
                "both, a thousand images", case, (cost.plan_s + cost.metadata_s) / images * 1000, "s"
            )
    with running_server(ServerConfig(data=setting.folder / "counted")) as counted:
        for images, layout in sizes.items():
            if images <= _COUNTED_AT_MOST:
                yield Measurement(
                    "calls of OMERO", f"{images:,} images", _calls(counted, setting.folder, layout), ""
                )


def _plate(client: Any, folder: Path, layout: tuple[int, int, int]) -> ObjectRef:
    rows, columns, fields = layout
    name = (
        f"p&plates=1&plateRows={rows}&plateCols={columns}&fields={fields}&plateAcqs=1&sizeX=16&sizeY=16.fake"
    )
    path = folder / name
    path.touch()
    response = import_files(client, [path], Options(statistics=False))
    return ObjectRef(Kind.PLATE, response.objects[0].id.val)


def _cost(login: UserPassword, plate: ObjectRef) -> _Cost:
    with connect(login) as connection:
        start = time.perf_counter()
        plan = _plan(connection, plate)
        planned = time.perf_counter()
        for _ in metadata_members(plan, []):
            pass
        return _Cost(planned - start, time.perf_counter() - planned)


def _plan(connection: Any, plate: ObjectRef) -> pack.PackPlan:
    store = MemoryStore()
    request = PackRequest((plate,), f"{store.home}/plate.zip")
    return pack.plan(request, OmeroImageServer(connection), store, clock=SystemClock())


def _calls(server: OmeroServer, folder: Path, layout: tuple[int, int, int]) -> float:
    login = UserPassword(server.host, "root", server.root_password, server.ssl_port)
    with connect(login) as connection:
        plate = _plate(connection.client, folder, layout)
        server.counters.reset()
        _plan(connection, plate)
        return server.counters.calls()
