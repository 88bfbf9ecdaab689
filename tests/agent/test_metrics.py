"""Numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.mail.outbox import Bundling, Outbox
from omero_irods_bridge.agent.metrics import Metrics
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.errors import Unreachable
from omero_irods_bridge.model.jobs import JobKind
from tests.agent.answers import USERS, KnownUsers, answering, by, session_of, signing_in, tokens
from tests.agent.conftest import NO_LIMITS, Hands
from tests.agent.mail.conftest import BROKEN, DONE, Office, office  # noqa: F401

DOWN = Outcome.failed(Unreachable("OMERO does not answer."))


class Late:
    name, is_overdue = "nightly", True


def numbers(metrics: Metrics) -> dict[str, float]:
    """By name and values of labels: ``jobs verify done``."""
    return read(metrics.text().decode())


def read(text: str) -> dict[str, float]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    names = (" ".join((one.name.removeprefix("omero_irods_"), *one.labels.values())) for one in samples)
    return dict(zip(names, (one.value for one in samples), strict=True))


@pytest.fixture
def metrics(database: Database, hands: Hands) -> Metrics:
    return Metrics(database, hands, lambda: [Late()])


def test_they_tell_of_jobs_attempts_bytes_mails_and_schedules(office: Office, metrics: Metrics) -> None:  # noqa: F811
    office.job(Outcome(End.DONE, {"bytes": 2**53 - 1}))
    office.job(BROKEN)
    office.job(DOWN)
    office.hands.at += 100
    office.submit()
    office.hands.at += 40
    office.jobs.pause(JobKind.GC)
    found = numbers(metrics)
    assert found["jobs verify done"] == found["jobs verify failed"] == found["jobs verify waiting"] == 1
    assert found["jobs verify queued"] == 1
    assert found["jobs pack queued"] == 0
    assert found["attempts_total verify"] == 3
    assert found["bytes_total verify"] == 2**53 - 1
    assert found["jobs_ended_total verify done"] == 1
    assert found["oldest_queued_seconds verify"] == 40
    assert found["last_success_timestamp_seconds verify"] == office.hands.at - 140
    assert (found["queue_paused gc"], found["queue_paused verify"]) == (1, 0)
    assert (found["mails_waiting"], found["oldest_mail_seconds"]) == (3, 140)
    assert found["schedule_overdue nightly"] == 1


def test_counts_only_grow_when_jobs_are_forgotten(office: Office, metrics: Metrics) -> None:  # noqa: F811
    office.job(Outcome(End.DONE, {"bytes": 10}))
    office.jobs.forget_ended(office.hands.at + 1)
    office.job(Outcome(End.DONE, {"bytes": 10}))
    found = numbers(metrics)
    assert found["jobs verify done"] == 1
    assert found["jobs_ended_total verify done"] == 2
    assert found["bytes_total verify"] == 20


def test_they_tell_who_is_at_work_and_what_was_mailed(office: Office, metrics: Metrics) -> None:  # noqa: F811
    office.job(DONE)
    outbox = Outbox(office.database, office.hands, Bundling())
    claim = outbox.claim()
    assert claim is not None
    outbox.sent(claim)
    office.submit()
    (attempt,) = office.attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    office.attempts.begin(attempt, "host-1")
    found = numbers(metrics)
    assert found["worker_jobs host-1"] == 1
    assert found["mails_total sent"] == 1
    assert found["mails_waiting"] == 0


def test_numbers_name_no_user_and_no_path(office: Office, metrics: Metrics) -> None:  # noqa: F811
    office.job(BROKEN)
    assert b"ada" not in metrics.text()
    assert b"a.zip" not in metrics.text()


def client(jobs: Jobs, metrics: Metrics | None, public_url: str) -> Iterator[httpx.Client]:
    site = Site(public_url, signing_in(KnownUsers()), metrics=metrics)
    with answering(create_app(Desk(jobs, USERS), tokens(), site)) as made:
        yield made


@pytest.fixture
def on_this_computer(jobs: Jobs, metrics: Metrics) -> Iterator[httpx.Client]:
    yield from client(jobs, metrics, "http://127.0.0.1:8640")


@pytest.fixture
def behind_a_proxy(jobs: Jobs, metrics: Metrics) -> Iterator[httpx.Client]:
    yield from client(jobs, metrics, "https://agent.example.org")


def test_programs_on_this_computer_need_no_token(on_this_computer: httpx.Client) -> None:
    answer = on_this_computer.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert read(answer.text)["jobs pack done"] == 0


def test_behind_a_proxy_a_token_or_an_administrator_is_needed(behind_a_proxy: httpx.Client) -> None:
    def status(headers: dict[str, str]) -> int:
        return behind_a_proxy.get("/metrics", headers=headers).status_code

    assert status({}) == 401
    assert status(by("submit")) == 403
    assert status(session_of("ada")) == 403
    assert status(session_of("root-of-lab")) == 200
    assert status(by("read")) == 200
