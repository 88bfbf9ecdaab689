"""One zone for all tests of this folder, and the unmodified python-irodsclient to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from irods.meta import iRODSMetaCollection
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone.data_objects import write
from tests.wire.irods_zone.wire_client import WireClient

_numbers = count(1)


def connect(
    zone: Zone, user: str | None = None, password: str | None = None, **options: object
) -> iRODSSession:
    """A session of ``user``, the administrator when none is named."""
    return iRODSSession(
        host=zone.host,
        port=zone.port,
        zone=zone.name,
        user=user or zone.config.admin,
        password=password or zone.password,
        **options,
    )


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    with running_zone(ZoneConfig(root=tmp_path_factory.mktemp("zone"))) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "zone" in request.fixturenames:
        request.getfixturevalue("zone").faults.clear()


@pytest.fixture
def session(zone: Zone) -> Iterator[iRODSSession]:
    """The administrator."""
    with connect(zone) as opened:
        yield opened


@pytest.fixture
def home(session: iRODSSession, zone: Zone) -> str:
    """A new collection of the administrator's."""
    path = f"/{zone.name}/home/{zone.config.admin}/test-{next(_numbers)}"
    session.collections.create(path)
    return path


@pytest.fixture
def make_user(zone: Zone, session: iRODSSession) -> Iterator[Callable[[str], iRODSSession]]:
    """Make a rodsuser and open a session for him, closed after the test; no two tests share a user."""
    opened: list[iRODSSession] = []

    def make(prefix: str) -> iRODSSession:
        name = f"{prefix}{next(_numbers)}"
        session.users.create(name, "rodsuser")
        session.users.modify(name, "password", f"{name}-pw")
        opened.append(connect(zone, name, f"{name}-pw"))
        return opened[-1]

    yield make
    for user_session in opened:
        user_session.cleanup()


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A small local file."""
    path = tmp_path / "sample.txt"
    path.write_bytes(b"a small file\n" * 100)
    return path


@pytest.fixture
def path(session: iRODSSession, home: str) -> str:
    """A data object."""
    write(session, f"{home}/object", b"data")
    return f"{home}/object"


@pytest.fixture
def user(make_user: Callable[[str], iRODSSession]) -> iRODSSession:
    return make_user("annotator")


@pytest.fixture
def wire(zone: Zone) -> Iterator[WireClient]:
    with WireClient(zone.host, zone.port) as client:
        client.log_in(zone.config.admin, zone.name, zone.password)
        yield client


@pytest.fixture(params=["data object", "collection", "resource", "user", "group"])
def carrier(
    request: pytest.FixtureRequest, session: iRODSSession, home: str
) -> Iterator[iRODSMetaCollection]:
    """The AVUs of an object of every kind."""
    found: dict[str, Callable[[], Any]] = {
        "data object": lambda: session.data_objects.get(request.getfixturevalue("path")),
        "collection": lambda: session.collections.get(home),
        "resource": lambda: session.resources.get("demoResc"),
        "user": lambda: session.users.get(session.username),
        "group": lambda: session.groups.get("public"),
    }
    metadata = found[request.param]().metadata
    yield metadata
    metadata.remove_all()


@pytest.fixture
def name() -> str:
    """A name that nobody has."""
    return f"new{next(_numbers)}"


@pytest.fixture
def account(session: iRODSSession, name: str) -> Iterator[str]:
    """A rodsuser without a password."""
    session.users.create(name, "rodsuser")
    yield name
    session.users.remove(name)


@pytest.fixture
def group(session: iRODSSession) -> Iterator[str]:
    group_name = f"group{next(_numbers)}"
    session.groups.create(group_name)
    yield group_name
    session.groups.remove(group_name)
