"""Row P6: killed at any moment there is no half snapshot, and the next run ends right."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.packing import Existing, PackRequest
from omero_irods_bridge.model.snapshot import Form, Snapshot, from_avus
from omero_irods_bridge.model.stored import name_of
from omero_irods_bridge.packet.manifest import parse
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.conftest import make_dataset
from tests.wire.bridge_pack.killed import Accounts, finish, started
from tests.wire.bridge_pack.test_pack import members, originals
from tests.wire.omero_server.conftest import User

Gateway = Any
MOMENTS = 25
"""Of each form."""


@pytest.fixture
def accounts(server: OmeroServer, zone: Zone, user: User) -> Accounts:
    return Accounts(
        omero_host=server.host,
        omero_port=server.ssl_port,
        omero_user=user.name,
        omero_password=user.password,
        irods_host=zone.host,
        irods_port=zone.port,
        irods_zone=zone.name,
        irods_user=zone.config.admin,
        irods_password=zone.password,
    )


@pytest.fixture
def many(gateway: Gateway, tmp_path: Path) -> ObjectRef:
    return make_dataset(gateway, tmp_path, [(300, 200 + 20 * number) for number in range(12)])


@pytest.mark.parametrize("form", Form)
def test_killed_at_random_moments_there_is_never_half_a_snapshot_and_a_rerun_ends_right(
    form: Form, accounts: Accounts, many: ObjectRef, store: IrodsStore, place: str, server: OmeroServer
) -> None:
    target = f"{place}/noise.zip" if form is Form.ZIP else f"{place}/noise"
    request = PackRequest((many,), target, form, Existing.REFUSE)
    whole_s = seconds_of_a_run(accounts, request)
    for other in ("first", "second"):
        store.remove(target.replace("noise", other))
    assert_whole(store, target, form, server)
    chance = random.Random(form)
    cut_short = 0
    for moment in range(MOMENTS):
        store.remove(target)
        process = started(accounts, request)
        time.sleep(chance.random() * whole_s)
        process.kill()
        process.join()
        if store.find(target) is None:
            cut_short += 1
            assert finish(started(accounts, request)) == 0, f"the rerun failed after kill {moment}"
        assert_whole(store, target, form, server)
        assert [name_of(one.path) for one in store.children(place)] in (
            [name_of(target)],
            [".incoming", name_of(target)],  # killed after the rename and before it tidied up
        )
    assert cut_short > MOMENTS / 2


def seconds_of_a_run(accounts: Accounts, request: PackRequest) -> float:
    """Of a second one, for which all is loaded; afterwards the target is there."""
    began = 0.0
    for name in ("first", "second"):
        began = time.monotonic()
        other = PackRequest(request.objects, request.target.replace("noise", name), request.form)
        assert finish(started(accounts, other)) == 0
    seconds = time.monotonic() - began
    assert finish(started(accounts, request)) == 0
    return seconds


def assert_whole(store: IrodsStore, target: str, form: Form, server: OmeroServer) -> None:
    description = from_avus(store.avus(target))
    assert description is not None
    found = members(store, Snapshot(target, description), form)
    manifest = parse(found["bridge/manifest.json"])
    assert {one.path for one in manifest.members} == set(found) - {"bridge/manifest.json"}
    repository = originals(server)
    files = [one for one in manifest.members if one.path.endswith(".tif")]
    assert len(files) == 12
    assert all(found[one.path] == repository[one.path] for one in files)
    if form is Form.ZIP:
        assert store.compute_checksum(target).hex == description.sha256
    else:
        assert description.size == sum(map(len, found.values()))
