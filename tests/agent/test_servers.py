"""``omero-irods agent run`` between both embedded servers, with the accounts that it is meant to have."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.agent.accounts import Accounts
from omero_irods_bridge.agent.http.tokens import digest_of, new_token
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.performing import Performer
from omero_irods_bridge.agent.store.attempts import Begun
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.model.errors import AccessDenied, ExitStatus, UsageError
from omero_irods_bridge.model.events import CancelToken, silent
from omero_irods_bridge.model.jobs import GcWork, Job, JobSpec, JobState, PackWork, VerifyWork
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import from_avus
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.settings import Settings, load
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.conftest import until
from tests.wire.bridge_irods.conftest import store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import _no_faults_in_the_zone, dataset  # noqa: F401
from tests.wire.cli.conftest import Person, set_up_irods
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.irods_zone.conftest import make_user as make_irods_user  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
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

READ = "RawFileStore.read"
TOKEN = new_token()
DASHED_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
KILLS = 3
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

    def start(self) -> Popen[str]:
        with (self.person.folder / "agent.log").open("a") as log:
            self.started.append(self.person.start("agent", "run", stdout=log, stderr=log))
        return self.started[-1]

    @property
    def log(self) -> str:
        return (self.person.folder / "agent.log").read_text()

    def submit(self, work: PackWork | VerifyWork | GcWork, whose: str = "") -> Job:
        return self.jobs.submit(JobSpec(work, whose or self.user.name, f"request-{next(_requests)}"))

    def pack(self, **more: Any) -> Job:
        return self.submit(PackWork((self.dataset,), **more))

    def post(self, body: dict[str, Any]) -> Job:
        """Hand in a job as a rule does."""
        until(lambda: "answering at " in self.log)
        address = self.log.partition("answering at ")[2].split()[0]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{address}/jobs", json=body, headers=headers, timeout=60)
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

    def copying(self, job: Job) -> None:
        until(lambda: self.jobs.get(job.id).phase.text == "Copying")


@pytest.fixture
def site(
    zone: Zone,  # noqa: F811
    server: OmeroServer,  # noqa: F811
    store: IrodsStore,  # noqa: F811
    user: User,  # noqa: F811
    make_user: MakeUser,  # noqa: F811
    make_irods_user: Callable[[str], iRODSSession],  # noqa: F811
    dataset: ObjectRef,  # noqa: F811
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


def test_a_job_runs_as_the_user_who_asked_and_leaves_no_secret(site: Site) -> None:
    site.server.faults.delay_calls(READ, 0.3)
    worker = site.start()
    work = {"objects": [str(site.dataset)], "note": "for the paper"}
    packing = site.post({"kind": "pack", "work": work, "requested_by": site.user.name, "request_id": "web"})
    site.copying(packing)
    keys = {one.uuid.encode() for one in site.server.sessions.all()}
    arguments = Path(f"/proc/{worker.pid}/cmdline").read_bytes()
    made = site.done(packing)
    snapshot = site.store.find(made["path"])
    assert isinstance(snapshot, DataObject)
    assert snapshot.owner == f"{site.irods_user}#{site.zone.name}"
    assert made["path"].startswith(f"/{site.zone.name}/home/{site.irods_user}/")
    description = from_avus(site.store.avus(made["path"]))
    assert description is not None
    assert (description.packed_by, description.note) == (site.user.name, "for the paper")
    assert description.job == packing.uuid

    checked = site.done(site.submit(VerifyWork(made["path"], Scope.DATA)))
    assert (checked["ok"], checked["complete"]) == (True, True)
    assert site.done(site.submit(GcWork(older_than_s=0)))["removed"] == 0

    shown = site.person("jobs", "show", packing.id, "--json")
    watched = site.person("jobs", "watch", packing.id, "--json")
    listed = site.person("jobs", "list", "--json")
    assert shown.json["job"]["result"] == made
    assert watched.json["job"]["state"] == "done"
    assert any(one.get("text") == "Copying" for one in watched.events)
    assert len(listed.json["jobs"]) == 3

    database = Path(site.settings.agent.database).read_bytes()
    told = b"".join(one.out.encode() + one.err.encode() for one in (shown, watched, listed))
    assert len(keys) >= 2
    for secret in (*passwords(site), *keys, TOKEN.encode()):
        assert secret not in database
        assert secret not in told
        assert secret not in site.log.encode()
        assert secret not in arguments
    assert not DASHED_UUID.search(site.log.encode())


def passwords(site: Site) -> list[bytes]:
    assert site.settings.omero.password_file is not None
    files = (site.settings.omero.password_file, site.person.folder / ".irods" / ".irodsA")
    return [*(file.read_bytes().strip() for file in files), site.zone.password.encode()]


def test_a_worker_killed_at_any_moment_leaves_one_whole_snapshot(site: Site) -> None:
    chance = random.Random(11)
    site.server.faults.delay_calls(READ, 0.15)
    job = site.pack()
    for _ in range(KILLS):
        worker = site.start()
        until(lambda: "is at work" in site.log)
        site.copying(job)
        time.sleep(chance.random() * 0.4)
        worker.kill()
        worker.wait()
    site.server.faults.clear()
    site.start()
    made = site.done(job)
    assert site.snapshots() == [made["path"]]
    assert site.done(site.submit(VerifyWork(made["path"], Scope.DATA)))["ok"]


def test_a_job_that_had_sealed_when_it_was_killed_makes_no_second_snapshot(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(site.person.folder / ".irods" / ".irodsA"))
    job = site.pack()
    identities = Identities({site.user.name: site.irods_user}, ())
    performer = Performer(site.settings, Accounts(site.settings, identities), SystemClock())
    first, second = (performer(Begun(job, runs, moment=1e9 + runs), silent, CancelToken()) for runs in (1, 2))
    assert first.result == second.result
    assert len(site.snapshots()) == 1


def test_servers_that_are_away_and_break_off_are_waited_for(site: Site) -> None:
    environment = site.settings.irods.environment_file
    assert environment is not None
    right = environment.read_text()
    environment.write_text(json.dumps({**json.loads(right), "irods_port": 1}))
    job = site.pack()
    site.start()
    until(lambda: site.jobs.get(job.id).tries >= 1)
    waits = site.jobs.get(job.id)
    assert waits.error is not None
    assert (waits.error.code, waits.error.retryable) == ("unreachable", True)
    site.zone.faults.cut_after(100_000)
    environment.write_text(right)
    made = site.done(job)
    assert site.snapshots() == [made["path"]]
    assert site.jobs.get(job.id).attempt > 2
    assert any("tried again" in str(one.event) for one in site.jobs.events(job.id))


def test_a_transfer_is_cancelled_at_once_and_leaves_nothing_visible(site: Site) -> None:
    site.server.faults.delay_calls(READ, 1)
    job = site.pack()
    site.start()
    until(lambda: site.jobs.get(job.id).phase.bytes_done)
    phase = site.jobs.get(job.id).phase
    assert phase.text == "Copying"
    assert phase.bytes_total is not None
    assert phase.bytes_done < phase.bytes_total
    assert site.person("jobs", "cancel", job.id).status == ExitStatus.DONE
    assert site.ends(job).state is JobState.CANCELLED
    assert all("/.incoming/" in path for path in site.snapshots())
    assert site.person.run("jobs", "watch", job.id).status == ExitStatus.INTERRUPTED
    site.server.faults.clear()
    assert site.person("jobs", "retry", job.id).status == ExitStatus.DONE
    made = site.done(job)
    assert site.snapshots() == [made["path"]]


def test_what_cannot_succeed_becomes_a_dead_letter_with_its_log(site: Site) -> None:
    stranger = site.submit(PackWork((site.dataset,)), whose="stranger")
    missing = site.submit(VerifyWork(f"/{site.zone.name}/home/{site.irods_user}/none.zip"))
    elsewhere = site.submit(GcWork(f"/{site.zone.name}/home/{site.zone.config.admin}"))
    refused = site.pack(target=f"/{site.zone.name}/home/{site.zone.config.admin}/x.zip")
    no_group = site.pack(group="system")
    site.start()
    codes = {job.id: site.ends(job) for job in (stranger, missing, elsewhere, refused, no_group)}
    assert {one.state for one in codes.values()} == {JobState.FAILED}
    assert {one.attempt for one in codes.values()} == {1}
    error = {number: one.error.code for number, one in codes.items() if one.error is not None}
    assert error[stranger.id] == "access-denied"
    assert error[missing.id] == "not-found"
    shown = site.person.run("jobs", "watch", missing.id)
    assert shown.status == ExitStatus.NOT_FOUND
    assert "none.zip" in shown.err
    site.zone.faults.refuse_logins()
    locked_out = site.ends(site.pack())
    assert locked_out.error is not None
    assert (locked_out.state, locked_out.error.code) == (JobState.FAILED, "access-denied")


def test_damage_that_verify_finds_is_a_failed_job_that_says_what_is_damaged(site: Site) -> None:
    site.start()
    made = site.done(site.pack())
    site.zone.faults.flip_byte(made["path"], offset=500)
    found = site.ends(site.submit(VerifyWork(made["path"], Scope.DATA)))
    assert found.error is not None
    assert (found.state, found.error.code) == (JobState.FAILED, "checksum-mismatch")
    assert found.result is not None
    assert found.result["findings"]


def test_an_agent_does_not_start_without_a_sound_file_of_users(site: Site) -> None:
    users = site.settings.agent.users
    assert users is not None
    users.write_text(f'[users]\nada = "{site.zone.config.admin}"\n')
    refused = site.person.run("agent", "run")
    assert refused.status == ExitStatus.USAGE
    assert "account of the agent" in refused.err


def test_an_account_that_may_not_sudo_is_told_so(site: Site, make_user: MakeUser) -> None:  # noqa: F811
    plain = make_user()
    omero = site.settings.omero.model_copy(update={"user": plain.name})
    assert omero.password_file is not None
    omero.password_file.write_text(plain.password)
    settings = site.settings.model_copy(update={"omero": omero})
    accounts = Accounts(settings, Identities({site.user.name: site.irods_user}, ()))
    with pytest.raises(AccessDenied), accounts.image_server(site.user.name):
        pass
    nobody = site.settings.model_copy(update={"omero": omero.model_copy(update={"password_file": None})})
    with pytest.raises(UsageError), Accounts(nobody, accounts._identities).image_server(site.user.name):
        pass
