"""Two embedded OMERO servers and a zone between them: ``server`` is A, which packs; B takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.connection import connect as log_in
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import SessionKey, UserPassword
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations import pack, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.wiring import SystemClock, receiver_on
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import (  # noqa: F401
    _no_faults_in_the_zone,
    dataset,
    omero,
    omero_of,
)
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)

Gateway = Any


@pytest.fixture(scope="session")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    """B."""
    with running_server(ServerConfig(data=tmp_path_factory.mktemp("omero-b"), can_reset=True)) as running:
        yield running


@dataclass(frozen=True)
class Side:
    """One OMERO as a user sees it."""

    omero: OmeroServer
    connection: OmeroConnection
    receiver: Receiver


@contextmanager
def mounted(server: OmeroServer, gateway: Gateway) -> Iterator[OmeroImageServer]:  # noqa: F811
    """A, with its ManagedRepository mounted: OMERO gives the files of plates to nobody, by default."""
    key = SessionKey(server.host, gateway.c.getSessionId(), server.ssl_port)
    with log_in(key) as connection:
        yield OmeroImageServer(connection, repository=Path(server.config.data) / "ManagedRepository")


def side_of(server: OmeroServer, name: str, password: str) -> Side:  # noqa: F811
    connection = log_in(UserPassword(server.host, name, password, server.ssl_port), secure=False)
    return Side(server, connection, receiver_on(connection))


@pytest.fixture
def there(other_server: OmeroServer) -> Iterator[Side]:
    """B, as its administrator, empty."""
    other_server.reset()
    side = side_of(other_server, "root", other_server.root_password)
    yield side
    side.connection.close()
    other_server.faults.clear()


def packed(
    packing: OmeroImageServer,
    zone_store: IrodsStore,
    collection: str,
    objects: tuple[ObjectRef, ...],
    form: Form = Form.ZIP,
    **more: Any,
) -> str:
    """The path of a new snapshot."""
    name = "snapshot.zip" if form is Form.ZIP else "snapshot"
    request = PackRequest(objects, f"{collection}/{name}", form, **more)
    plan = pack.plan(request, packing, zone_store, clock=SystemClock())
    assert not plan.problems, plan.problems
    return pack.apply(plan, packing, zone_store).path


def unpacked(zone_store: IrodsStore, path: str, side: Side, **more: Any) -> Loaded:
    """What a load has become."""
    request = UnpackRequest(path, **more)
    with open_snapshot(zone_store, path) as packet:
        plan = unpack.plan(request, packet, side.receiver)
        assert not plan.problems, plan.problems
        return unpack.apply(plan, packet, side.receiver, clock=SystemClock())
