"""The embedded server and its users, and what writes into it in the session of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.connection import connect as log_in_to_omero
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.loads import LoadRecord, LoadState
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    Group,
    User,
    _no_faults_left,
    client,
    connect,
    gateway,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)

LogIn = Callable[..., OmeroConnection]


@pytest.fixture
def connect_as(server: OmeroServer) -> Iterator[LogIn]:  # noqa: F811
    """Log in as a user, as the bridge does; the connections are closed after the test."""
    with ExitStack() as opened:

        def log_in(user: User, group: Group | None = None) -> OmeroConnection:
            name = None if group is None else group.name
            login = UserPassword(server.host, user.name, user.password, server.ssl_port, name)
            return opened.enter_context(log_in_to_omero(login, secure=False))

        yield log_in


@pytest.fixture
def connection(connect_as: LogIn, user: User) -> OmeroConnection:  # noqa: F811
    """Of a user with a private group."""
    return connect_as(user)


@pytest.fixture
def writer(connection: OmeroConnection) -> OmeroGraphWriter:
    return OmeroGraphWriter(connection)


class Bytes:
    """A ``ByteSource`` of bytes in memory; ``said`` is how many it claims to have."""

    def __init__(self, data: bytes, said: int | None = None) -> None:
        self._data = data
        self.size = len(data) if said is None else said

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


RECORD = LoadRecord(
    load="load-1",
    snapshot="/zone/home/alice/a.zip",
    by="alice",
    started=datetime(2026, 11, 28, 13, 0, tzinfo=UTC),
    sha256="ab" * 32,
    source_server="6f8a",
)


def done(record: LoadRecord) -> LoadRecord:
    """The record of the same load an hour later."""
    return replace(
        record,
        state=LoadState.DONE,
        finished=record.started + timedelta(hours=1),
        counts={"Image": 12, "Roi": 3},
    )


@pytest.fixture
def row_counts(server: OmeroServer) -> Callable[[], dict[str, int]]:  # noqa: F811
    """How many objects of each kind the server has, whoever may see them."""

    def counted() -> dict[str, int]:
        with server.store.work(server.internal_caller()) as work:
            return {
                name: int(work.database.value(f'select count(*) from "{name}"'))
                for name in sorted({entity.root for entity in MODEL.entities})
                if name not in ("Event", "EventLog", "Session")
            }

    return counted
