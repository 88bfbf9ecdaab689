"""A scan plans for all that lies in its trees at once: what each file takes is little."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.ingest import IngestOptions
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import ZoneConfig
from tests.bench.ingest_plan import add_files, hands_without_omero
from tests.wire.bridge_irods.conftest import store_of

FEW, MANY = 500, 3_500
MOST_A_FILE = 2_000
"""Bytes at the worst moment; 100,000 files are 200 MB then."""


def test_what_is_in_omero_takes_few_bytes_of_memory_to_leave_alone(tmp_path: Path) -> None:
    with running_zone(ZoneConfig(root=tmp_path / "zone")) as zone, store_of(zone) as store:
        taken = {}
        for count in (10, FEW, MANY):  # the first one loads what is loaded once
            add_files(zone, f"{store.home}/{count}", count, is_known=True)
            taken[count] = memory_of_a_plan(store, f"{store.home}/{count}", count)
    assert (taken[MANY] - taken[FEW]) / (MANY - FEW) < MOST_A_FILE


def memory_of_a_plan(store: IrodsStore, top: str, count: int) -> int:
    """The most that was allocated at once, in bytes; the zone is in this process too."""
    tracemalloc.start()
    try:
        options, hands = IngestOptions(quiet_s=0), hands_without_omero(store)
        made = ingest.plan(store, top, hands, options, clock=SystemClock())
        assert (len(made.objects), made.items) == (count, ())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
