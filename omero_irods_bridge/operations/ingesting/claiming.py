"""Who works for a user in a group of his: one process at a time, so that nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from omero_irods_bridge.model.loads import LoadRecord, LoadState
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.operations.ingesting.importing import Work


@contextmanager
def claimed(side: IngestSide, collection: str, work: Work) -> Iterator[None]:
    """Hold the claim of all ingest for this user in this group while the block runs.

    Raises:
        Busy: another process holds it.
    """
    identity, book = side.receiver.server.identity, side.receiver.book
    load = f"ingest/{work.store.zone}/{identity.user_id}/{identity.group_id}"
    record = LoadRecord(load, collection, identity.user, _now(work))
    book.begin(record)
    with book.claim(load):
        yield
        book.finish(replace(record, state=LoadState.DONE, finished=_now(work)))


def _now(work: Work) -> datetime:
    return datetime.fromtimestamp(work.clock.now(), UTC)
