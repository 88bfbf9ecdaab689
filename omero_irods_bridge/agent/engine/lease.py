"""Who holds the lease of a worker's name is that worker; it ends with the process that took it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.model.errors import Busy


@contextmanager
def lease(database: Database, worker: str) -> Iterator[None]:
    """Hold the lease while the block runs: a lock on a file beside SQLite, an advisory lock of PostgreSQL.

    Raises:
        Busy: there is a worker of this name.
    """
    taken = _by_file(database.path, worker) if database.path else _by_database(database, worker)
    with taken:
        yield


@contextmanager
def _by_file(path: Path, worker: str) -> Iterator[None]:
    descriptor = os.open(f"{path}.{worker}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _taken(worker) from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _by_database(database: Database, worker: str) -> Iterator[None]:
    number = int.from_bytes(hashlib.blake2b(worker.encode(), digest_size=8).digest(), "big", signed=True)
    with database.connect() as connection:
        if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar():
            raise _taken(worker)
        connection.commit()  # the lock is of the session, not of the transaction
        try:
            yield
        finally:
            connection.invalidate()


def _taken(worker: str) -> Busy:
    return Busy(
        f"There is a worker named {worker} already.",
        hint="Give each worker a name of its own (agent.worker), and the same one after each restart.",
    )
