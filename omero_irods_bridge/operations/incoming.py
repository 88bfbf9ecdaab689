"""Where a snapshot is before it is sealed, and who may write there.

Everything that is under way lies in the collection ``.incoming`` beside the target, under a name that the
same plan always gets: so what a broken run left is found again. A lock object beside it is held open for
writing while a run goes on; iRODS refuses a second writer (logical locking) and lets go of it when the first
one dies.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Busy, NotFound, Unreachable
from omero_irods_bridge.model.stored import parent_of
from omero_irods_bridge.ports import ObjectStore, ObjectWriter

INCOMING: Final = ".incoming"
LOCK_ENDING: Final = ".lock"
PLAN_ID_LENGTH: Final = 32
"""Hexadecimal digits; what is called otherwise is nobody's work under way."""

_PATIENCE_S: Final = 1.0
"""A server notices a moment late that the writer of an object is gone, and calls it busy until then."""
_LOOK_S: Final = 0.05


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
def held(store: ObjectStore, place: Incoming, *, asks_for_checksum: bool = False) -> Iterator[None]:
    """Make the place and be its only writer for as long as the block runs.

    Afterwards the lock is gone, and the collection too when nothing else is in it. Who asks for a checksum
    hears before the block begins when iRODS computes none that can be compared; it costs four round trips.

    Raises:
        Busy: another run is at work there.
        AccessDenied: the place is somebody else's.
        BridgeError: iRODS computes other checksums; the place is gone then.
    """
    lock = _lock(store, place)
    if asks_for_checksum:
        lock = _after_a_checksum(store, place, lock)
    try:
        yield
    except Unreachable:
        lock.abort()
        raise
    except BaseException:
        # In order, so that the next run need not wait until the server has noticed.
        with suppress(BridgeError):
            lock.close()
        raise
    # The lock object has no content, so nothing is lost when the connection that holds it broke meanwhile.
    with suppress(BridgeError):
        lock.close()
    _remove_lock(store, place)


def _remove_lock(store: ObjectStore, place: Incoming) -> None:
    with suppress(BridgeError):
        store.remove(place.lock)
        store.remove_if_empty(place.collection)


def _after_a_checksum(store: ObjectStore, place: Incoming, lock: ObjectWriter) -> ObjectWriter:
    """The lock, held anew: of what is open for writing iRODS computes no checksum."""
    lock.close()
    try:
        store.compute_checksum(place.lock)
    except BridgeError as error:
        if not error.retryable:
            _remove_lock(store, place)
        raise
    return _lock(store, place)


def open_when_free(store: ObjectStore, path: str, *, streams: int = 1, keep: bool = False) -> ObjectWriter:
    """``ObjectStore.open_writer`` for what lies in ``.incoming``, where a run may just have died.

    Raises:
        Busy: it is not free within a second.
    """
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return store.open_writer(path, streams=streams, keep=keep)
        except Busy:
            if time.monotonic() > end:
                raise
            time.sleep(_LOOK_S)


def _lock(store: ObjectStore, place: Incoming) -> ObjectWriter:
    try:
        return _open_lock(store, place)
    except Busy as error:
        raise Busy(
            f"The same objects are being packed into {parent_of(place.collection)} already.",
            hint="Wait until that run has ended, then run the same command again. If there is none: "
            f"omero-irods gc {parent_of(place.collection)}",
        ) from error
    except AccessDenied as error:
        above = parent_of(place.collection)
        raise AccessDenied(
            f"{place.collection} is not yours: somebody else packs into {above}, or a run of his broke off.",
            hint=f"Wait, or let its owner remove what it left: omero-irods gc {above}. All may pack there"
            f" at once when what is made there gets the rights of the collection: ichmod inherit '{above}'",
        ) from error


def _open_lock(store: ObjectStore, place: Incoming) -> ObjectWriter:
    """Another run that ends removes the collection while it is empty: it is made anew then."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        store.make_collection(place.collection)
        try:
            return open_when_free(store, place.lock)
        except NotFound:
            if time.monotonic() > end:
                raise
