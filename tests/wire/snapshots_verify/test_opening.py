"""Both forms of a snapshot are read from the embedded zone at places, without extracting anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.errors import BadPacket, NotFound, Unreachable
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations.opening import open_packet, open_snapshot, sealed_snapshot
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.snapshots_verify.builders import ONE_IMAGE, build, put, seal

BUILT: Final = build(50)


@pytest.fixture(params=list(Form))
def path(request: pytest.FixtureRequest, store: IrodsStore, place: str) -> str:
    return seal(store, f"{place}/it's 100%.zip", BUILT, request.param)


def test_all_members_are_read_by_several_threads(store: IrodsStore, path: str) -> None:
    with open_snapshot(store, path, streams=3) as packet, ThreadPoolExecutor(6) as threads:
        read = threads.map(lambda name: (name, b"".join(packet.chunks(name))), list(packet.members) * 3)
        assert {name: content == BUILT.members[name] for name, content in read} == dict.fromkeys(
            BUILT.members, True
        )


def test_one_member_costs_little_more_than_its_bytes(zone: Zone, store: IrodsStore, path: str) -> None:
    before = zone.counters.bytes_sent
    with open_packet(store, path, open_local=open_local) as packet:
        assert b"".join(packet.chunks(ONE_IMAGE)) == BUILT.members[ONE_IMAGE]
    assert zone.counters.bytes_sent - before < 2 * len(BUILT.members[ONE_IMAGE])


def test_a_sealed_snapshot_is_described(store: IrodsStore, place: str) -> None:
    path = seal(store, f"{place}/set.zip", BUILT)
    assert sealed_snapshot(store, path).description == BUILT.description()
    with pytest.raises(BadPacket, match="not a sealed snapshot"):
        sealed_snapshot(store, place)


def test_what_is_not_there_or_no_packet_is_told_by_its_path(store: IrodsStore, place: str) -> None:
    with pytest.raises(NotFound, match=f"{place}/nothing"), open_snapshot(store, f"{place}/nothing"):
        pass
    path = put(store, f"{place}/notes.txt", b"notes")
    for wrong in (path, place):
        with pytest.raises(BadPacket, match=wrong), open_snapshot(store, wrong):
            pass


def test_what_somebody_else_keeps_to_himself_is_not_found(
    store: IrodsStore, user_store: IrodsStore, path: str
) -> None:
    with pytest.raises(NotFound), open_snapshot(user_store, path):
        pass


def test_a_connection_that_is_cut_while_reading_is_unreachable(
    zone: Zone, store: IrodsStore, path: str
) -> None:
    with open_snapshot(store, path) as packet:
        zone.faults.cut_after(50_000, direction="sent")
        with pytest.raises(Unreachable):
            b"".join(packet.chunks(ONE_IMAGE))
