"""Wake-ups: one job does for all until it begins, none is lost; a collection is at one thing at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.http.tokens import Scope, Service, Tokens, digest_of
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.pending import Pending
from omero_irods_bridge.agent.waking import WakeFile, Waking
from omero_irods_bridge.agent_settings import ScheduleSettings
from omero_irods_bridge.model.errors import NotFound, Unreachable
from omero_irods_bridge.model.jobs import GcWork, IngestWork, Job, JobKind, JobSpec, JobState
from tests.agent.conftest import Hands

LIMITS = Limits(9, 9, dict.fromkeys(JobKind, 9))
DAY_S = 24 * 3600.0
WORK = {"collection": "/zone/home/lab"}


def schedule(**more: Any) -> ScheduleSettings:
    return ScheduleSettings(**{"cron": "0 0 1 1 *", "kind": "ingest", "user": "ada", "work": WORK, **more})


@pytest.fixture
def pending(database: Database, hands: Hands, jobs: Jobs) -> Pending:
    return Pending(database, hands, jobs)


@pytest.fixture
def waking(pending: Pending) -> Waking:
    others = schedule(kind="gc", work={})
    return Waking(pending, {"lab": schedule(), "leftovers": others})


def begin(attempts: Attempts) -> list[Attempt]:
    return attempts.admit(LIMITS, lambda *_: None, room=9)


def all_of(jobs: Jobs) -> list[Job]:
    return jobs.list_jobs(JobFilter())[::-1]


def test_wake_ups_until_a_job_begins_are_one_job(waking: Waking, jobs: Jobs) -> None:
    assert [waking.wake() for _ in range(5)] == [all_of(jobs)] * 5
    (job,) = all_of(jobs)
    assert job.spec.work == IngestWork("/zone/home/lab", hinted=True)
    assert job.spec.requested_by == "ada"


def test_a_wake_up_while_a_job_runs_leads_to_one_more_that_begins_afterwards(
    waking: Waking, jobs: Jobs, attempts: Attempts
) -> None:
    for round_ in range(1, 4):
        waking.wake()
        (attempt,) = begin(attempts)
        (following,), _ = waking.wake(), waking.wake()
        assert following.id != attempt.job
        assert begin(attempts) == []
        attempts.finish(attempt, Outcome(End.DONE))
        (attempt,) = begin(attempts)
        assert attempt.job == following.id
        attempts.finish(attempt, Outcome(End.DONE))
        assert len(all_of(jobs)) == 2 * round_
    assert len({one.spec.request_id for one in all_of(jobs)}) == 6


def test_a_job_that_waits_to_be_tried_again_does_for_wake_ups_too(
    waking: Waking, jobs: Jobs, attempts: Attempts
) -> None:
    (job,) = waking.wake()
    (attempt,) = begin(attempts)
    attempts.finish(attempt, Outcome.failed(Unreachable("away")))
    assert [one.id for one in waking.wake()] == [job.id]
    assert all_of(jobs)[0].state is JobState.WAITING


def test_jobs_that_were_forgotten_keep_no_wake_up_from_being_heard(
    waking: Waking, jobs: Jobs, attempts: Attempts
) -> None:
    heard = []
    for end in (End.DONE, End.CANCELLED, End.FAILED, End.DONE, End.DONE):
        (job,) = waking.wake()
        heard.append(job.id)
        (attempt,) = begin(attempts)
        outcome = Outcome(end) if end is not End.FAILED else Outcome.failed(Unreachable("x"))
        attempts.finish(attempt, outcome)
        if jobs.get(job.id).state is JobState.WAITING:
            jobs.cancel(job.id)
        jobs.delete(job.id)
    assert len(set(heard)) == 5


def test_one_that_is_to_begin_later_does_so(pending: Pending, hands: Hands, attempts: Attempts) -> None:
    spec = JobSpec(IngestWork("/zone/a", hinted=True), "ada", "whatever")
    job = pending.submit(spec, after_s=60)
    assert job.state is JobState.WAITING
    assert pending.submit(spec).id == job.id
    assert begin(attempts) == []
    hands.at += 60
    assert [one.job for one in begin(attempts)] == [job.id]


def test_jobs_of_one_collection_run_one_after_the_other_and_others_beside_them(
    jobs: Jobs, attempts: Attempts
) -> None:
    def ask(number: int, work: Any, user: str = "ada") -> int:
        return jobs.submit(JobSpec(work, user, f"r/{number}")).id

    first = ask(1, IngestWork("/zone/a"))
    same = ask(2, IngestWork("/zone/a", hinted=True))
    other, of_another = ask(3, IngestWork("/zone/b")), ask(4, IngestWork(), "bob")
    gc, more = ask(5, GcWork()), ask(6, GcWork(), "bob")
    begun = attempts.admit(LIMITS, lambda *_: None, room=3)
    assert [one.job for one in begun] == [first, other, of_another]
    assert [one.job for one in attempts.admit(LIMITS, lambda *_: None, room=1)] == [gc]
    assert [one.job for one in begin(attempts)] == [more]
    attempts.finish(begun[0], Outcome(End.DONE))
    assert [one.job for one in begin(attempts)] == [same]


def test_ingests_that_were_done_are_forgotten_after_a_week_and_those_that_failed_stay(
    waking: Waking, jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    for error in (None, NotFound("It is gone.")):
        waking.wake()
        (attempt,) = begin(attempts)
        attempts.finish(attempt, Outcome(End.DONE) if error is None else Outcome.failed(error))
    long_ago = hands.at - 90 * DAY_S
    hands.at += 7 * DAY_S - 1
    assert jobs.forget_ended(long_ago) == 0
    hands.at += 2
    assert jobs.forget_ended(long_ago) == 1
    assert [one.state for one in all_of(jobs)] == [JobState.FAILED]


def test_a_file_that_is_touched_wakes_once_each_time_and_so_does_the_start(tmp_path: Path) -> None:
    file, woken = tmp_path / "wake", []
    looking = WakeFile(file, lambda: woken.append(1))
    looking.look()
    assert len(woken) == 1
    file.touch()
    for _ in range(3):
        looking.look()
    assert len(woken) == 2
    file.unlink()
    looking.look()
    file.write_text("")
    looking.look()
    assert len(woken) == 4


def test_a_wake_up_that_fails_is_repeated(tmp_path: Path) -> None:
    tries = []

    def wake() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Unreachable("the database is away")

    looking = WakeFile(None, wake)
    with pytest.raises(Unreachable):
        looking.look()
    looking.look()
    looking.look()
    assert len(tries) == 2


# -- who is who


def test_a_user_of_irods_is_found_in_omero_only_where_that_is_certain() -> None:
    found = Identities.parse(
        '[users]\nalice = "a.smith"\nbob = "shared"\neve = "shared"\nada = "ada"\nbyron = "ada"\n'
        'guest1 = false\n"guest*" = "{name}"\n"lab-*" = "x_{name}_y"\n',
        never=["rods", "guest9"],
    )
    names = {
        "a.smith": "alice",
        "shared": "",
        "ada": "ada",
        "guest1": "",
        "guest2": "guest2",
        "guest9": "",
        "x_lab-7_y": "lab-7",
        "x__y": "",
        "rods": "",
        "nobody": "",
    }
    assert {name: found.omero_user(name) for name in names} == names
    assert found.is_same("shared", "eve")
    assert not found.is_same("a.smith", "bob")
    assert not found.is_same("", "")


# -- over HTTP


@pytest.fixture
def address(jobs: Jobs, waking: Waking) -> Iterator[str]:
    services = tuple(Service(one.value, digest_of(one.value), frozenset({one})) for one in Scope)
    app = create_app(Desk(jobs, Identities({}, ())), Tokens(services), Site(waking=waking))
    with served(app, "127.0.0.1", 0) as (host, port):
        yield f"http://{host}:{port}/api/v1/"


def post(address: str, token: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{address}wake", headers={"Authorization": f"Bearer {token}"}, **more)


@pytest.mark.parametrize("scope", Scope)
def test_a_token_wakes_with_its_scope_and_that_one_does_nothing_else(
    address: str, jobs: Jobs, scope: Scope
) -> None:
    answer = post(address, scope)
    may = scope in {Scope.WAKE, Scope.SUBMIT}
    assert answer.status_code == (204 if may else 403)
    assert answer.content == b"" or not may
    assert len(all_of(jobs)) == may
    if scope is Scope.WAKE:
        headers = {"Authorization": f"Bearer {scope}"}
        body = {"kind": "gc", "requested_by": "ada", "request_id": "r"}
        assert httpx.post(f"{address}jobs", headers=headers, json=body).status_code == 403
        assert httpx.get(f"{address}jobs", headers=headers).status_code == 403


def test_without_a_schedule_of_ingest_the_waker_is_told_what_to_set(
    address: str, pending: Pending, waking: Waking
) -> None:
    waking._specs.clear()
    answer = post(address, "wake")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "agent.schedules.ingest" in answer.json()["hint"]


def test_no_request_id_of_somebody_else_keeps_a_worker_from_being_woken(waking: Waking, jobs: Jobs) -> None:
    (job,) = waking.wake()
    jobs.cancel(job.id)
    lane = hashlib.sha256(job.spec.lane.encode()).hexdigest()[:12]
    jobs.submit(JobSpec(GcWork(), "ada", f"again/{lane}/{job.id}"))
    (again,) = waking.wake()
    assert (again.spec.work, again.state) == (job.spec.work, JobState.QUEUED)
