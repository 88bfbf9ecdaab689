"""Who holds the lease of a worker's name is that worker; it ends with the process that took it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.model.errors import Busy


class Lease(Protocol):
    """That a worker has its name for itself."""

    def renew(self) -> None:
        """Hold it still, or again when the database has forgotten it.

        Raises:
            Busy: there is another worker of this name by now.
        """
        ...


@contextmanager
def lease(database: Database, worker: str) -> Iterator[Lease]:
    """Hold the lease while the block runs: a lock on a file beside SQLite, an advisory lock of PostgreSQL.

    Raises:
        Busy: there is a worker of this name.
    """
    taken = _by_file(database.path, worker) if database.path else _by_database(database, worker)
    with taken as held:
        yield held


class _LockOfFile:
    def renew(self) -> None:
        """A lock of a file stays until the process ends."""


@contextmanager
def _by_file(path: Path, worker: str) -> Iterator[Lease]:
    descriptor = os.open(f"{path}.{worker}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _taken(worker) from None
    try:
        yield _LockOfFile()
    finally:
        os.close(descriptor)


class _LockOfDatabase:
    """A lock of a session of PostgreSQL, which ends with the connection, as when the server starts anew."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker
        self._connection = database.connect()
        self._take()

    def renew(self) -> None:
        try:
            self._connection.execute(sa.select(1))
            self._connection.commit()
        except sa.exc.SQLAlchemyError:
            self.end()
            self._connection = self._database.connect()
            self._take()

    def end(self) -> None:
        if not self._connection.closed:
            self._connection.invalidate()
            self._connection.close()

    def _take(self) -> None:
        taken = sa.func.pg_try_advisory_lock(lock_number(self._worker))
        is_ours = self._connection.execute(sa.select(taken)).scalar()
        self._connection.commit()  # the lock is of the session, not of the transaction
        if not is_ours:
            self._connection.close()
            raise _taken(self._worker)


def lock_number(worker: str) -> int:
    """Of its advisory lock, as PostgreSQL takes numbers."""
    digest = hashlib.blake2b(worker.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@contextmanager
def _by_database(database: Database, worker: str) -> Iterator[Lease]:
    lock = _LockOfDatabase(database, worker)
    try:
        yield lock
    finally:
        lock.end()


def _taken(worker: str) -> Busy:
    return Busy(
        f"There is a worker named {worker} already.",
        hint="Give each worker a name of its own (agent.worker), and the same one after each restart.",
    )
