"""What a restart makes of replicas that were being written when the zone died."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus

STALE, GOOD = ReplicaStatus.STALE, ReplicaStatus.GOOD


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(
        tmp_path / "catalog.sqlite",
        zone="tempZone",
        vault=tmp_path / "vault",
        resource_host="localhost",
        admin="rods",
        password="secret",
    )


def insert(catalog: Catalog, *statuses: ReplicaStatus) -> int:
    """A data object with one replica a status; its id."""
    collection = catalog.collections.get("/tempZone/home/rods")
    data_id = catalog.database.next_id()
    for number, status in enumerate(statuses):
        replica = Replica(
            data_id, number, collection.path, f"o{data_id}", "generic", 1, f"/v/{data_id}.{number}",
            "rods", "tempZone", status, "", "0", "0", "0", "0", 1,
        )  # fmt: skip
        catalog.data_objects.insert(replica, collection)
    return data_id


def statuses(catalog: Catalog, data_id: int) -> list[ReplicaStatus]:
    return [replica.status for replica in catalog.data_objects.with_id(data_id)]


def test_the_interrupted_replica_is_stale_and_its_siblings_are_what_they_were(catalog: Catalog) -> None:
    data_id = insert(catalog, GOOD, GOOD, STALE)
    objects = catalog.data_objects
    objects.set_status_of_others(data_id, 0, ReplicaStatus.WRITE_LOCKED)
    objects.update(data_id, 0, status=int(ReplicaStatus.INTERMEDIATE))
    assert objects.settle_interrupted() == 1
    assert statuses(catalog, data_id) == [STALE, GOOD, STALE]


def test_what_is_at_rest_stays_as_it_is(catalog: Catalog) -> None:
    data_id = insert(catalog, GOOD, STALE)
    assert catalog.data_objects.settle_interrupted() == 0
    assert statuses(catalog, data_id) == [GOOD, STALE]
