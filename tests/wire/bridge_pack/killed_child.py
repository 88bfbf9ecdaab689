"""What a process of :mod:`killed` does; importing this loads all that packing needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.packing import PackRequest, TransferOptions
from omero_irods_bridge.operations import pack
from omero_irods_bridge.wiring import SystemClock

if TYPE_CHECKING:
    from tests.wire.bridge_pack.killed import Accounts


def pack_once(who: Accounts, request: PackRequest, options: TransferOptions) -> None:
    login = UserPassword(who.omero_host, who.omero_user, who.omero_password, who.omero_port)
    in_irods = account(
        who.irods_host, who.irods_port, zone=who.irods_zone, user=who.irods_user, password=who.irods_password
    )
    with connect(login, secure=False) as connection, IrodsStore(in_irods) as store:
        server = OmeroImageServer(connection)
        plan = pack.plan(request, server, store, clock=SystemClock())
        pack.apply(plan, server, store, options=options)
