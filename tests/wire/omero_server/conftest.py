"""One server for all tests of this folder, and the unmodified omero-py to talk to it.

Tests make their own users and groups, so that none sees what another one left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

import omero
import omero.clients
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rbool, rstring

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer

_numbers = count(1)

Gateway = Any
Client = Any


@dataclass(frozen=True)
class Group:
    """A group of the server."""

    id: int
    name: str


@dataclass(frozen=True)
class User:
    """A user of the server; ``group_id`` is his default group."""

    id: int
    name: str
    password: str
    group_id: int


class MakeUser(Protocol):
    """The fixture ``make_user``."""

    def __call__(
        self,
        *groups: Group,
        owner_of: Sequence[Group] = (),
        admin: bool = False,
        privileges: Sequence[str] | None = None,
    ) -> User: ...


class Connect(Protocol):
    """The fixture ``connect``."""

    def __call__(self, user: User, group: Group | None = None, *, secure: bool = False) -> Gateway: ...


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    with running_server(ServerConfig(data=tmp_path_factory.mktemp("omero"), can_reset=True)) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        running = request.getfixturevalue("server")
        running.faults.clear()
        running.clock.reset()


@pytest.fixture
def root(server: OmeroServer) -> Iterator[Gateway]:
    """A gateway of root."""
    gateway = _gateway(server, "root", server.root_password)
    yield gateway
    gateway.close()


def _gateway(
    server: OmeroServer, name: str, password: str, group: str | None = None, *, secure: bool = False
) -> Gateway:
    gateway = BlitzGateway(
        name, password, host=server.host, port=server.ssl_port, group=group, secure=secure, useragent="tests"
    )
    assert gateway.connect(), gateway.getLastError()
    return gateway


@pytest.fixture
def make_group(root: Gateway) -> Callable[..., Group]:
    """Make a group with these permissions, e.g. ``rwra--``."""

    def make(permissions: str = "rw----") -> Group:
        group = omero.model.ExperimenterGroupI()
        group.name = rstring(f"group-{next(_numbers)}")
        group.details.permissions = omero.model.PermissionsI(permissions)
        group.ldap = rbool(False)
        created = root.getAdminService().createGroup(group)
        return Group(created, group.name.val)

    return make


@pytest.fixture
def make_user(root: Gateway, make_group: Callable[..., Group]) -> MakeUser:
    """Make a user of these groups, of a private one of his own when none is named.

    ``privileges`` makes a light administrator with just these.
    """

    def make(
        *groups: Group,
        owner_of: Sequence[Group] = (),
        admin: bool = False,
        privileges: Sequence[str] | None = None,
    ) -> User:
        admin_service = root.getAdminService()
        name = f"user-{next(_numbers)}"
        user = omero.model.ExperimenterI()
        user.omeName, user.firstName, user.lastName = rstring(name), rstring("Test"), rstring(name)
        user.ldap = rbool(False)
        member_of = [*groups, *owner_of] or ([] if admin or privileges is not None else [make_group()])
        refs = [omero.model.ExperimenterGroupI(group.id, False) for group in member_of]
        if admin or privileges is not None:
            refs.append(omero.model.ExperimenterGroupI(0, False))
        refs.append(omero.model.ExperimenterGroupI(1, False))
        created = admin_service.createExperimenterWithPassword(user, rstring(f"{name}-pw"), refs[0], refs)
        for group in owner_of:
            admin_service.setGroupOwner(
                omero.model.ExperimenterGroupI(group.id, False), omero.model.ExperimenterI(created, False)
            )
        if privileges is not None:
            wanted = [_privilege(name) for name in privileges]
            admin_service.setAdminPrivileges(omero.model.ExperimenterI(created, False), wanted)
        return User(created, name, f"{name}-pw", refs[0].id.val)

    return make


def _privilege(name: str) -> Any:
    privilege = omero.model.AdminPrivilegeI()
    privilege.value = rstring(name)
    return privilege


@pytest.fixture
def connect(server: OmeroServer) -> Iterator[Connect]:
    """Log in as a user; the gateway is closed after the test."""
    opened: list[Gateway] = []

    def log_in(user: User, group: Group | None = None, *, secure: bool = False) -> Gateway:
        name = None if group is None else group.name
        opened.append(_gateway(server, user.name, user.password, name, secure=secure))
        return opened[-1]

    yield log_in
    for gateway in opened:
        gateway.close()


@pytest.fixture
def user(make_user: MakeUser) -> User:
    """A user with a private group of his own."""
    return make_user()


@pytest.fixture
def client(server: OmeroServer, user: User) -> Iterator[Client]:
    """A client of that user with a session, over TLS."""
    opened = omero.client(server.host, server.ssl_port)
    opened.createSession(user.name, user.password)
    yield opened
    opened.closeSession()


@pytest.fixture
def gateway(connect: Connect, user: User) -> Gateway:
    """A gateway of that user."""
    return connect(user)


@pytest.fixture
def pair(make_group: Any, make_user: Any, connect: Any) -> Any:
    """Gateways of two members of a group with some permissions."""

    def make(permissions: str) -> tuple[Gateway, Gateway]:
        group = make_group(permissions)
        return connect(make_user(group)), connect(make_user(group))

    return make
