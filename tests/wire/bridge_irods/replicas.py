"""What the tests ask about the replica of an object."""

from __future__ import annotations

import threading

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.stored import DataObject, ReplicaStatus


def status_of(store: IrodsStore, path: str) -> ReplicaStatus | None:
    """Of its only replica; none when it is not there."""
    found = store.find(path)
    if found is None:
        return None
    assert isinstance(found, DataObject)
    return found.replicas[0].status


def settled(store: IrodsStore, path: str) -> None:
    """Wait until the server has noticed that the writer is gone."""
    for _ in range(500):
        if status_of(store, path) is not ReplicaStatus.INTERMEDIATE:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{path} is still being written")
