"""An agent between both embedded servers, with the accounts that it is meant to have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pytest
from irods.session import iRODSSession
from omero.rtypes import rstring

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.agent.http.tokens import digest_of, new_token
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.model.jobs import Job, JobSpec, JobState, PackWork, Work
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.settings import Settings, load
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.tls import server_context
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.conftest import until
from tests.agent.mail.mail_host import PASSWORD, USER, MailHost, running
from tests.wire.bridge_irods.conftest import store
from tests.wire.bridge_omero.conftest import _temporary_files
from tests.wire.bridge_pack.conftest import _no_faults_in_the_zone, dataset
from tests.wire.cli.conftest import Person, set_up_irods
from tests.wire.irods_zone.conftest import home, session, zone
from tests.wire.irods_zone.conftest import make_user as make_irods_user
from tests.wire.omero_server.conftest import (
    Connect,
    Gateway,
    Group,
    MakeUser,
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    root,
    server,
    user,
)

__all__ = [
    "READ",
    "TOKEN",
    "Connect",
    "Gateway",
    "Group",
    "MakeUser",
    "Site",
    "User",
    "_no_faults_in_the_zone",
    "_no_faults_left",
    "_temporary_files",
    "address",
    "connect",
    "dataset",
    "gateway",
    "home",
    "mail_host",
    "make_group",
    "make_irods_user",
    "make_user",
    "root",
    "server",
    "session",
    "site",
    "store",
    "user",
    "zone",
]

READ = "RawFileStore.read"
TOKEN = new_token()
_requests = count(1)


@dataclass
class Site:
    """An agent with its accounts, and one user who may use it."""

    person: Person
    settings: Settings
    jobs: Jobs
    server: OmeroServer
    zone: Zone
    user: User
    irods_user: str
    dataset: ObjectRef
    store: IrodsStore
    started: list[Popen[str]] = field(default_factory=list)

    def start(self, *command: object) -> Popen[str]:
        with (self.person.folder / "agent.log").open("a") as log:
            given = command or ("run",)
            self.started.append(self.person.start("agent", *given, stdout=log, stderr=log))
        return self.started[-1]

    @property
    def log(self) -> str:
        return (self.person.folder / "agent.log").read_text()

    def submit(self, work: Work, whose: str = "") -> Job:
        return self.jobs.submit(JobSpec(work, whose or self.user.name, f"request-{next(_requests)}"))

    def pack(self, **more: Any) -> Job:
        return self.submit(PackWork((self.dataset,), **more))

    @property
    def address(self) -> str:
        """Of the API, when it answers."""
        until(lambda: "answering at " in self.log)
        found = re.search(r"answering at (http://[0-9.:]+)", self.log)
        assert found is not None
        return found[1]

    def post(self, body: dict[str, Any]) -> Job:
        """Hand in a job as a rule does."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{self.address}/api/v1/jobs", json=body, headers=headers, timeout=60)
        assert answer.status_code == 202, answer.text
        return self.jobs.get(answer.json()["id"])

    def ends(self, job: Job) -> Job:
        until(lambda: self.jobs.get(job.id).state.is_final)
        return self.jobs.get(job.id)

    def done(self, job: Job) -> dict[str, Any]:
        found = self.ends(job)
        assert found.state is JobState.DONE, (found.error, self.log)
        assert found.result is not None
        return dict(found.result)

    def snapshots(self) -> list[str]:
        """Data objects of the user that are there for readers; what is left under way counts too."""
        everything = self.store.children(f"/{self.zone.name}/home/{self.irods_user}", recursive=True)
        return [one.path for one in everything if isinstance(one, DataObject)]

    @property
    def passwords(self) -> set[str]:
        """Of the agent's own accounts, as their files have them."""
        assert self.settings.omero.password_file is not None
        files = (self.settings.omero.password_file, self.person.folder / ".irods" / ".irodsA")
        return {file.read_text().strip() for file in files}

    def copying(self, job: Job) -> None:
        until(lambda: self.jobs.get(job.id).phase.text == "Copying")


@pytest.fixture
def site(
    zone: Zone,
    server: OmeroServer,
    store: IrodsStore,
    user: User,
    make_user: MakeUser,
    make_irods_user: Callable[[str], iRODSSession],
    dataset: ObjectRef,
    tmp_path: Path,
    memory: Path,
) -> Iterator[Site]:
    light_admin = make_user(privileges=["Sudo"])
    irods_user = make_irods_user("scientist").username
    person = Person(tmp_path, {"IRODS_ENVIRONMENT_FILE": str(tmp_path / "nowhere")})
    set_up_irods(tmp_path, zone)
    password = tmp_path / "password"
    password.write_text(light_admin.password)
    password.chmod(0o600)
    (tmp_path / "users.toml").write_text(f'[users]\n{user.name} = "{irods_user}"\n')
    (tmp_path / "tokens.toml").write_text(
        f'[tokens.rules]\nsha256 = "{digest_of(TOKEN)}"\nscopes = ["submit", "read"]\n'
    )
    config = tmp_path / "config" / "omero-irods-bridge" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[omero]\nhost = "{server.host}"\nport = {server.ssl_port}\nuser = "{light_admin.name}"\n'
        f'password_file = "{password}"\n'
        f'[irods]\nenvironment_file = "{tmp_path}/.irods/irods_environment.json"\n'
        f'[transfer]\npiece = "64 KiB"\nreaders = 1\nstreams = 2\n'
        f'[agent]\ndatabase = "{memory}/agent.db"\nusers = "{tmp_path}/users.toml"\n'
        f'tokens = "{tmp_path}/tokens.toml"\nlisten = "127.0.0.1:0"\n'
        "retry_after_s = [0.5, 0.5, 1, 1, 1]\n"
    )
    database = Database(f"{memory}/agent.db")
    jobs = Jobs(database, SystemClock())
    settings = load(config).settings
    site = Site(person, settings, jobs, server, zone, user, irods_user, dataset, store)
    yield site
    for process in site.started:
        process.kill()
        process.wait()
    database.close()


@pytest.fixture
def mail_host(site: Site, tmp_path: Path) -> Iterator[MailHost]:
    """One that wants TLS and a login, which the settings of the agent name."""
    certificate, file = server_context(tmp_path / "mail-tls")
    site.person.environment["SSL_CERT_FILE"] = str(file)
    password = tmp_path / "mail-password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    with running(MailHost(), certificate=certificate, auth=True) as host:
        config = tmp_path / "config" / "omero-irods-bridge" / "config.toml"
        config.write_text(
            f'{config.read_text()}log_format = "json"\naudit = "{tmp_path}/audit.log"\n'
            f'[agent.mail]\nhost = "127.0.0.1"\nport = {host.port}\nsender = "agent@example.org"\n'
            f'user = "{USER}"\npassword_file = "{password}"\nadmins = ["admin@example.org"]\nwait_s = 0\n'
        )
        yield host


@pytest.fixture
def address(site: Site, root: Gateway) -> str:
    """Of the user, as OMERO knows it."""
    made = f"{site.user.name}@lab.example.org"
    service = root.getAdminService()
    found = service.lookupExperimenter(site.user.name)
    found.email = rstring(made)
    service.updateExperimenter(found)
    return made
