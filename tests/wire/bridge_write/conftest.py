"""The embedded server and its users, and what writes into it in the session of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from omero_irods_bridge.adapters.omero.connection import OmeroConnection, connect
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    Group,
    User,
    _no_faults_left,
    client,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)
from tests.wire.omero_server.conftest import connect as gateway_of  # noqa: F401

LogIn = Callable[..., OmeroConnection]


@pytest.fixture
def connect_as(server: OmeroServer) -> Iterator[LogIn]:  # noqa: F811
    """Log in as a user, as the bridge does; the connections are closed after the test."""
    with ExitStack() as opened:

        def log_in(user: User, group: Group | None = None) -> OmeroConnection:
            name = None if group is None else group.name
            login = UserPassword(server.host, user.name, user.password, server.ssl_port, name)
            return opened.enter_context(connect(login, secure=False))

        yield log_in


@pytest.fixture
def connection(connect_as: LogIn, user: User) -> OmeroConnection:  # noqa: F811
    """Of a user with a private group."""
    return connect_as(user)


@pytest.fixture
def writer(connection: OmeroConnection) -> OmeroGraphWriter:
    return OmeroGraphWriter(connection)
