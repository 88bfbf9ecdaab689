"""Issue 4: a byte that changes on the wire while a load is made is caught, and the rerun ends right."""

from __future__ import annotations

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BadPacket, BridgeError, ChecksumMismatch, ExitStatus
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_unpack.test_faults import Loading, loading  # noqa: F401

_READ = 675
_FLIPPED = (ChecksumMismatch, BadPacket)
"""BadPacket where the byte belongs to the directory or a header of the zip, not to a member."""


def test_a_byte_flipped_in_any_read_from_irods_is_noticed_and_the_rerun_ends_right(
    loading: Loading,  # noqa: F811
    store: IrodsStore,
    zone: Zone,
) -> None:
    before = zone.counters.calls(_READ)
    loading.ends_right()
    reads = zone.counters.calls(_READ) - before
    errors: list[BridgeError | None] = []
    for nth in range(2, reads + 1):  # of the first one only the magic number of the container is looked at
        zone.faults.flip_on_wire("sent", nth=nth, from_end=2)  # the last bits of DEFLATE may mean nothing
        errors.append(loading.fails(store))
        zone.faults.clear()
        loading.ends_right(f"read {nth} of {reads}")
    assert [one for one in errors if not isinstance(one, _FLIPPED)] == []
    assert ExitStatus.CHECKSUM_MISMATCH in {one.exit_status for one in errors if one is not None}


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_byte_flipped_on_the_way_to_omero_is_sent_again(nth: int, loading: Loading) -> None:  # noqa: F811
    loading.server.faults.flip_on_wire("write", nth=nth)
    error = loading.fails()
    assert error is None or isinstance(error, ChecksumMismatch), error
    loading.server.faults.clear()
    loading.ends_right()
