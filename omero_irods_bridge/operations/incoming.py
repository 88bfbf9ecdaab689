"""Where a snapshot is before it is sealed, and who may write there.

Everything that is under way lies in the collection ``.incoming`` beside the target, under a name that the
same plan always gets: so what a broken run left is found again. A lock object beside it is held open for
writing while a run goes on; iRODS refuses a second writer (logical locking) and lets go of it when the first
one dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.errors import BridgeError, Busy
from omero_irods_bridge.model.stored import parent_of
from omero_irods_bridge.ports import ObjectStore, ObjectWriter

INCOMING: Final = ".incoming"
LOCK_ENDING: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Incoming:
    """The place of one plan: ``path`` becomes the snapshot."""

    collection: str
    path: str
    lock: str


def incoming_of(target: str, plan_id: str) -> Incoming:
    """The place where the plan ``plan_id`` puts what will be renamed to ``target``."""
    collection = f"{parent_of(target)}/{INCOMING}"
    path = f"{collection}/{plan_id}"
    return Incoming(collection, path, path + LOCK_ENDING)


@contextmanager
def held(store: ObjectStore, place: Incoming) -> Iterator[None]:
    """Make the place and be its only writer for as long as the block runs.

    Afterwards the lock is gone, and the collection too when nothing else is in it.

    Raises:
        Busy: another run is at work there.
    """
    store.make_collection(place.collection)
    lock = _lock(store, place)
    try:
        yield
    except BaseException:
        lock.abort()
        raise
    # The lock object has no content, so nothing is lost when the connection that holds it broke meanwhile.
    with suppress(BridgeError):
        lock.close()
    with suppress(BridgeError):
        store.remove(place.lock)
        store.remove_if_empty(place.collection)


def _lock(store: ObjectStore, place: Incoming) -> ObjectWriter:
    try:
        return store.open_writer(place.lock)
    except Busy as error:
        raise Busy(
            f"The same objects are being packed into {parent_of(place.collection)} already.",
            hint="Wait until that run has ended, then run the same command again. If there is none: "
            f"omero-irods gc {parent_of(place.collection)}",
        ) from error
