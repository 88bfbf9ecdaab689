"""Issue 4: the line to OMERO is cut at any byte, while logging in, reading what OMERO knows, or copying."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.errors import Unreachable
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form, Snapshot
from omero_irods_bridge.operations import pack
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.cut_line import Direction, Line, line_to
from tests.wire.bridge_pack.packets import asked, contents
from tests.wire.bridge_pack.test_pack import SMALL_PIECES, originals
from tests.wire.omero_server.conftest import User

PARTS = 12


@pytest.fixture
def line(server: OmeroServer) -> Iterator[Line]:
    with line_to(server.host, server.ssl_port) as made:
        yield made


def packed(line: Line, user: User, store: IrodsStore, dataset: ObjectRef, place: str, name: str) -> Snapshot:
    """Log in over the line, plan and pack."""
    login = UserPassword("127.0.0.1", user.name, user.password, line.port)
    request = asked((dataset,), place, Form.ZIP, name, existing=Existing.REFUSE)
    with connect(login) as connection:
        omero = OmeroImageServer(connection)
        plan = pack.plan(request, omero, store, clock=SystemClock())
        return pack.apply(plan, omero, store, options=SMALL_PIECES)


@pytest.mark.parametrize("direction", ["received", "sent"])
def test_wherever_the_line_to_omero_is_cut_it_is_unreachable_and_a_rerun_ends_right(
    direction: Direction,
    line: Line,
    user: User,
    store: IrodsStore,
    dataset: ObjectRef,
    place: str,
    server: OmeroServer,
) -> None:
    packed(line, user, store, dataset, place, "whole")
    total = line.carried[direction]
    for part in range(PARTS):
        name = f"part-{part}"
        line.cut_after(direction, total * part // PARTS)
        with pytest.raises(Unreachable, match="OMERO") as caught:
            packed(line, user, store, dataset, place, name)
        assert caught.value.hint
        assert store.find(f"{place}/{name}.zip") is None
        line.whole_again()
        snapshot = packed(line, user, store, dataset, place, name)
        found, repository = contents(store, snapshot), originals(server)
        assert [repository[one] for one in found if one.endswith(".tif")] == [
            found[one] for one in found if one.endswith(".tif")
        ]
        assert len([one for one in found if one.endswith(".tif")]) == 3
