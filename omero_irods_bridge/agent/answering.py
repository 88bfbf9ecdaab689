"""Puts the application that answers over HTTP together, from settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs
from fastapi import FastAPI

from omero_irods_bridge.agent.accounts import Accounts
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.cookies import Cookies, secret_in
from omero_irods_bridge.agent.http.sign_in import SignIn
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.http.tokens import Tokens
from omero_irods_bridge.agent.looks import health_of
from omero_irods_bridge.agent.metrics import Metrics
from omero_irods_bridge.agent.omero_users import OmeroUsers
from omero_irods_bridge.agent.parts import Parts
from omero_irods_bridge.agent.queues import Queues
from omero_irods_bridge.agent.rereading import TokensFile
from omero_irods_bridge.agent.snapshots import Snapshots
from omero_irods_bridge.agent.store.signed_out import SignedOut
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.agent_settings import APPLICATION, AgentSettings
from omero_irods_bridge.wiring import zone_of

SECRET_SUFFIX: Final = ".secret"  # noqa: S105 -- the name of a file
"""Of the file beside the database that signs cookies."""


def application(parts: Parts) -> FastAPI:
    """What answers at ``agent.listen``. Connects to nothing.

    Raises:
        UsageError, NotFound, AccessDenied: the file of tokens, or that of the secret, is not as it should be.
    """
    settings, identities, jobs = parts.settings, parts.identities, parts.jobs
    agent = settings.agent
    desk = Desk(jobs, identities, zone_of(settings) or "", agent.open_per_user)
    tokens = None if agent.tokens is None else TokensFile(agent.tokens, Tokens.read)
    cookies = Cookies(
        secret_in(secret_file(agent)),
        is_secure=agent.page_url.startswith("https:"),
        ended=SignedOut(parts.database, parts.clock),
    )
    site = Site(
        agent.page_url,
        SignIn(OmeroUsers(settings.omero), identities, cookies),
        Snapshots(Accounts(settings, identities).object_store, settings.snapshots.prefix),
        Queues(jobs, agent.limits_of_kinds, Workers(parts.database, parts.clock)),
        health_of(settings, desk, identities, tokens),
        parts.schedules.fields,
        Metrics(parts.database, parts.clock, parts.schedules.states),
        parts.waking,
    )
    return create_app(desk, tokens or Tokens(()), site)


def secret_file(agent: AgentSettings) -> Path:
    """Beside the file of SQLite; agents that share PostgreSQL have one each, or a copy of it."""
    if agent.database.startswith("/"):
        return Path(agent.database + SECRET_SUFFIX)
    return platformdirs.user_state_path(APPLICATION) / f"agent{SECRET_SUFFIX}"
