"""Opens the database of the agent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.tables import make_tables
from omero_irods_bridge.model.errors import AccessDenied, Unreachable

BUSY_TIMEOUT_MS: Final = 30_000
_READS: Final = "bridge_reads"
_KEEPALIVES: Final = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Of libpq: who has not answered for a minute is gone. A URL that says otherwise goes before."""

_KEEPALIVES_OF_SERVER: Final = """
    SELECT set_config(name, value, false)
    FROM (VALUES ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'),
                 ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '60000')) AS ours (name, value)
    JOIN pg_settings USING (name) WHERE source = 'default'
"""
"""The same on the other side, where what a session had locked is locked for as long as it is not known to be
gone: two hours else. What an administrator has set goes before."""

_ONE_AT_A_TIME: Final = 0x6F62_6A6F_6273
"""Of the advisory lock of PostgreSQL under which jobs are let begin; any number that nobody else takes."""


class Database:
    """The database of the agent, as a path of SQLite or a URL of PostgreSQL. Any thread may use it."""

    def __init__(self, where: str) -> None:
        """Makes file and tables where they are missing; the file is for its owner alone.

        One of an older release gets what is new in place; its jobs stay.

        Raises:
            AccessDenied: the file cannot be made there, or no tables in what is there.
            Unreachable: PostgreSQL does not answer.
        """
        self._where = where
        self.path = Path(where) if where.startswith("/") else None
        self.url = f"sqlite:///{where}" if self.path else _driver(where)
        if self.path:
            _make_private(self.path)
        self._engine = sa.create_engine(self.url, pool_pre_ping=self.path is None)
        if self.path:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin)
        else:
            sa.event.listen(self._engine, "connect", _prepare_postgresql)
        try:
            with self.writing() as connection:
                make_tables(connection)
        except sa.exc.OperationalError as error:
            raise Unreachable(
                f"The database of the agent cannot be opened: {self.shown}.", hint="Check agent.database."
            ) from error
        except sa.exc.DatabaseError as error:
            raise AccessDenied(
                f"{self.shown} cannot be the database of the agent: {str(error.orig).splitlines()[0]}.",
                hint="Name another one in agent.database, or let its user make tables there:"
                " in PostgreSQL he may be the owner of the database.",
            ) from error

    @property
    def shown(self) -> str:
        """Which one it is, for people."""
        return str(self.path) if self.path else sa.make_url(self._where).render_as_string(hide_password=True)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction, which no other one of the agent runs beside."""
        with self._engine.begin() as connection:
            if self.path is None:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """What is read in the block fits together on SQLite; nobody is kept from writing elsewhere."""
        with self._engine.connect().execution_options(**{_READS: True}) as connection:
            yield connection

    def connect(self) -> sa.Connection:
        """A connection of its own, for a lock that lives as long as it."""
        return self._engine.connect()

    def close(self) -> None:
        self._engine.dispose()


def _driver(url: str) -> str:
    """PostgreSQL by psycopg 3, which DBOS brings along."""
    given = sa.make_url(url)
    made = given.set(drivername="postgresql+psycopg", query={**_KEEPALIVES, **given.query})
    return made.render_as_string(hide_password=False)


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise AccessDenied(
            f"The database of the agent, {path}, cannot be used: {error.strerror}.",
            hint="Set agent.database to a file that the agent may write.",
        ) from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Transactions begin where we say so, as SQLAlchemy's documentation has it for pysqlite."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.execute(_KEEPALIVES_OF_SERVER)
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
