"""The agent's database, and workers in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omero_irods_bridge.agent.store.attempts import Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.jobs import GcWork, Job, JobKind, JobSpec, JobState
from omero_irods_bridge.wiring import SystemClock

TIMEOUT_S = 120
ROOT = Path(__file__).parents[2]
NO_LIMITS = Limits(10_000, 10_000, dict.fromkeys(JobKind, 10_000))


def until(holds: Callable[[], object], *, every_s: float = 0.1) -> None:
    """Wait; a test that waits for what does not come fails."""
    end = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(every_s)


def counting(number: int, *, user: str = "ada", seconds: float = 0.0, priority: int = 5) -> JobSpec:
    """A job for :mod:`worker_child` that takes about so long."""
    return JobSpec(GcWork(older_than_s=seconds), user, f"request-{number}", priority)


@dataclass
class Hands:
    """A clock that is set by hand."""

    at: float = 1_000_000.0

    def now(self) -> float:
        return self.at


@dataclass
class Agent:
    """A database, and the workers on it."""

    where: str
    folder: Path
    jobs: Jobs
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def book(self) -> Path:
        return self.folder / "book"

    def lines(self, what: str) -> list[list[str]]:
        """The lines of the book of this kind: time, what, process, job, kind, user."""
        if not self.book.exists():
            return []
        return [line for line in map(str.split, self.book.read_text().splitlines()) if line[1] == what]

    def start(self, name: str = "one") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.agent.worker_child", self.where, name, str(self.book)]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def count(self, state: JobState) -> int:
        return self.jobs.count(JobFilter()).get(state, 0)

    def job_is(self, job: Job, state: JobState) -> Callable[[], bool]:
        return lambda: self.jobs.get(job.id).state is state


@contextmanager
def agent_on(where: str, folder: Path) -> Iterator[Agent]:
    database = Database(where)
    agent = Agent(where, folder, Jobs(database, SystemClock()))
    try:
        yield agent
    finally:
        for process in agent.started:
            process.kill()
            process.wait()
        database.close()


@contextmanager
def quick_folder() -> Iterator[Path]:
    """In memory where there is such a place: what is killed here is processes, not the machine."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def memory() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def agent(memory: Path) -> Iterator[Agent]:
    with agent_on(str(memory / "agent.db"), memory) as made:
        yield made


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def database(memory: Path) -> Iterator[Database]:
    opened = Database(str(memory / "agent.db"))
    yield opened
    opened.close()


@pytest.fixture
def jobs(database: Database, hands: Hands) -> Jobs:
    return Jobs(database, hands)


@pytest.fixture
def attempts(database: Database, hands: Hands) -> Attempts:
    return Attempts(database, hands, [10.0, 60.0])
