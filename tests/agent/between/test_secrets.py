"""No secret gets out of the agent: into its database, logs, arguments, answers, or mail."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from omero.rtypes import rstring

from omero_irods_bridge.agent.mail.addresses import address_finder
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.wiring import SystemClock
from tests.agent.between.site import READ, TOKEN, Connect, Gateway, Site
from tests.agent.conftest import until
from tests.agent.mail.mail_host import PASSWORD, MailHost
from tests.agent.postgres import Postgres, own_postgres

PAGES = ("/jobs/1", "/metrics", "/healthz", "/readyz", "/openapi.json")
ANSWERS = ("jobs", "jobs/1", "jobs/1/events", "health", "queues", "days", "snapshots", "schedules", "session")


def parent_of(process: Path) -> str:
    """The second word behind the name, which is in parentheses (proc_pid_stat(5))."""
    return process.joinpath("stat").read_text().rpartition(")")[2].split()[1]


def descends_from(process: Path, ancestor: int) -> bool:
    while process.name not in {"0", "1"}:
        if process.name == str(ancestor):
            return True
        process = process.with_name(parent_of(process))
    return False


@contextmanager
def arguments_below(ancestor: int) -> Iterator[set[bytes]]:
    """What a process and all below it were called with, and in which environment, while the block runs."""
    found: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if descends_from(process, ancestor):
                        found.update(process.joinpath(one).read_bytes() for one in ("cmdline", "environ"))
                except OSError:
                    continue  # it has ended meanwhile

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def postgres(site: Site, memory: Path) -> Iterator[Postgres]:
    """The database of the agent; test_running_jobs.py looks into SQLite's."""
    folder = memory / "postgres"
    folder.mkdir()
    memory.chmod(0o755)
    with own_postgres(folder) as made:
        database = Database(made.url)
        site.jobs = Jobs(database, SystemClock())
        site.person.environment["OMERO_IRODS_AGENT__DATABASE"] = made.url
        yield made
        for process in site.started:
            process.kill()
            process.wait()
        database.close()


def test_nothing_that_the_agent_writes_or_tells_holds_a_secret(
    postgres: Postgres,
    site: Site,
    mail_host: MailHost,
    address: str,
    connect: Connect,
    tmp_path: Path,
    memory: Path,
) -> None:
    site.server.faults.delay_calls(READ, 0.3)
    worker = site.start()
    gateway = connect(site.user)
    mine = {"X-OMERO-Session": gateway.getSession().getUuid().val}
    with arguments_below(worker.pid) as arguments, httpx.Client(base_url=site.address, timeout=60) as client:
        user = {"user": site.user.name, "password": site.user.password}
        signed_in = client.post("/api/v1/session", json=user)
        assert signed_in.status_code == 200, signed_in.text
        cookies = list(client.cookies.values())
        client.cookies.clear()
        packing = client.post(
            "/api/v1/jobs", json={"kind": "pack", "work": {"objects": [str(site.dataset)]}}, headers=mine
        )
        assert packing.status_code == 202, packing.text
        job = site.jobs.get(packing.json()["id"])
        site.copying(job)
        keys = {one.uuid for one in site.server.sessions.all()}
        made = site.done(job)
        missing = {"kind": "verify", "work": {"path": f"{made['path']}.none"}}
        client.post("/api/v1/jobs", json=missing, headers=mine)
        until(lambda: len(mail_host.taken) == 3)
        urls = (*PAGES, *(f"/api/v1/{name}" for name in ANSWERS))
        answers = [client.get(one, headers=mine) for one in urls]
    assert [answer.status_code for answer in answers] == [200] * len(urls)
    assert arguments

    to = sorted(recipient for recipients, _ in mail_host.taken for recipient in recipients)
    assert to == sorted([address, address, "admin@example.org"])
    letters = [part.get_content() for one in mail_host.messages for part in one.iter_parts()]
    assert made["path"] in letters[0]
    of_ice = "-!"
    log = [json.loads(line) for line in site.log.splitlines() if not line.startswith(of_ice)]
    audit = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert {one["did"] for one in audit} >= {"sign in", "submit"}
    assert any(one["message"].startswith(f"job {job.id}, pack for") for one in log)

    files = [file for file in memory.rglob("*") if file.is_file() and file.suffix != ".secret"]
    dump = subprocess.run(["pg_dump", postgres.url], capture_output=True, check=True).stdout
    assert made["path"].encode() in dump
    everything = [
        dump,
        *(file.read_bytes() for file in files),
        (tmp_path / "audit.log").read_bytes(),
        site.log.encode(),
        *arguments,
        *(answer.content for answer in (signed_in, packing, *answers)),
        *(letter.encode() for letter in letters),
        *(message.as_bytes() for message in mail_host.messages),
    ]
    assert len(keys) >= 2
    secrets = {PASSWORD, TOKEN, site.user.password, site.zone.password, *keys, *cookies, *site.passwords}
    for secret in secrets:
        assert not [text for text in everything if secret.encode() in text], secret
    assert "***" not in site.log  # there was nothing to keep out


def test_the_address_of_a_user_is_the_one_that_omero_knows(site: Site, address: str, root: Gateway) -> None:
    find = address_finder("omero", site.settings.omero)
    assert find(site.user.name) == address
    with pytest.raises(NotFound):
        find("nobody-of-this-name")
    service = root.getAdminService()
    for wrong in ("", "none", "a@b.org, eve@b.org", "a@b.org\nBcc: eve@b.org"):
        found = service.lookupExperimenter(site.user.name)
        found.email = rstring(wrong)
        service.updateExperimenter(found)
        with pytest.raises(NotFound, match="no usable"):
            find(site.user.name)
    assert address_finder("{name}@x.org", site.settings.omero)("ada") == "ada@x.org"
