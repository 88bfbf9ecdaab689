"""Runs the part of the agent that does the work, alone or in one process with what answers."""

from __future__ import annotations

from omero_irods_bridge.agent.accounts import Accounts
from omero_irods_bridge.agent.engine.worker import DUE_S, Errand, Worker, WorkerOptions
from omero_irods_bridge.agent.looks import servers_of
from omero_irods_bridge.agent.mail.sending import mailing
from omero_irods_bridge.agent.parts import Parts, opened
from omero_irods_bridge.agent.performing import Performer
from omero_irods_bridge.agent.recovery import LOOK_S, Recovery
from omero_irods_bridge.agent.serving import answering
from omero_irods_bridge.agent.store.attempts import ALL_KINDS, Limits
from omero_irods_bridge.agent.store.sleepers import Sleepers
from omero_irods_bridge.agent.waking import LOOK_S as WAKE_LOOK_S
from omero_irods_bridge.agent.waking import WakeFile
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.settings import Settings


def run_all(settings: Settings, stop: CancelToken) -> bool:
    """Answer and run jobs until ``stop`` is cancelled; whether all that ran were handed back then.

    Raises:
        Busy: there is a worker of this name, or somebody else at its address.
        BridgeError: see :func:`opened`.
    """
    with opened(settings) as parts, answering(parts):
        return _work(parts, stop, ALL_KINDS)


def run_worker(settings: Settings, stop: CancelToken, kinds: frozenset[JobKind] = ALL_KINDS) -> bool:
    """Run jobs of ``kinds`` until ``stop`` is cancelled; whether all that ran were handed back then.

    Raises:
        Busy: there is a worker of this name.
        BridgeError: see :func:`opened`.
    """
    with opened(settings) as parts:
        return _work(parts, stop, kinds)


def _work(parts: Parts, stop: CancelToken, kinds: frozenset[JobKind]) -> bool:
    settings, clock, database = parts.settings, parts.clock, parts.database
    accounts = Accounts(settings, parts.identities)
    perform = Performer(
        settings, accounts, clock, lambda spec, after_s: parts.pending.submit(spec, after_s=after_s)
    )
    options = _options(settings.agent, kinds)
    with mailing(settings, database, clock):
        return Worker(database, options, clock, perform, _errands(parts, kinds)).run(stop)


def _errands(parts: Parts, kinds: frozenset[JobKind]) -> list[Errand]:
    """What a worker does now and then besides running jobs."""
    recovery = Recovery(Sleepers(parts.database, parts.clock), servers_of(parts.settings))
    found = [Errand(DUE_S, parts.schedules.submit_due), Errand(LOOK_S, recovery.look)]
    if parts.waking.is_of_use and JobKind.INGEST in kinds:
        found.append(Errand(WAKE_LOOK_S, WakeFile(parts.settings.agent.wake_file, parts.waking.wake).look))
    return found


def _options(agent: AgentSettings, kinds: frozenset[JobKind]) -> WorkerOptions:
    return WorkerOptions(
        agent.worker,
        Limits(agent.limit, agent.limit_per_user, agent.limits_of_kinds),
        tuple(agent.retry_after_s),
        agent.keep_days,
        mails=agent.mail.host is not None,
        kinds=kinds,
    )
