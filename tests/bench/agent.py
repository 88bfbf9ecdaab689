"""The agent: jobs a second, pages among many jobs, and what it adds to a pack (issue 6)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import sqlalchemy as sa
from omero.gateway import BlitzGateway

from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.agent.store.attempts import Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.model.jobs import GcWork, JobKind, JobSpec, JobState
from omero_irods_bridge.operations import install_scripts
from omero_irods_bridge.operations.official_scripts import AgentAddress, script_texts
from omero_irods_bridge.wiring import SystemClock
from tests.agent.postgres import own_postgres
from tests.agent.scripts.conftest import run as click
from tests.bench.image_sets import KIB, ImageSet, import_set
from tests.bench.measured import run
from tests.bench.omero_server import root_clients
from tests.bench.packing import Stage, both_servers
from tests.bench.registry import Measurement, Setting, section

_ROOT: Final = Path(__file__).parents[2]
_JOBS: Final = 300
_MANY: Final = 100_000
_LOOKS: Final = 20
_ROUNDS: Final = 3
_WANTED_PAGE_S: Final = 0.2
_WANTED_CLICK_S: Final = 3.0
_WANTED_MORE: Final = 1.1
_SAVE: Final = "Save_to_iRODS"
_OMERO_IRODS: Final = str(Path(sys.executable).with_name("omero-irods"))
_IMAGES: Final = ImageSet(2000, 64 * KIB)
_FEW_IMAGES: Final = ImageSet(10, 64 * KIB)


@section("agent", "agent: jobs a second, pages among many jobs")
def agent(setting: Setting) -> Iterator[Measurement]:
    """Jobs that do nothing, with the limit of the default settings; then a database with many that ended."""
    for case, where in _databases(setting.folder):
        yield from _rates(case, where, setting)
        yield from _pages(case, where, 1_000 if setting.is_quick else _MANY)


@section("agent-pack", "agent: pack of small files, beside the plain command")
def agent_pack(setting: Setting) -> Iterator[Measurement]:
    """Seconds from the start of the command to its end; ``--agent --wait`` ends with the job."""
    images, rounds = (_FEW_IMAGES, 1) if setting.is_quick else (_IMAGES, _ROUNDS)
    with both_servers(setting.folder) as both:
        with root_clients(both.server, "plain") as (client,):
            dataset = import_set(client, images, both.folder)
        with _running_agent(both) as url:
            plain, handed = [], []
            for _ in range(rounds):
                plain.append(_pack(both, dataset))
                handed.append(_pack(both, dataset, f"--agent={url}", "--wait"))
    yield Measurement("omero-irods pack", images.name, median(plain), "s")
    more = median(handed) / median(plain)
    yield Measurement(
        "omero-irods pack --agent --wait", images.name, median(handed), "s", 1 / more, 1 / _WANTED_MORE
    )


@section("agent-script", "agent: from the click in OMERO to the number of the job")
def agent_script(setting: Setting) -> Iterator[Measurement]:
    """Seconds from running *Save to iRODS*, by the server's processor, to its answer."""
    with both_servers(setting.folder) as both:
        with root_clients(both.server, "plain") as (client,):
            dataset = import_set(client, _FEW_IMAGES, both.folder)
        with _running_agent(both) as url, _gateway(both, url) as gateway:
            taken = _median(lambda: click(gateway, _SAVE, "Dataset", (dataset,)).job, _ROUNDS)
    yield Measurement("Save to iRODS", "click to job", taken, "s", _WANTED_CLICK_S / taken, 1.0)


@contextmanager
def _gateway(both: Stage, url: str) -> Iterator[BlitzGateway]:
    """Of root, where the script is installed for the agent at ``url``."""
    server = both.server
    texts = script_texts(AgentAddress.parse(url))
    login = UserPassword(server.host, "root", server.root_password, server.ssl)
    with connect(login) as connection:
        scripts = OmeroScripts(connection)
        install_scripts.apply(install_scripts.plan_install(texts, scripts, replace=True), scripts)
    gateway = BlitzGateway("root", server.root_password, host=server.host, port=server.ssl)
    assert gateway.connect()
    try:
        yield gateway
    finally:
        gateway.close()


# -- the store and the worker


def _databases(folder: Path) -> Iterator[tuple[str, str]]:
    yield "SQLite", str(folder / "agent.db")
    # Not in ``folder``: PostgreSQL does not run as root, and who it runs as may not enter a folder of root.
    with tempfile.TemporaryDirectory(dir="/tmp") as postgres, own_postgres(Path(postgres)) as server:
        yield "PostgreSQL", server.url


