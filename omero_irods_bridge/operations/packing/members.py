"""Members of an expanded packet: each is a data object below one collection."""

from __future__ import annotations

from collections.abc import Iterable

from omero_irods_bridge.model.stored import DataObject, parent_of
from omero_irods_bridge.operations.incoming import open_when_free
from omero_irods_bridge.ports import ObjectStore


class Members:
    """Where members go below the collection ``path``."""

    def __init__(self, store: ObjectStore, path: str) -> None:
        self._store, self._path = store, path
        self._made: set[str] = set()

    def place(self, member: str) -> str:
        """Its path; the collection for it is there afterwards."""
        path = f"{self._path}/{member}"
        collection = parent_of(path)
        if collection not in self._made:
            self._store.make_collection(collection)
            self._made.add(collection)
        return path


def write_whole(store: ObjectStore, path: str, chunks: Iterable[bytes]) -> None:
    """Write a data object through one stream; it is stale when ``chunks`` or the server fails."""
    writer = open_when_free(store, path)
    try:
        offset = 0
        for chunk in chunks:
            writer.write_at(0, offset, chunk)
            offset += len(chunk)
    except BaseException:
        writer.abort()
        raise
    writer.close()
    if not offset:
        _settle_empty(store, path)


def _settle_empty(store: ObjectStore, path: str) -> None:
    """A stale replica stays stale when no byte was written (``rsDataObjClose.cpp``): make it anew."""
    found = store.find(path)
    if isinstance(found, DataObject) and found.good is None:
        store.remove(path)
        open_when_free(store, path).close()
