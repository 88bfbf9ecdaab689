"""What the agent is put together of, whether it answers, works, or does both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from omero_irods_bridge.agent.accounts import service_account, service_user_in_irods
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.rereading import UsersFile
from omero_irods_bridge.agent.schedules import Schedules
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.pending import Pending
from omero_irods_bridge.agent.waking import Waking
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.errors import AccessDenied, UsageError
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import SystemClock


@dataclass(frozen=True, slots=True)
class Parts:
    """What answering and working have in common."""

    settings: Settings
    identities: UsersFile
    clock: SystemClock
    database: Database
    jobs: Jobs
    schedules: Schedules
    pending: Pending
    waking: Waking


@contextmanager
def opened(settings: Settings) -> Iterator[Parts]:
    """All parts, until the block ends.

    Raises:
        UsageError, NotFound, AccessDenied: the settings, or the file of users, are not as they should be.
        Unreachable: the database does not answer.
    """
    clock, identities = SystemClock(), check_settings(settings)
    database = Database(settings.agent.database)
    jobs = Jobs(database, clock)
    schedules = Schedules(database, clock, settings.agent.schedules, jobs)
    pending = Pending(database, clock, jobs)
    waking = Waking(pending, settings.agent.schedules)
    try:
        yield Parts(settings, identities, clock, database, jobs, schedules, pending, waking)
    finally:
        database.close()


def check_settings(settings: Settings) -> UsersFile:
    """Who may use the agent, as the file says then, when all that a worker needs is said and makes sense.

    Connects to nothing.
    """
    if settings.agent.users is None:
        raise UsageError(
            "The settings do not say who may use the agent.",
            hint="Set agent.users to a users.toml; who is not in it may not.",
        )
    service_account(settings.omero)
    never = [service_user_in_irods(settings)]
    found = UsersFile(settings.agent.users, lambda file: Identities.read(file, never=never))
    _check_schedules(settings.agent, found)
    return found


def _check_schedules(agent: AgentSettings, identities: UsersFile) -> None:
    is_ingest = any(one.kind is JobKind.INGEST for one in agent.schedules.values())
    if agent.wake_file is not None and not is_ingest:
        raise UsageError(
            "agent.wake_file is of no use without a schedule of ingest.",
            hint='Set [agent.schedules.ingest] with kind = "ingest", cron and user.',
        )
    for name, schedule in agent.schedules.items():
        try:
            identities.irods_user(schedule.user)
        except AccessDenied as error:
            raise UsageError(
                f"The schedule {name} is for {schedule.user}, who may not use the agent.", hint=error.hint
            ) from error
