"""Two embedded OMERO servers and a zone between them: ``server`` is A, which packs; B takes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero.model as omero_model
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rbool, rstring

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.connection import connect as log_in
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import SessionKey, UserPassword
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations import pack, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.wiring import SystemClock, receiver_on
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import (  # noqa: F401
    _no_faults_in_the_zone,
    dataset,
    omero,
    omero_of,
)
from tests.wire.bridge_pack.killed import Accounts
from tests.wire.bridge_unpack.content import varied_project
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    Group,
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)

Gateway = Any


@pytest.fixture(scope="session")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    """B."""
    with running_server(ServerConfig(data=tmp_path_factory.mktemp("omero-b"), can_reset=True)) as running:
        yield running


@dataclass(frozen=True)
class Side:
    """One OMERO as a user sees it."""

    omero: OmeroServer
    connection: OmeroConnection
    receiver: Receiver


@contextmanager
def mounted(server: OmeroServer, gateway: Gateway) -> Iterator[OmeroImageServer]:  # noqa: F811
    """A, with its ManagedRepository mounted: OMERO gives the files of plates to nobody, by default."""
    key = SessionKey(server.host, gateway.c.getSessionId(), server.ssl_port)
    with log_in(key) as connection:
        yield OmeroImageServer(connection, repository=Path(server.config.data) / "ManagedRepository")


def side_of(server: OmeroServer, name: str, password: str, group: str | None = None) -> Side:  # noqa: F811
    """Log in; the caller closes the connection."""
    connection = log_in(UserPassword(server.host, name, password, server.ssl_port, group), secure=False)
    return Side(server, connection, receiver_on(connection))


class People:
    """Makes groups and users on B, as its administrator, and logs them in; closed with ``close``."""

    def __init__(self, server: OmeroServer) -> None:  # noqa: F811
        self._server = server
        self._root = BlitzGateway(
            "root", server.root_password, host=server.host, port=server.ssl_port, secure=False
        )
        assert self._root.connect()
        self._opened: list[Side] = []
        self._gateways: list[Gateway] = []

    def make_group(self, name: str, permissions: str = "rwra--") -> Group:
        made = omero_model.ExperimenterGroupI()
        made.name, made.ldap = rstring(name), rbool(False)
        made.details.permissions = omero_model.PermissionsI(permissions)
        return Group(self._root.getAdminService().createGroup(made), name)

    def make_group_of(self, *users: str, name: str = "lab", permissions: str = "rwra--") -> Group:
        """With new users of these names in it."""
        made = self.make_group(name, permissions)
        for one in users:
            self.make_user(one, made)
        return made

    def make_user(self, name: str, *groups: Group) -> User:
        made = omero_model.ExperimenterI()
        made.omeName, made.firstName, made.lastName = rstring(name), rstring("Test"), rstring(name)
        made.ldap = rbool(False)
        refs = [omero_model.ExperimenterGroupI(one.id, False) for one in groups]
        everyone = omero_model.ExperimenterGroupI(1, False)
        created = self._root.getAdminService().createExperimenterWithPassword(
            made, rstring(f"{name}-pw"), refs[0], [*refs, everyone]
        )
        return User(created, name, f"{name}-pw", groups[0].id)

    def make_administrator(self, name: str, group: Group, privileges: Sequence[str]) -> User:
        """One with just these privileges, at work in a group."""
        made = self.make_user(name, group, Group(0, "system"))
        self.let(made, privileges)
        return made

    def let(self, administrator: User, privileges: Sequence[str]) -> None:
        """Give an administrator just these privileges."""
        wanted = [omero_model.AdminPrivilegeI() for _ in privileges]
        for one, privilege in zip(wanted, privileges, strict=True):
            one.value = rstring(privilege)
        who = omero_model.ExperimenterI(administrator.id, False)
        self._root.getAdminService().setAdminPrivileges(who, wanted)

    def log_in(self, user: User, group: Group | None = None) -> Side:  # noqa: F811
        return self._log_in(user.name, user.password, group)

    def root_in(self, group: Group) -> Side:
        """The administrator, at work in a group."""
        return self._log_in("root", self._server.root_password, group)

    def _log_in(self, name: str, password: str, group: Group | None) -> Side:
        self._opened.append(side_of(self._server, name, password, group.name if group else None))
        return self._opened[-1]

    def gateway(self, user: User) -> Gateway:  # noqa: F811
        """Of omero-py."""
        opened = BlitzGateway(
            user.name, user.password, host=self._server.host, port=self._server.ssl_port, secure=False
        )
        assert opened.connect()
        self._gateways.append(opened)
        return opened

    def close(self) -> None:
        for side in self._opened:
            side.connection.close()
        for gateway in [*self._gateways, self._root]:  # noqa: F402
            gateway.close()


@pytest.fixture
def people(other_server: OmeroServer) -> Iterator[People]:
    """B with nobody but its administrator."""
    other_server.reset()
    made = People(other_server)
    yield made
    made.close()
    other_server.faults.clear()


@pytest.fixture
def alice(people: People) -> User:
    """A user of B with a group of her own."""
    return people.make_user("alice", people.make_group("lab"))


@pytest.fixture
def hers(people: People, alice: User) -> Side:
    """B, as Alice."""
    return people.log_in(alice)


@pytest.fixture
def there(other_server: OmeroServer) -> Iterator[Side]:
    """B, as its administrator, empty."""
    other_server.reset()
    side = side_of(other_server, "root", other_server.root_password)
    yield side
    side.connection.close()
    other_server.faults.clear()


def packed(
    packing: OmeroImageServer,
    zone_store: IrodsStore,
    collection: str,
    objects: tuple[ObjectRef, ...],
    form: Form = Form.ZIP,
    **more: Any,
) -> str:
    """The path of a new snapshot."""
    name = "snapshot.zip" if form is Form.ZIP else "snapshot"
    request = PackRequest(objects, f"{collection}/{name}", form, **more)
    plan = pack.plan(request, packing, zone_store, clock=SystemClock())
    assert not plan.problems, plan.problems
    return pack.apply(plan, packing, zone_store).path


def unpacked(zone_store: IrodsStore, path: str, side: Side, **more: Any) -> Loaded:
    """What a load has become."""
    request = UnpackRequest(path, **more)
    with open_snapshot(zone_store, path) as packet:
        plan = unpack.plan(request, packet, side.receiver)
        assert not plan.problems, plan.problems
        return unpack.apply(plan, packet, side.receiver, clock=SystemClock())


def rows_of(side: Side, objects: Iterable[str], *, figures: bool = True) -> list[Any]:
    """What OMERO knows of these objects."""
    found: list[Any] = []
    side.receiver.server.read_graph(parse_objects(list(objects)), found.append, figures=figures)
    return found


def row_counts(server: OmeroServer) -> dict[str, int]:  # noqa: F811
    """How many objects of each kind a server has, whoever may see them, but for its own history.

    Folders of the repository stay when all in them is deleted.
    """
    with server.store.work(server.internal_caller()) as work:
        counted = {
            name: int(work.database.value(f'select count(*) from "{name}"'))
            for name in sorted({entity.root for entity in MODEL.entities})
            if name not in ("Event", "EventLog", "Session")
        }
        folders = work.database.value(_FOLDERS)
    counted["OriginalFile"] -= int(folders)
    return counted


_FOLDERS = """select count(*) from "OriginalFile" where "mimetype" = 'Directory'"""


@pytest.fixture
def accounts(
    other_server: OmeroServer,
    zone: Zone,  # noqa: F811
    alice: User,
) -> Accounts:
    """Alice, on B."""
    return Accounts(
        omero_host=other_server.host,
        omero_port=other_server.ssl_port,
        omero_user=alice.name,
        omero_password=alice.password,
        irods_host=zone.host,
        irods_port=zone.port,
        irods_zone=zone.name,
        irods_user=zone.config.admin,
        irods_password=zone.password,
    )


@pytest.fixture
def snapshot(
    gateway: Gateway,  # noqa: F811
    omero: OmeroImageServer,  # noqa: F811
    store: IrodsStore,  # noqa: F811
    place: str,  # noqa: F811
    tmp_path: Path,
) -> str:
    """A packet of a small project that has something of each kind."""
    return packed(omero, store, place, (varied_project(gateway, tmp_path),))
