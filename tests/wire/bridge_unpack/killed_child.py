"""What a process of :mod:`killed` does; importing this loads all that unpacking needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero import container_links, importing, loads, surroundings  # noqa: F401
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.placing import places_in
from omero_irods_bridge.wiring import SystemClock, receiver_on

if TYPE_CHECKING:
    from tests.wire.bridge_unpack.killed import Load


def unpack_once(load: Load) -> None:
    """Exits as the command does."""
    who = load.accounts
    login = UserPassword(who.omero_host, who.omero_user, who.omero_password, who.omero_port)
    in_irods = account(
        who.irods_host, who.irods_port, zone=who.irods_zone, user=who.irods_user, password=who.irods_password
    )
    try:
        with (
            connect(login, secure=False) as connection,
            IrodsStore(in_irods) as store,
            open_snapshot(store, load.request.packet) as packet,
        ):
            receiver = receiver_on(connection)
            places = load.mapping and places_in(store, load.request.packet, load.mapping)
            plan = unpack.plan(load.request, packet, receiver, places=places)
            unpack.apply(plan, packet, receiver, clock=SystemClock())
    except BridgeError as error:
        sys.stderr.write(f"{type(error).__name__}: {error.message}\n")
        sys.exit(int(error.exit_status))
