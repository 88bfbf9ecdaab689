"""What the administrator of the agent does besides running it. Loads no client library, and no DBOS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from omero_irods_bridge.agent.engine.lease import lease
from omero_irods_bridge.agent.schedules import Schedules
from omero_irods_bridge.agent.store.attempts import Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import SystemClock

if TYPE_CHECKING:
    from omero_irods_bridge.agent.standing import Standing

_WORKER_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


@contextmanager
def open_jobs(settings: Settings) -> Iterator[Jobs]:
    """The jobs of the agent, for its administrator: who may open its database.

    Raises:
        NotFound: no agent has run with these settings.
    """
    with closing(_database(settings)) as database:
        yield Jobs(database, SystemClock())


@contextmanager
def open_schedules(settings: Settings) -> Iterator[Schedules]:
    """The schedules of the settings, for the administrator; before an agent has run none was handed in.

    No database is made then: it would be that of who asks, and others would be told that there are no jobs.
    """
    clock, place = SystemClock(), settings.agent.database
    with (
        TemporaryDirectory() as folder,
        closing(Database(place if _is_there(place) else f"{folder}/none")) as database,
    ):
        yield Schedules(database, clock, settings.agent.schedules, Jobs(database, clock))


def standing(settings: Settings) -> Standing:
    """Which queues are paused, what waits and runs, and who is at work.

    Raises:
        NotFound: no agent has run with these settings.
    """
    # Only who asks for this waits for the web framework that auditing.py needs.
    from omero_irods_bridge.agent.queues import Queues  # noqa: PLC0415
    from omero_irods_bridge.agent.standing import Standing  # noqa: PLC0415

    clock = SystemClock()
    with closing(_database(settings)) as database:
        queues = Queues(Jobs(database, clock), settings.agent.limits_of_kinds)
        return Standing(queues.all(), Workers(database, clock).all())


def adopt(settings: Settings, worker: str) -> list[int]:
    """Let the others have the jobs of a worker that does not come back; their ids.

    Raises:
        Busy: it lives.
    """
    if not _WORKER_NAME.fullmatch(worker):
        raise UsageError(f"{worker!r} is not the name of a worker.")
    clock = SystemClock()
    with closing(_database(settings)) as database, lease(database, worker):
        jobs = Attempts(database, clock).adopt(worker)
        Workers(database, clock).left(worker)
        return jobs


def _database(settings: Settings) -> Database:
    """The one that an agent has made: a new one would tell people that there are no jobs."""
    place = settings.agent.database
    if not _is_there(place):
        raise NotFound(
            f"No agent has kept jobs in {place}.",
            hint="Say which agent: --config FILE with its settings, or for jobs --agent=URL or agent.url.",
        )
    return Database(place)


def _is_there(place: str) -> bool:
    return "://" in place or Path(place).is_file()
