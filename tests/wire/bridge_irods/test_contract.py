"""The iRODS store keeps to the contract of its port: as a rodsadmin, and as a user whose rights count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.ports import ObjectStore
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.contracts.object_store import ObjectStoreContract
from tests.wire.bridge_irods.conftest import store_of


class TestAsAdministrator(ObjectStoreContract):
    @pytest.fixture
    def store(self, zone: Zone) -> Iterator[ObjectStore]:
        with store_of(zone) as opened:
            yield opened

    @pytest.fixture
    def place(self, home: str) -> str:
        return home


class TestAsUser(ObjectStoreContract):
    @pytest.fixture
    def store(self, user_store: IrodsStore) -> ObjectStore:
        return user_store

    @pytest.fixture
    def place(self, store: ObjectStore) -> str:
        store.make_collection(f"{store.home}/place")
        return f"{store.home}/place"
