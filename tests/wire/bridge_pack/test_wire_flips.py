"""Issue 4: a byte that changes on the wire is caught, on whichever side, and nothing gets the final name."""

from __future__ import annotations

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import ChecksumMismatch, ExitStatus
from omero_irods_bridge.operations import pack
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.test_faults import Try, attempt, plan, rerun  # noqa: F401
from tests.wire.bridge_pack.test_pack import FORMS, SMALL_PIECES

_WRITE = 676


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
    omero: OmeroImageServer,
    plan: pack.PackPlan,  # noqa: F811
) -> None:
    before = zone.counters.calls(_WRITE)
    store.remove(pack.apply(plan, omero, store, options=SMALL_PIECES).path)
    writes = zone.counters.calls(_WRITE) - before
    assert writes >= 3
    for nth in range(1, writes + 1):
        zone.faults.flip_on_wire("received", nth=nth)
        with pytest.raises(ChecksumMismatch) as caught:
            attempt()
        assert caught.value.exit_status is ExitStatus.CHECKSUM_MISMATCH
        store.remove(rerun().path)
