"""An agent with its page: real HTTP, a real database, snapshots in memory, and a past that can be made up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.health import Health
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.queues import Queues
from omero_irods_bridge.agent.snapshots import Snapshots
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.model.errors import BridgeError, Unreachable
from omero_irods_bridge.model.events import Event
from omero_irods_bridge.model.jobs import Job, JobKind, JobSpec, Phase
from omero_irods_bridge.model.snapshot import Description, State, to_avus
from omero_irods_bridge.wiring import SystemClock
from tests.agent.answers import USERS, KnownUsers, signing_in, tokens
from tests.agent.conftest import NO_LIMITS, ROOT, Hands

LIMITS = Limits(total=4, per_user=4, kinds=dict.fromkeys(JobKind, 4))
DAY_S = 86_400


@dataclass
class World:
    """``address`` is where it answers. ``schedules`` and ``away`` may be changed while it does."""

    where: str
    folder: Path
    database: Database
    jobs: Jobs
    zone: MemoryZone = field(default_factory=lambda: MemoryZone("lab"))
    users: KnownUsers = field(default_factory=KnownUsers)
    schedules: list[dict[str, Any]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def store_of(self, user: str) -> MemoryStore:
        return MemoryStore(self.zone, USERS.irods_user(user))

    def start_worker(self) -> None:
        command = [sys.executable, "-m", "tests.agent.pages.quick_worker", self.where]
        with (self.folder / "worker.log").open("ab") as log:
            self.workers.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))

    def snapshot(self, user: str, name: str, **more: Any) -> str:
        """A snapshot as the zone describes it; nothing is in it. Its path."""
        store = self.store_of(user)
        path = f"{store.home}/{name}.zip"
        writer = store.open_writer(path)
        writer.write_at(0, 0, b"packet")
        writer.close()
        store.change_avus(path, add=to_avus(described(name, user, **more), "omero::"))
        return path

    @contextmanager
    def attempt(self, spec: JobSpec, at: float) -> Iterator[tuple[Attempts, Attempt, Job, Hands]]:
        """A job that was handed in and begun at a time; its clock may be set."""
        clock = Hands(at)
        job = Jobs(self.database, clock).submit(spec)
        attempts = Attempts(self.database, clock, [600.0])
        clock.at += 2
        (mine,) = (one for one in attempts.admit(NO_LIMITS, lambda *_: None, room=1000) if one.job == job.id)
        attempts.begin(mine, "demo-1")
        yield attempts, mine, job, clock

    def past(
        self,
        spec: JobSpec,
        at: float,
        *,
        took: float = 60,
        events: Sequence[Event] = (),
        phase: Phase | None = None,
        error: BridgeError | None = None,
        result: dict[str, Any] | None = None,
        ends: bool = True,
    ) -> Job:
        """A job of the past, as it went."""
        with self.attempt(spec, at) as (attempts, mine, job, clock):
            times = [
                (clock.at + took * number / (len(events) or 1), one) for number, one in enumerate(events)
            ]
            attempts.record(mine, phase or Phase(), times)
            clock.at += took
            if ends:
                failed = Outcome.failed(error, result) if error else None
                attempts.finish(mine, failed or Outcome(End.DONE, result))
        return self.jobs.get(job.id)

    def check(self, name: str) -> None:
        if name in self.away:
            raise Unreachable(f"{name} did not answer at {name.lower()}.example.org.", hint="Is it running?")


def described(name: str, owner: str, **more: Any) -> Description:
    usual: dict[str, Any] = {
        "server": "6f1c2b7e-8a55-4b0e-9d0c-1f2a3b4c5d6e",
        "host": "omero.example.org",
        "sources": ("Dataset:51",),
        "name": name,
        "owner": owner,
        "group": "cell biology",
        "packed_by": owner,
        "images": 12,
        "files": 14,
        "size": 1_480_000_000,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "packed_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        "software": "omero-irods-bridge 0.1.0",
        "image_ids": (7, 8, 9),
        "state": State.SEALED,
    }
    return Description(**{**usual, **more})


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    where = str(folder / "agent.db")
    database = Database(where)
    world = World(where, folder, database, Jobs(database, SystemClock()))
    looks = {name: (lambda name=name: world.check(name)) for name in ("database", "OMERO", "iRODS")}
    site = Site(
        sign_in=signing_in(world.users),
        snapshots=Snapshots(lambda user: nullcontext(world.store_of(user))),
        queues=Queues(world.jobs, LIMITS.kinds, Workers(database, SystemClock())),
        health=Health(looks, now=_counting()),
        schedules=lambda: world.schedules,
    )
    try:
        with served(create_app(Desk(world.jobs, USERS), tokens(), site), "127.0.0.1", 0) as (host, port):
            world.address = f"http://{host}:{port}"
            yield world
    finally:
        for process in world.workers:
            process.kill()
            process.wait()
        database.close()


def _counting() -> Any:
    """A clock that runs so quickly that no answer is kept."""
    ticks = iter(range(0, 10**9, 60))
    return lambda: next(ticks)


def schedule(name: str, *, overdue: bool = False, due: datetime | None = None) -> dict[str, Any]:
    now = datetime.now(UTC)
    at = due or (now - timedelta(days=1) if overdue else now + timedelta(hours=8))
    return {
        "name": name,
        "kind": "verify",
        "cron": "0 2 * * *",
        "user": "ada",
        "last_at": (at - timedelta(days=1)).isoformat(),
        "next_at": at.isoformat(),
        "overdue": overdue,
    }


def ago(days: float) -> float:
    return time.time() - days * DAY_S
