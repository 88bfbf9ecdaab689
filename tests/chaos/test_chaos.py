"""Everything goes wrong at once, and in the end each job was done, just once, and each snapshot is whole.

``make test`` runs a short one; ``make chaos`` 200 jobs. The seed is printed: CHAOS_SEED repeats the choices,
though not the moments.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import pytest

from omero_irods_bridge.agent.accounts import Accounts
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.events import silent
from omero_irods_bridge.model.jobs import (
    Job,
    JobSpec,
    JobState,
    PackWork,
    StateChanged,
    UnpackWork,
    VerifyWork,
    Work,
)
from omero_irods_bridge.model.snapshot import from_avus
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.operations import verify
from omero_irods_bridge.wiring import SystemClock
from tests.agent.between.site import Site
from tests.agent.postgres import Postgres, own_postgres

JOBS = int(os.environ.get("CHAOS_JOBS", "12"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
PATIENCE_S = 60 + 10 * JOBS
IMAGES = 3
"""Of the dataset."""

RETRIES = f"retry_after_s = [{', '.join(['0.3'] * 100)}]\n"


@dataclass
class Workers:
    """Processes of the agent by their names; one that was killed is started again under its name."""

    site: Site
    names: tuple[str, ...]
    running: dict[str, Popen[str]] = field(default_factory=dict)
    kills: int = 0

    def start(self) -> None:
        for name in self.names:
            self.start_one(name)

    def start_one(self, name: str) -> None:
        person = self.site.person.with_variables(OMERO_IRODS_AGENT__WORKER=name)
        with (self.site.person.folder / "agent.log").open("a") as log:
            self.running[name] = person.start("agent", "run", stdout=log, stderr=log)
        self.site.started.append(self.running[name])

    def kill_one(self, chance: random.Random) -> None:
        name = chance.choice(self.names)
        self.running[name].kill()
        self.running[name].wait()
        self.kills += 1
        self.start_one(name)


@contextmanager
def trouble(hits: list[Callable[[], None]], chance: random.Random, pause_s: float) -> Iterator[None]:
    """Something goes wrong again and again while the block runs."""
    over = threading.Event()

    def go_wrong() -> None:
        while not over.wait(chance.uniform(0.5, 1.5) * pause_s):
            chance.choice(hits)()

    thread = threading.Thread(target=go_wrong)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def hits_of(
    site: Site, workers: Workers, postgres: Postgres | None, chance: random.Random
) -> list[Callable[[], None]]:
    """What goes wrong: each passes."""

    def cut_irods() -> None:
        site.zone.faults.cut_after(chance.randrange(200_000))

    def cut_irods_answer() -> None:
        site.zone.faults.cut_after(chance.randrange(50_000), direction="sent")

    def cut_omero() -> None:
        site.server.faults.cut_file_after(chance.randrange(100_000))

    def crash_postgres() -> None:
        if postgres is not None:
            postgres.crash()
            time.sleep(0.3)
            postgres.start()

    def kill() -> None:
        workers.kill_one(chance)

    common = [cut_irods, cut_irods_answer, cut_omero, kill]
    return [*common, crash_postgres] if postgres is not None else common


def settle(site: Site, jobs: Jobs) -> None:
    """Wait until all jobs have ended; the database may be away for a moment."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if survives(lambda: is_settled(jobs)):
            return
        time.sleep(0.5)
    states = Counter(one.state for one in jobs.list_jobs(JobFilter(), limit=1000))
    alive = [one.pid for one in site.started if one.poll() is None]
    raise AssertionError(f"not all have ended: {states}, {alive=}\n{site.log[-9000:]}")


def ended(jobs: Jobs) -> int:
    counted = jobs.count(JobFilter())
    return sum(number for state, number in counted.items() if state.is_final)


def is_settled(jobs: Jobs) -> bool:
    return sum(jobs.count(JobFilter()).values()) == ended(jobs)


def live_through(site: Site, jobs: Jobs, names: tuple[str, ...], postgres: Postgres | None) -> list[Job]:
    """Hand in all jobs, let things go wrong until most have ended, then let the rest end in peace."""
    chance = random.Random(SEED)
    sys.stdout.write(f"CHAOS_SEED={SEED}\n")
    workers = Workers(site, names)
    workers.start()
    first = jobs.submit(spec(site, PackWork((site.dataset,)), "first"))
    site.jobs = jobs
    snapshot = site.done(first)["path"]
    made = [jobs.submit(spec(site, work, f"chaos-{n}")) for n, work in enumerate(works(site, snapshot))]
    with trouble(hits_of(site, workers, postgres, chance), chance, pause_s=1.0):
        wait_for(lambda: survives(lambda: ended(jobs) > JOBS * 0.7))
    workers.kill_one(chance)
    site.zone.faults.clear()
    site.server.faults.clear()
    settle(site, jobs)
    return [jobs.get(one.id) for one in [first, *made]]


