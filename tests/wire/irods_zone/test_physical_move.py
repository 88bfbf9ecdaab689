"""Moving replicas to another resource, as iphymv asks for it; python-irodsclient has no method for it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone import data_objects as do

PHYMV: Final = 697


def move(session: iRODSSession, path: str, **keywords: str) -> int:
    return do.request(session, PHYMV, path, keywords=keywords)


def test_a_replica_is_on_the_other_resource_then_and_its_old_file_is_gone(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    do.write(session, f"{home}/x", b"bytes")
    (before,) = do.replicas(zone, f"{home}/x")
    with do.storage(session, zone, "elsewhere"):
        move(session, f"{home}/x", rescName="demoResc", destRescName="elsewhere")
        (after,) = do.replicas(zone, f"{home}/x")
        assert (after.data_id, after.status) == (before.data_id, do.GOOD)
        assert zone.catalog.resources.by_id(after.resource_id).name == "elsewhere"
        assert do.vault_bytes(zone, f"{home}/x", after.number) == b"bytes"
        assert not Path(before.physical_path).exists()
        session.data_objects.unlink(f"{home}/x", force=True)


def test_it_stays_when_there_is_a_good_replica_already(zone: Zone, session: iRODSSession, home: str) -> None:
    do.write(session, f"{home}/x", b"bytes")
    with do.storage(session, zone, "elsewhere"):
        session.data_objects.replicate(f"{home}/x", resource="elsewhere")
        code = do.failure(move, session, f"{home}/x", replNum="0", destRescName="elsewhere")
        assert do.is_error(code, "SYS_COPY_ALREADY_IN_RESC")
        assert do.states(zone, f"{home}/x") == [do.GOOD, do.GOOD]
        session.data_objects.unlink(f"{home}/x", force=True)
