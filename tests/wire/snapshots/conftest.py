"""Stores of the iRODS wire tests, and zones that are full of snapshots."""

from __future__ import annotations

import pytest

from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.irods_zone.conftest import _no_faults_left, home, make_user, session, zone  # noqa: F401
from tests.wire.snapshots.many import add_snapshots

FEW = 30


@pytest.fixture
def few(zone: Zone, place: str) -> str:  # noqa: F811
    """A collection with so many snapshots below it."""
    add_snapshots(zone, place, FEW)
    return place
