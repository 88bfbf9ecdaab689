"""This computer: room for the agent's database, and whether the agent answers."""

from __future__ import annotations

import http.client
import os
import shutil
import urllib.error
from pathlib import Path
from typing import Final

from omero_irods_bridge.agent.client import opener_for
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.doctor.diagnosis import Diagnoses, Diagnosis, ok, problem, skipped, warning
from omero_irods_bridge.doctor.server import room

TIMEOUT_S: Final = 10


def look_at_database(agent: AgentSettings) -> Diagnoses:
    """Can it be written, and is there room?"""
    check = "agent disk"
    if not agent.database.startswith("/"):
        yield skipped(check, "the database of the agent is PostgreSQL, which looks after its own disk")
        return
    folder = _nearest(Path(agent.database).parent)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield problem(
            check,
            f"the agent's database cannot be written: {folder} belongs to somebody else",
            "Run this as the account of the agent, or set agent.database.",
        )
        return
    yield from room(check, shutil.disk_usage(folder).free, f"the disk of the agent's database ({folder})")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there: the agent makes what is missing."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def look_at_agent(agent: AgentSettings) -> Diagnoses:
    """Does it answer where the settings say: at ``listen``, with ``users``, and at ``url``, with that?"""
    if agent.users is not None and agent.address[1]:
        remedy = "Start it: omero-irods agent run. With workers alone here all is well."
        yield _answers(agent.listening_url, remedy)
    if agent.url is not None:
        yield _answers(agent.url, "Does it run there? Another address: agent.url.")


def _answers(url: str, remedy: str) -> Diagnosis:
    check = "agent"
    try:
        with opener_for(url).open(f"{url}/healthz", timeout=TIMEOUT_S):
            return ok(check, f"it answers at {url}")
    except urllib.error.HTTPError as error:
        error.close()
        return problem(check, f"it answers at {url}, but is not well: {error.reason}", "Look into its log.")
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return warning(check, f"nobody answers at {url} ({reason})", remedy)
