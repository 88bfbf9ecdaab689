"""Issue 4: bytes that verify reads itself and that change on the wire never count as whole."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BadPacket, BridgeError, ChecksumMismatch
from omero_irods_bridge.model.snapshot import Form, State
from omero_irods_bridge.model.verification import Scope, Verification
from omero_irods_bridge.operations import verify
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.snapshots_verify.builders import build, seal
from tests.wire.snapshots_verify.conftest import StandingClock

_READ: Final = 675


def sampled(store: IrodsStore, path: str) -> Verification:
    """Every member is in the sample, so all bytes come here."""
    plan = verify.plan(store, path, scope=Scope.DATA, sample=0.99, rng=Random(1))
    return verify.apply(plan, store, clock=StandingClock())


@pytest.mark.parametrize("form", Form)
def test_a_byte_flipped_in_any_read_is_a_finding_or_an_error_and_never_in_order(
    zone: Zone, store: IrodsStore, place: str, form: Form
) -> None:
    path = seal(store, f"{place}/set", build(), form)
    before = zone.counters.calls(_READ)
    assert sampled(store, path).ok
    reads = zone.counters.calls(_READ) - before
    assert reads > 0
    for nth in range(1, reads + 1):
        zone.faults.flip_on_wire("sent", nth=nth, from_end=2)  # the last bits of DEFLATE may mean nothing
        try:
            noticed = not sampled(store, path).ok
        except BridgeError as error:
            noticed = isinstance(error, (BadPacket, ChecksumMismatch))
        assert noticed, f"read {nth} of {reads}"
        zone.faults.clear()
        whole = verify.apply(verify.plan(store, path, scope=Scope.DATA), store, clock=StandingClock())
        assert whole.state is State.SEALED, "what was right all the time is found right again"
