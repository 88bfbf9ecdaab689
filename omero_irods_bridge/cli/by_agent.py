"""Handing work over to the agent, and asking it, as whom the person is in OMERO or with a token."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from omero_irods_bridge.agent.job_fields import job_of_fields
from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Asked, ByAgent, Told
from omero_irods_bridge.cli.watching import Watchable, follow
from omero_irods_bridge.model.errors import ExitStatus, UsageError
from omero_irods_bridge.model.jobs import Job, UnpackWork, Work
from omero_irods_bridge.model.work import work_fields

if TYPE_CHECKING:
    from omero_irods_bridge.agent.client import AgentClient
    from omero_irods_bridge.agent.store.jobs import JobFilter
    from omero_irods_bridge.settings import Settings

TALK_TO_AGENT: Final = frozenset({"pack", "unpack", "verify", "gc", "ingest", "jobs"})
"""Commands that have ``--agent`` with a value that may be left out."""

THE_AGENT: Final = "yes"
"""What ``--agent`` alone stands for (main.py): the one of the settings."""

NONE: Final = "no"
DRY_RUN: Final = "An agent plans when it begins, not before."


class Jobs(Watchable, Protocol):
    """Jobs, over HTTP or in the database."""

    def cancel(self, job: int) -> Job: ...
    def retry(self, job: int) -> Job: ...
    def delete(self, job: int) -> None: ...
    def list_jobs(self, wanted: JobFilter, *, limit: int = 50, before: int | None = None) -> list[Job]: ...


def is_url(text: str) -> bool:
    """Whether it can only be the URL of an agent."""
    return text.startswith(("http://", "https://"))


def agent_for(by: ByAgent, settings: Settings, *, not_because: str = "") -> str | None:
    """The URL of the agent that is to do the work; none when it is to be done here.

    ``not_because`` says, in words, what no agent can do; with it the work is done here.

    Raises:
        UsageError: that was asked of an agent all the same; or ``--wait`` or ``--priority`` without an agent.
    """
    asked = by.agent not in {None, NONE}
    if asked and not_because:
        raise UsageError(not_because, hint="Leave out --agent.")
    if asked or (by.agent is None and settings.agent.submit and not not_because):
        return _url(by.agent, settings)
    for option, is_given in (("--wait", by.wait), ("--priority", by.priority is not None)):
        if is_given:
            raise UsageError(f"{option} is for work that the agent does.", hint=_how(not_because))
    return None


def _how(not_because: str) -> str:
    return f"Leave it out. {not_because}" if not_because else "Add --agent."


def here_only(path: str, zone: str | None) -> str:
    """Why an agent cannot get at the packet that a person named; "" when it can."""
    from omero_irods_bridge.operations.opening import IRODS, LOCAL

    in_irods = path.removeprefix(IRODS)
    is_elsewhere = zone is not None and not path.startswith((IRODS, f"/{zone}/"))
    if path.startswith(LOCAL) or not in_irods.startswith("/") or is_elsewhere:
        return f"{path} is on this computer, where the agent does not see it."
    return ""


def hand_over(url: str, work: Work, by: ByAgent, told: Told, settings: Settings) -> int:
    """Let the agent do it, and say which job it is; with ``--wait`` how it ends, too."""
    with _client(url, settings, is_work=True) as (client, as_whom):
        made = client.submit(
            {
                "kind": work.kind.value,
                "work": work_fields(as_whom.at_work(work)),
                "request_id": f"cli/{uuid.uuid4().hex}",
                **({} if by.priority is None else {"priority": by.priority}),
                **as_whom.fields,
            }
        )
        job = job_of_fields(made)
        if by.wait:
            return follow(client, job.id, told)
    if told.as_json:
        output.json_result({"job": made})
    else:
        elsewhere = "" if url == settings.agent.url else f" --agent={url}"
        facts = ("see", made.get("url", url)), ("watch", f"omero-irods jobs watch {job.id}{elsewhere}")
        output.result("\n".join((f"Job {job.id} is {job.state}.", *views.aligned(facts))))
    return ExitStatus.DONE


@contextmanager
def open_jobs(asked: Asked, settings: Settings) -> Iterator[Jobs]:
    """The jobs of the agent that is meant: over HTTP where the settings or the person name one."""
    from omero_irods_bridge.agent import administration

    if asked.agent == NONE or (asked.agent is None and settings.agent.url is None):
        with administration.open_jobs(settings) as jobs:
            yield jobs
        return
    with _client(_url(asked.agent, settings), settings) as (client, _):
        yield client


def _url(given: str | None, settings: Settings) -> str:
    return settings.agent.client_url if given in {None, THE_AGENT} else str(given)


@dataclass(frozen=True)
class _Whom:
    """On whose behalf a job is: a field of the job where a token does not say it; and his OMERO group."""

    fields: dict[str, Any]
    group: str

    def at_work(self, work: Work) -> Work:
        """The work, in the group that this person works in: a load goes where the command would put it."""
        if isinstance(work, UnpackWork) and not (work.group or work.into or work.as_owner):
            return replace(work, group=self.group)
        return work


@contextmanager
def _client(url: str, settings: Settings, *, is_work: bool = False) -> Iterator[tuple[AgentClient, _Whom]]:
    from omero_irods_bridge.agent.client import SESSION_HEADER, AgentClient
    from omero_irods_bridge.settings import read_secret
    from omero_irods_bridge.wiring import open_connection

    if settings.agent.token_file is not None:
        headers = {"Authorization": f"Bearer {read_secret(settings.agent.token_file)}"}
        user = {"requested_by": settings.omero.user} if settings.omero.user else {}
        if is_work and not user:
            raise UsageError("A token does not say for whom the work is.", hint="Say so: --user NAME")
        yield AgentClient(url, headers), _Whom(user, settings.omero.group or "")
        return
    AgentClient(url, {})  # a wrong URL is told before OMERO is asked
    group = settings.omero.group
    with open_connection(_in_any_group(settings), working.asker()) as connection:
        client = AgentClient(url, {SESSION_HEADER: connection.key})
        yield client, _Whom({}, group or connection.identity.group)


def _in_any_group(settings: Settings) -> Settings:
    """The session only says who asks: which group it is in does not matter."""
    return settings.model_copy(update={"omero": settings.omero.model_copy(update={"group": None})})
