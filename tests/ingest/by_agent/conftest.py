"""A facility: a zone with the shipped rules and wake program, OMERO, and an agent that ingests for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from irods.meta import iRODSMeta
from irods.session import iRODSSession

from omero_irods_bridge.agent.http.tokens import digest_of, new_token
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.tables import MAILS
from omero_irods_bridge.model.jobs import Job, JobKind, JobSpec
from omero_irods_bridge.settings import load
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.between.site import Site
from tests.agent.conftest import memory, until
from tests.ingest.by_agent.gate import Gate, gate_before
from tests.ingest.conftest import png, vault_of
from tests.rules.conftest import ruled
from tests.wire.cli.conftest import Person, set_up_irods
from tests.wire.irods_zone.conftest import make_user as make_irods_user
from tests.wire.omero_server.conftest import Gateway, MakeUser, User

__all__ = ["make_irods_user", "memory"]

TOKEN = new_token()
WAKE_AFTER_S = 1
STEWARD = "steward"
"""An administrator of the agent: the jobs of schedules are his."""


@dataclass
class Facility(Site):
    """As a site; ``conf`` is the wake program's, ``person_there`` a session of the scientist in iRODS."""

    conf: Path = Path()
    person_there: iRODSSession | None = None
    config: Path = Path()
    gate: Gate | None = None
    root: Gateway | None = None
    database: Database = field(kw_only=True)

    @property
    def there(self) -> iRODSSession:
        assert self.person_there is not None
        return self.person_there

    @contextmanager
    def acting_as(self, somebody: iRODSSession) -> Iterator[None]:
        """Let somebody else be the one who uses iRODS."""
        scientist, self.person_there = self.person_there, somebody
        try:
            yield
        finally:
            self.person_there = scientist

    def inbox(self, **more: str) -> str:
        """A collection of the scientist's that opted in."""
        path = f"/{self.zone.name}/home/{self.there.username}/inbox"
        found = self.there.collections.create(path)
        for name, value in {"ingest": "in-place", **more}.items():
            found.metadata.add(iRODSMeta(f"omero::{name}", value))
        return path

    def put(self, path: str, content: bytes | None = None) -> str:
        """As a microscope does, with nothing but iRODS."""
        with self.there.data_objects.open(path, "w") as target:
            target.write(png() if content is None else content)
        return path

    def tell_by_url(self) -> None:
        """Let the wake program ask the agent, which has to answer by now."""
        token = self.conf.with_name("token")
        token.write_text(TOKEN)
        self.conf.write_text(f"url={self.address}/api/v1/wake\ntoken_file={token}\n")

    def set_more(self, text: str) -> None:
        self.config.write_text(self.config.read_text() + text)

    def avus(self, path: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in self.there.data_objects.get(path).metadata.items():
            found.setdefault(one.name.removeprefix("omero::"), []).append(one.value)
        return found

    def is_in_omero(self, *paths: str) -> bool:
        return all("image" in self.avus(path) for path in paths)

    def images(self) -> list[str]:
        """Names of the scientist's images."""
        assert self.root is not None
        mine = self.root.getQueryService().findAllByQuery(
            f"select i from Image i where i.details.owner.id = {self.user.id}", None, {"omero.group": "-1"}
        )
        return sorted(one.name.val for one in mine)

    def ingests(self) -> list[Job]:
        """The earliest first."""
        return self.jobs.list_jobs(JobFilter(kind=JobKind.INGEST), limit=1000)[::-1]

    def all_ended(self) -> bool:
        return all(one.state.is_final for one in self.ingests())

    def told(self) -> set[tuple[int, str]]:
        """Of which jobs who gets a mail."""
        with self.database.reading() as connection:
            return {(row.job, row.recipient) for row in connection.execute(sa.select(MAILS))}

    def ask(self, work: Any, whose: str) -> Job:
        return self.jobs.submit(JobSpec(work, whose, f"asked-{len(self.ingests())}"))


@pytest.fixture(scope="session")
def ruled_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facility")


@pytest.fixture(scope="session")
def zone(ruled_root: Path) -> Iterator[Zone]:
    own = json.dumps({"service_users": ["rods#tempZone"], "wake_after_s": WAKE_AFTER_S})
    with running_zone(ruled(ruled_root, core="from omero_bridge import *\n", settings=own)) as running:
        yield running


@pytest.fixture
def facility(
    zone: Zone,
    server: OmeroServer,
    user: User,
    root: Gateway,
    make_user: MakeUser,
    make_irods_user: Callable[[str], iRODSSession],
    vault: Path,
    ruled_root: Path,
    tmp_path: Path,
    memory: Path,
) -> Iterator[Facility]:
    """The agent is not at work yet."""
    light_admin = make_user(privileges=["Sudo"])
    scientist = make_irods_user("scientist")
    set_up_irods(tmp_path, zone)
    password = tmp_path / "password"
    password.write_text(light_admin.password)
    password.chmod(0o600)
    (tmp_path / "users.toml").write_text(
        f'admins = ["{STEWARD}"]\n[users]\n{STEWARD} = "nobody"\n{user.name} = "{scientist.username}"\n'
    )
    (tmp_path / "tokens.toml").write_text(
        f'[tokens.rules]\nsha256 = "{digest_of(TOKEN)}"\nscopes = ["wake"]\n'
    )
    config = tmp_path / "config" / "omero-irods-bridge" / "config.toml"
    config.parent.mkdir(parents=True)
    with gate_before(server.host, server.ssl_port) as gate:
        config.write_text(
            f'[paths]\n"demoResc:{vault_of(zone)}" = "{vault}"\n[ingest]\nquiet_s = 0\n'
            f'[omero]\nhost = "{server.host}"\nport = {gate.port}\nuser = "{light_admin.name}"\n'
            f'password_file = "{password}"\nmanaged_repository = "{server.storage.managed}"\n'
            f'[irods]\nenvironment_file = "{tmp_path}/.irods/irods_environment.json"\n'
            f'[agent]\ndatabase = "{memory}/agent.db"\nusers = "{tmp_path}/users.toml"\n'
            f'tokens = "{tmp_path}/tokens.toml"\nlisten = "127.0.0.1:0"\nwake_file = "{tmp_path}/wake"\n'
            "retry_after_s = [0.5, 0.5, 1, 1, 1, 2, 2, 2]\n"
            f'[agent.schedules.ingest]\ncron = "0 0 1 1 *"\nkind = "ingest"\nuser = "{STEWARD}"\n'
            f'work = {{collection = "/{zone.name}/home/{scientist.username}"}}\n'
        )
        database = Database(f"{memory}/agent.db")
        made = Facility(
            Person(tmp_path, {"IRODS_ENVIRONMENT_FILE": str(tmp_path / "nowhere")}),
            load(config).settings,
            Jobs(database, SystemClock()),
            server,
            zone,
            user,
            scientist.username,
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            conf=ruled_root / "msiExecCmd_bin" / "omero_bridge_wake.conf",
            person_there=scientist,
            config=config,
            gate=gate,
            root=root,
            database=database,
        )
        made.conf.write_text("")
        yield made
        for process in made.started:
            process.kill()
            process.wait()
        database.close()


def settled(facility: Facility) -> None:
    """Until nothing of ingest is under way."""
    until(facility.all_ended)
