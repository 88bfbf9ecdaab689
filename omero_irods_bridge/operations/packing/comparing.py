"""What iRODS has, held against what was sent."""

from __future__ import annotations

from collections.abc import Iterator

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch
from omero_irods_bridge.model.stored import DataObject, ReplicaStatus
from omero_irods_bridge.ports import ObjectStore


def compare(store: ObjectStore, path: str, sent: Sha256) -> None:
    """Let iRODS read what it has at ``path``.

    Raises:
        ChecksumMismatch: it has other bytes than were sent.
    """
    found = store.compute_checksum(path)
    if found != sent:
        raise ChecksumMismatch(
            f"{path} is not what was sent: iRODS computed SHA-256 {found}, sent was {sent}.",
            hint="Nothing was sealed. Run the same command again; if it fails again, the storage resource "
            "damages data: tell the administrator of iRODS.",
        )


def compare_replicas(store: ObjectStore, path: str) -> None:
    """Let iRODS read the further replicas of a packet too: those that resources made have no checksum yet.

    Raises:
        ChecksumMismatch: one has other bytes than the replica that was compared.
        BridgeError: something in the packet has no good replica.
    """
    for one in _objects(store, path):
        if one.good is None:
            raise BridgeError(
                f"{one.path} was written, but none of its replicas is good.",
                hint="Nothing was sealed. Run the same command again; if it fails again: omero-irods doctor",
            )
        sent = next((replica.sha256 for replica in one.replicas if replica.sha256), None)
        for replica in one.replicas:
            if sent and replica.status is ReplicaStatus.GOOD and not replica.checksum:
                _compare_replica(store, one.path, replica.number, sent)


def _objects(store: ObjectStore, path: str) -> Iterator[DataObject]:
    found = store.find(path)
    if isinstance(found, DataObject):
        yield found
    elif found is not None:
        yield from (one for one in store.children(path, recursive=True) if isinstance(one, DataObject))


def _compare_replica(store: ObjectStore, path: str, number: int, sent: Sha256) -> None:
    try:
        found = store.compute_checksum(path, replica=number)
    except BridgeError as error:
        if error.retryable or isinstance(error, ChecksumMismatch):
            raise
        return  # an archive cannot tell, and `verify` says so
    if found != sent:
        raise ChecksumMismatch(
            f"Replica {number} of {path} is not what was sent: iRODS computed SHA-256 {found}, not {sent}.",
            hint="Nothing was sealed. The resource that made it damages data: tell the administrator.",
        )
