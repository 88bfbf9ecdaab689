"""What :mod:`agent.health` looks at: the two servers by the agent's own accounts, and its database."""

from __future__ import annotations

from omero_irods_bridge.adapters.omero.signing_in import user_of
from omero_irods_bridge.agent.accounts import service_login
from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.health import Health, Look
from omero_irods_bridge.agent.rereading import TokensFile, UsersFile
from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.settings import Settings
from omero_irods_bridge.wiring import open_object_store


def health_of(settings: Settings, desk: Desk, users: UsersFile, tokens: TokensFile | None) -> Health:
    """Whether both servers let the agent in, its database answers, and its files are as they should be."""
    looks = {"database": lambda: _ask_database(desk), **_servers(settings), "users file": users.check}
    return Health(looks if tokens is None else {**looks, "tokens file": tokens.check})


def servers_of(settings: Settings) -> Health:
    """Whether both servers let the agent in."""
    return Health(_servers(settings))


def _servers(settings: Settings) -> dict[str, Look]:
    return {"OMERO": lambda: _log_in_to_omero(settings), "iRODS": lambda: _log_in_to_irods(settings)}


def _ask_database(desk: Desk) -> None:
    desk.list_jobs(JobFilter(), Requester("health"), limit=1)


def _log_in_to_omero(settings: Settings) -> None:
    user_of(service_login(settings.omero), secure=settings.omero.secure)


def _log_in_to_irods(settings: Settings) -> None:
    with open_object_store(settings):
        pass
