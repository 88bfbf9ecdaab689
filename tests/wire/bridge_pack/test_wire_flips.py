"""Issue 4: a byte that changes on the wire is caught, on whichever side, and nothing gets the final name."""

from __future__ import annotations

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import ChecksumMismatch, ExitStatus
from omero_irods_bridge.operations import pack
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.test_faults import Try, attempt, plan, rerun  # noqa: F401
from tests.wire.bridge_pack.test_pack import FORMS


@FORMS
@pytest.mark.parametrize("file", range(3))
def test_a_byte_flipped_between_omero_and_us_fails_the_pack_and_names_the_file(
    file: int,
    attempt: Try,  # noqa: F811
    rerun: Try,  # noqa: F811
    server: OmeroServer,
    plan: pack.PackPlan,  # noqa: F811
) -> None:
    source = plan.files[file]
    server.faults.flip_on_wire("read", file_id=source.id)
    with pytest.raises(ChecksumMismatch, match=source.member.rpartition("/")[2]) as caught:
        attempt()
    assert caught.value.exit_status is ExitStatus.CHECKSUM_MISMATCH
    rerun()


@FORMS
def test_a_byte_flipped_in_any_write_to_irods_fails_the_pack(
    attempt: Try,  # noqa: F811
    rerun: Try,  # noqa: F811
    zone: Zone,
    store: IrodsStore,
) -> None:
    statuses: list[ExitStatus] = []
    while True:  # how many writes there are is another number each time: what waits together goes together
        zone.faults.flip_on_wire("received", nth=len(statuses) + 1)
        try:
            attempt()
        except ChecksumMismatch as error:
            statuses.append(error.exit_status)
        else:
            break
        store.remove(rerun().path)
    assert zone.faults.flips_to_come == 1, "the pack that succeeded met no flip"
    assert len(statuses) >= 3
    assert set(statuses) == {ExitStatus.CHECKSUM_MISMATCH}