def _rates(case: str, where: str, setting: Setting) -> Iterator[Measurement]:
    number = 20 if setting.is_quick else _JOBS
    with _jobs(where) as jobs:
        begin = time.perf_counter()
        for one in range(number):
            jobs.submit(JobSpec(GcWork(older_than_s=0), f"u{one % 5}", f"rate/{one}"))
        yield Measurement("submitted", case, number / (time.perf_counter() - begin), "jobs/s")
        with _worker(where, setting.folder / case):
            _until(lambda: jobs.count(JobFilter()).get(JobState.DONE, 0) > 0)
            begin, before = time.perf_counter(), jobs.count(JobFilter())[JobState.DONE]
            _until(lambda: jobs.count(JobFilter())[JobState.DONE] == number)
            yield Measurement("done", case, (number - before) / (time.perf_counter() - begin), "jobs/s")


def _pages(case: str, where: str, number: int) -> Iterator[Measurement]:
    pages = {
        "page of 50, of all": JobFilter(),
        "page of 50, of one user": JobFilter("u1"),
        "page of 50, failed": JobFilter(states=(JobState.FAILED,)),
        "page of 50, one kind": JobFilter(kind=JobKind.GC),
        "page of 50, one batch": JobFilter(batch="batch/7"),
    }
    with _jobs(where) as jobs:
        _fill(where, number)
        for what, wanted in pages.items():
            taken = _median(lambda wanted=wanted: jobs.list_jobs(wanted, limit=50))  # type: ignore[misc]
            yield _page(what, case, taken)
        yield _page("jobs by state", case, _median(lambda: jobs.count(JobFilter())))
    yield _page(f"next of {number // 2:,} that wait", case, _median(_admitter(where)))


def _page(what: str, case: str, seconds: float) -> Measurement:
    return Measurement(what, case, seconds * 1000, "ms", _WANTED_PAGE_S / seconds, 1.0)


def _fill(where: str, number: int) -> None:
    """Half of them wait, the others have ended."""
    database = Database(where)
    states = (JobState.QUEUED, JobState.DONE, JobState.QUEUED, JobState.FAILED)
    rows = [
        {
            **_row(
                JobSpec(GcWork(older_than_s=0), f"u{one % 50}", f"fill/{one}", batch=f"batch/{one // 500}")
            ),
            "uuid": f"{one:032x}",
            "state": states[one % 4],
        }
        for one in range(number)
    ]
    with database.writing() as connection:
        connection.execute(sa.insert(JOBS), rows)
    database.close()


def _row(spec: JobSpec) -> dict[str, Any]:
    told = {name: getattr(spec, name) for name in ("requested_by", "request_id", "priority", "batch")}
    return {**told, "kind": spec.kind, "spec": spec.to_json(), "created_at": 0.0}


def _admitter(where: str) -> Callable[[], object]:
    attempts = Attempts(Database(where), SystemClock())
    limits = Limits(10**6, 10**6, dict.fromkeys(JobKind, 10**6))
    return lambda: attempts.admit(limits, lambda *_: None, room=1)


def _median(look: Callable[[], object], looks: int = _LOOKS) -> float:
    def taken() -> float:
        begin = time.perf_counter()
        look()
        return time.perf_counter() - begin

    return median(taken() for _ in range(looks))


@contextmanager
def _jobs(where: str) -> Iterator[Jobs]:
    database = Database(where)
    try:
        yield Jobs(database, SystemClock())
    finally:
        database.close()


@contextmanager
def _worker(where: str, book: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.agent.worker_child", where, "one", str(book)]
    with book.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.02)


# -- between both servers


@contextmanager
def _running_agent(both: Stage) -> Iterator[str]:
    """Its URL. The OMERO account is that of the commands too; in iRODS it works as theirs."""
    folder = both.folder.parent / "agent"
    folder.mkdir()
    both.session.users.create("scientist", "rodsuser")
    secret = folder / "password"
    secret.write_text(both.server.root_password)
    secret.chmod(0o600)
    (folder / "users.toml").write_text('[users]\nroot = "scientist"\n')
    config = folder / "agent.toml"
    config.write_text(
        f'[omero]\nhost = "{both.server.host}"\nport = {both.server.ssl}\nuser = "root"\n'
        f'password_file = "{secret}"\n'
        f'[agent]\ndatabase = "{folder}/agent.db"\nusers = "{folder}/users.toml"\nlisten = "127.0.0.1:0"\n'
    )
    log = folder / "agent.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_OMERO_IRODS, "agent", "run", "--config", str(config)],
            env={**os.environ, "HOME": str(folder), **both.environment},
            stdout=output,
            stderr=output,
        )
    try:
        _until(lambda: "is at work" in log.read_text() or process.poll() is not None)
        yield log.read_text().partition("answering at ")[2].split("/api/v1")[0]
    finally:
        process.terminate()
        process.wait()


def _pack(both: Stage, dataset: int, *options: str) -> float:
    command = [
        *(_OMERO_IRODS, "pack", f"Dataset:{dataset}", "--json"),
        *("--server", f"{both.server.host}:{both.server.ssl}", "--user", "root", *options),
    ]
    return run(command, both.folder, both.environment).seconds
