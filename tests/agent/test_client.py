"""An agent that is asked from afar, over a network that loses answers."""

from __future__ import annotations

import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest

from omero_irods_bridge.agent.client import AgentClient
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.jobs import JobState
from tests.agent.answers import USERS, answering, by, tokens
from tests.agent.conftest import counting


@pytest.fixture
def client(jobs: Jobs) -> Iterator[AgentClient]:
    with answering(create_app(Desk(jobs, USERS), tokens())) as api:
        yield AgentClient(str(api.base_url), by("all"))


def lose_first(client: AgentClient, patch: pytest.MonkeyPatch, error: OSError, *, was_sent: bool) -> None:
    opened, lost = client._open, [error]

    def open_or_lose(*given: Any, **more: Any) -> Any:
        if lost:
            if was_sent:
                opened(*given, **more).close()
            raise lost.pop()
        return opened(*given, **more)

    patch.setattr(client, "_open", open_or_lose)


def test_what_was_done_when_only_its_answer_was_lost_is_no_error(
    client: AgentClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit(counting(1)).id
    jobs.cancel(job)
    lose_first(client, monkeypatch, ConnectionResetError(), was_sent=True)
    assert client.retry(job).state is JobState.QUEUED
    jobs.cancel(job)
    lose_first(client, monkeypatch, ConnectionResetError(), was_sent=True)
    client.delete(job)
    with pytest.raises(NotFound):
        jobs.get(job)


def test_what_cannot_have_been_done_before_is_refused(
    client: AgentClient, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit(counting(1)).id
    refused = urllib.error.URLError(ConnectionRefusedError())
    lose_first(client, monkeypatch, refused, was_sent=False)
    with pytest.raises(UsageError, match="only what failed"):
        client.retry(job)
    lose_first(client, monkeypatch, refused, was_sent=False)
    with pytest.raises(NotFound):
        client.delete(job + 1)
    for _ in range(2):
        with pytest.raises(UsageError):
            client.retry(job)
        with pytest.raises(UsageError, match="queued"):
            client.delete(job)
