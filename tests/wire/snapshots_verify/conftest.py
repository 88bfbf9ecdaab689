"""The zone and the stores of the tests of the iRODS adapter, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_irods.conftest import place, store, user_store  # noqa: F401
from tests.wire.irods_zone.conftest import _no_faults_left, home, make_user, session, zone  # noqa: F401
from tests.wire.irods_zone.data_objects import storage

_numbers = count(1)

NOW = 1_790_000_000.0
NOW_TEXT = "2026-09-21T14:13:20Z"


@dataclass
class StandingClock:
    time: float = NOW

    def now(self) -> float:
        return self.time


@pytest.fixture
def second_resource(zone: Zone, session: iRODSSession, place: str) -> Iterator[str]:  # noqa: F811
    """A second storage resource; what is at ``place`` is removed before it is."""
    with storage(session, zone, f"archive{next(_numbers)}") as name:
        yield name
        session.collections.remove(place, recurse=True, force=True)
