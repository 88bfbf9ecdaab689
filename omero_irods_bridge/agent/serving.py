"""Puts a worker together, from settings, and runs it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from omero_irods_bridge.agent.accounts import Accounts, service_account, service_user_in_irods
from omero_irods_bridge.agent.answering import application, public_url
from omero_irods_bridge.agent.engine.worker import Worker, WorkerOptions
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.mail.sending import mailing
from omero_irods_bridge.agent.performing import Performer
from omero_irods_bridge.agent.store.attempts import Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import SystemClock


def run_worker(settings: Settings, stop: CancelToken) -> bool:
    """Run jobs until ``stop`` is cancelled; whether all that ran were handed back then.

    Raises:
        UsageError, NotFound, AccessDenied: the settings, or the file of users, are not as they should be.
        Busy: there is a worker of this name, or somebody else at its address.
    """
    clock, identities = SystemClock(), check_settings(settings)
    perform = Performer(settings, Accounts(settings, identities), clock)
    database = Database(settings.agent.database)
    jobs = Jobs(database, clock)
    try:
        with (
            mailing(settings, public_url(settings.agent), database, clock),
            _answering(settings, jobs, identities),
        ):
            return Worker(database, _options(settings.agent), clock, perform).run(stop)
    finally:
        database.close()


def _answering(settings: Settings, jobs: Jobs, identities: Identities) -> AbstractContextManager[object]:
    """The API, when somebody may use it."""
    if settings.agent.tokens is None:
        return nullcontext()
    return served(application(settings, jobs, identities), *settings.agent.address)


def check_settings(settings: Settings) -> Identities:
    """Who may use the agent, when all that a worker needs is said and makes sense. Connects to nothing."""
    if settings.agent.users is None:
        raise UsageError(
            "The settings do not say who may use the agent.",
            hint="Set agent.users to a users.toml; who is not in it may not.",
        )
    service_account(settings.omero)
    return Identities.read(settings.agent.users, never=[service_user_in_irods(settings)])


def _options(agent: AgentSettings) -> WorkerOptions:
    limits = Limits(agent.limit, agent.limit_per_user, agent.limits_of_kinds)
    mails = agent.mail.host is not None
    return WorkerOptions(agent.worker, limits, tuple(agent.retry_after_s), agent.keep_days, mails=mails)
