"""Many snapshots in an embedded zone: data objects without bytes, with AVUs, straight into its catalog."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from omero_irods_bridge.model.snapshot import Description, State, to_avus
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Collection, Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.zone import Zone

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
A_COLLECTION: Final = 100
"""Snapshots that lie in one."""

_PLAIN: Final = Description(
    server="2f1c8a80-0000-4000-8000-000000000000",
    host="omero.example.org",
    sources=(),
    name="",
    owner="",
    group="",
    packed_by="alice",
    images=4,
    files=4,
    size=0,
    sha256="0" * 64,
    packed_at=START,
    software="omero-irods-bridge 0.1.0",
)


def description(number: int) -> Description:
    """The snapshot of this number: one an hour, ten owners, of every hundredth the bytes are damaged."""
    first = number * 4
    return replace(
        _PLAIN,
        sources=(f"Dataset:{number}",),
        name=f"experiment {number} of day {number // 24}",
        owner=f"user{number % 10}",
        group=f"group{number % 3}",
        size=1000 * (number + 1),
        packed_at=START + timedelta(hours=number),
        image_ids=tuple(range(first, first + 4)),
        state=State.DAMAGED if number % 100 == 99 else State.SEALED,
    )


def path_of(top: str, number: int) -> str:
    return f"{top}/set-{number // A_COLLECTION:04}/snapshot-{number:06}.zip"


def add_snapshots(zone: Zone, top: str, count: int) -> None:
    """``count`` snapshots of the administrator's below ``top``, in the order of their numbers."""
    catalog = zone.catalog
    admin = catalog.users.get(zone.config.admin)
    with catalog.database.transaction():
        for number in range(count):
            path = path_of(top, number)
            parent = catalog.collections.find(path.rpartition("/")[0]) or catalog.make_collection(
                admin, path.rpartition("/")[0], parents=True
            )
            _add(zone, parent, path, number, admin.id)


def _add(zone: Zone, parent: Collection, path: str, number: int, owner_id: int) -> None:
    catalog, about, now = zone.catalog, description(number), timestamp()
    data_id = catalog.database.next_id()
    replica = Replica(
        data_id=data_id,
        number=0,
        collection_path=parent.path,
        name=path.rpartition("/")[2],
        type="generic",
        size=about.size,
        physical_path=f"/nowhere/{data_id}",
        owner_name=zone.config.admin,
        owner_zone=zone.name,
        status=ReplicaStatus.GOOD,
        checksum="",
        mode="0",
        create_time=now,
        modify_time=now,
        access_time=now,
        resource_id=catalog.resources.get(catalog.resources.default).id,
    )
    catalog.data_objects.insert(replica, parent)
    catalog.permissions.grant(data_id, owner_id, AccessLevel.OWN)
    for avu in to_avus(about):
        catalog.metadata.add(data_id, avu.attribute, avu.value, avu.unit)
