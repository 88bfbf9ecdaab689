"""What answers is killed while people hand in jobs: asking again is safe, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from irods.password_obfuscation import encode

from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from tests.agent.answers import TOKENS, by
from tests.agent.conftest import ROOT, TIMEOUT_S, until
from tests.agent.scripts.conftest import free_port

OMERO_IRODS = str(Path(sys.executable).with_name("omero-irods"))
JOBS, KILLS = 60, 2


@dataclass
class Api:
    """``omero-irods agent api``, on the same port and database after each kill."""

    config: Path
    client: httpx.Client
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "IRODS_AUTHENTICATION_FILE": str(self.config.with_name("irodsA"))}

    def start(self) -> None:
        command = [OMERO_IRODS, "agent", "api", "--config"]
        with self.config.with_suffix(".log").open("ab") as log:
            started = subprocess.Popen(
                [*command, str(self.config)], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self.started.append(started)

    def kill(self) -> None:
        self.started[-1].kill()
        self.started[-1].wait()

    def submit(self, number: int) -> int:
        """Ask until there is an answer."""
        body = {"kind": "gc", "work": {}, "requested_by": "ada", "request_id": f"r{number}"}
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            try:
                answer = self.client.post("/api/v1/jobs", json=body, headers=by("submit"))
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            assert answer.status_code == 202, answer.text
            return int(answer.json()["id"])
        raise AssertionError("no answer")


@pytest.fixture
def api(tmp_path: Path, memory: Path) -> Iterator[Api]:
    from omero_irods_bridge.agent.http.tokens import digest_of

    environment = {
        "irods_host": "localhost",
        "irods_port": 1,
        "irods_zone_name": "z",
        "irods_user_name": "agent",
    }
    for name, text in {
        "irods.json": json.dumps(environment),
        "users.toml": '[users]\nada = "ada"\n',
        "tokens.toml": f'[tokens.s]\nsha256 = "{digest_of(TOKENS["submit"])}"\nscopes = ["submit"]\n',
        "password": "none",
        "irodsA": encode("none"),
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    config, port = tmp_path / "agent.toml", free_port()
    config.write_text(
        f'[omero]\nhost = "localhost"\nuser = "agent"\npassword_file = "{tmp_path}/password"\n'
        f'[irods]\nenvironment_file = "{tmp_path}/irods.json"\n'
        f'[agent]\ndatabase = "{memory}/agent.db"\nusers = "{tmp_path}/users.toml"\n'
        f'tokens = "{tmp_path}/tokens.toml"\nlisten = "127.0.0.1:{port}"\n'
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        made = Api(config, client)
        made.start()
        yield made
        made.kill()


def test_who_asks_again_gets_the_job_that_he_had_asked_for(api: Api, jobs: Jobs) -> None:
    answered: dict[int, int] = {}

    def submit(number: int) -> None:
        answered[number] = api.submit(number)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(submit, number) for number in range(JOBS)]
        for kill in range(1, KILLS + 1):
            until(lambda kill=kill: len(answered) >= kill * JOBS // 4, every_s=0.005)  # type: ignore[misc]
            api.kill()
            api.start()
        for one in asked:
            one.result()
    kept = {int(job.spec.request_id[1:]): job.id for job in jobs.list_jobs(JobFilter(), limit=1000)}
    assert kept == answered
    assert len(kept) == JOBS
    assert answered == {number: api.submit(number) for number in answered}
