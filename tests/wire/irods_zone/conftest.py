"""One zone for all tests of this folder, and the unmodified python-irodsclient to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig

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