def spec(site: Site, work: Work, request: str) -> JobSpec:
    return JobSpec(work, site.user.name, request)


def works(site: Site, snapshot: str) -> Iterator[PackWork | UnpackWork | VerifyWork]:
    for number in range(JOBS):
        if number % 6 == 2:
            yield UnpackWork(snapshot, again=f"chaos-{number}")
        elif number % 6 == 4:
            yield VerifyWork(snapshot, Scope.DATA)
        else:
            yield PackWork((site.dataset,), note=f"chaos-{number}")


def survives(look: Callable[[], bool]) -> bool:
    """False while the database is away."""
    from sqlalchemy.exc import SQLAlchemyError

    from omero_irods_bridge.model.errors import BridgeError

    try:
        return look()
    except (SQLAlchemyError, BridgeError):
        return False


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.3)


def assert_all_is_well(site: Site, jobs: Jobs, made: list[Job]) -> None:
    failed = [(one.id, str(one.spec.kind), one.error) for one in made if one.state is not JobState.DONE]
    assert failed == [], site.log[-9000:]
    for job in made:
        told = [one.event for one in jobs.events(job.id) if isinstance(one.event, StateChanged)]
        assert [one.state for one in told].count(JobState.DONE) == 1
    packed = [one for one in made if isinstance(one.spec.work, PackWork)]
    assert_snapshots(site, packed)
    loaded = [one for one in made if isinstance(one.spec.work, UnpackWork)]
    assert images(site) == IMAGES * (1 + len(loaded))


def assert_snapshots(site: Site, packed: list[Job]) -> None:
    """One for each job, of that job, and whole; nothing else but what is under way."""
    there = [path for path in site.snapshots() if "/.incoming/" not in path]
    told = {path: from_avus(site.store.avus(path)) for path in there}
    assert sorted(one.job for one in told.values() if one) == sorted(job.uuid for job in packed)
    for job in packed:
        assert job.result is not None
        assert job.result["path"] in told
    accounts = Accounts(site.settings, Identities({site.user.name: site.irods_user}, ()))
    with accounts.object_store(site.user.name) as store:
        for path in there:
            plan = verify.plan(store, path, scope=Scope.DATA)
            assert verify.apply(plan, store, clock=SystemClock(), report=silent).ok, path


def images(site: Site) -> int:
    with site.server.store.work(site.server.internal_caller()) as work:
        query = f'select count(*) from "Image" where "d_owner" = {site.user.id}'
        return int(work.database.value(query))


@pytest.fixture(autouse=True)
def _password_file(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test looks into iRODS as the agent does."""
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(site.person.folder / ".irods" / ".irodsA"))


def write_settings(site: Site, database: str) -> None:
    file = site.person.folder / "config" / "omero-irods-bridge" / "config.toml"
    text = file.read_text().replace("retry_after_s = [0.5, 0.5, 1, 1, 1]\n", RETRIES)
    lines = [f'database = "{database}"' if one.startswith("database") else one for one in text.splitlines()]
    file.write_text("\n".join(lines) + "\n")


@pytest.mark.timeout(PATIENCE_S * 2)
def test_one_worker_on_sqlite_that_is_killed_again_and_again(site: Site) -> None:
    write_settings(site, site.settings.agent.database)
    made = live_through(site, site.jobs, ("one",), None)
    assert_all_is_well(site, site.jobs, made)


@pytest.mark.timeout(PATIENCE_S * 2)
def test_three_workers_on_a_postgresql_that_crashes(site: Site, memory: Path, tmp_path: Path) -> None:
    folder = memory / "postgres"
    folder.mkdir()
    memory.chmod(0o755)
    with own_postgres(folder) as postgres:
        write_settings(site, postgres.url)
        database = Database(postgres.url)
        jobs = Jobs(database, SystemClock())
        made = live_through(site, jobs, ("one", "two", "three"), postgres)
        assert_all_is_well(site, jobs, made)
        database.close()
        for process in site.started:
            process.kill()
            process.wait()
