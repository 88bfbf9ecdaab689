"""Servers that are away for long, disks that are full, clocks that jump: each job ends well nevertheless."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count

import httpx
import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.engine.running import Runner
from omero_irods_bridge.agent.health import Health
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.cookies import LASTS_S
from omero_irods_bridge.agent.mail.outbox import Bundling, Outbox
from omero_irods_bridge.agent.recovery import LOOK_S, Recovery
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts, Begun
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.pending import Pending
from omero_irods_bridge.agent.store.sleepers import SOON_S, Sleepers
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Busy, Unreachable
from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.model.jobs import IngestWork, JobSpec, JobState, StateChanged
from tests.agent.answers import USERS, answering, assert_problem, by, local_cookies, tokens
from tests.agent.conftest import NO_LIMITS, Agent, Hands, counting, until
from tests.agent.test_durable import assert_limits

AWAY_S = 20 * 60
DAY_S = 24 * 3600.0


# -- servers


@pytest.mark.parametrize("handed_in_s", [-1, 0, AWAY_S - 3])
def test_omero_away_for_twenty_minutes_fails_no_job(
    database: Database, hands: Hands, jobs: Jobs, handed_in_s: float
) -> None:
    """With the intervals of the default, and jobs of two seconds; and it ends soon after the outage."""
    attempts = Attempts(database, hands, AgentSettings().retry_after_s)
    gone = hands.at

    def is_away() -> bool:
        return gone <= hands.at < gone + AWAY_S

    def perform(begun: Begun, report: Report, cancel: CancelToken) -> Outcome:
        hands.at += 2
        if is_away():
            raise Unreachable("OMERO did not answer.")
        return Outcome(End.DONE)

    runner, sleepers = Runner(attempts, hands, "one", perform), Sleepers(database, hands)
    hands.at = gone + handed_in_s
    job = jobs.submit(counting(1))
    while not jobs.get(job.id).state.is_final:
        for attempt in begin(attempts):
            runner.finish(attempt, runner.run(attempt))
        hands.at += LOOK_S  # as the worker does
        if not is_away():
            sleepers.wake(sleepers.all())
    found = jobs.get(job.id)
    assert (found.state, found.error) == (JobState.DONE, None)
    assert found.tries > 0
    assert gone + AWAY_S <= hands.at < gone + AWAY_S + 60


def test_a_job_that_fails_although_the_servers_answer_loses_no_try_by_that_and_is_left_until_its_time(
    database: Database, hands: Hands, jobs: Jobs
) -> None:
    """As when one of many resource servers is away."""
    attempts, sleepers = Attempts(database, hands, [600.0, 600.0]), Sleepers(database, hands)
    job = jobs.submit(counting(1)).id
    times: list[float] = []
    start = hands.at
    while not jobs.get(job).state.is_final:
        for attempt in begin(attempts):
            times.append(hands.at - start)
            attempts.finish(attempt, Outcome.failed(Unreachable("A resource did not answer.")))
        hands.at += 60
        sleepers.wake(sleepers.all())
    assert (jobs.get(job).tries, times) == (3, [0, 60, 600, 660, 1200])


def test_only_those_are_woken_that_wait_for_a_server(database: Database, hands: Hands, jobs: Jobs) -> None:
    attempts, sleepers = Attempts(database, hands, [600.0]), Sleepers(database, hands)

    def failed(number: int, error: BridgeError) -> Attempt:
        jobs.submit(counting(number))
        (attempt,) = begin(attempts)
        attempts.finish(attempt, Outcome.failed(error))
        return attempt

    waiting = failed(1, Unreachable("iRODS did not answer."))
    failed(2, Busy("Somebody is at it."))
    failed(3, AccessDenied("No."))
    Pending(database, hands, jobs).submit(JobSpec(IngestWork("/z/a"), "ada", "r"), after_s=600)
    assert sleepers.all() == [waiting]
    hands.at += 600 - SOON_S
    assert sleepers.all() == []  # it is due soon
    hands.at -= 600 - SOON_S
    tried_since = Attempt(waiting.job, waiting.number + 1)
    assert sleepers.wake([tried_since]) == []
    jobs.cancel(waiting.job)
    assert sleepers.wake([waiting]) == []
    jobs.retry(waiting.job)
    (again,) = begin(attempts)
    attempts.finish(again, Outcome.failed(Unreachable("iRODS did not answer.")))
    assert sleepers.wake([waiting, again]) == [again.job]
    assert sleepers.all() == []
    assert [one.job for one in begin(attempts)] == [again.job]


def test_jobs_are_woken_when_all_servers_answer_and_not_before(
    database: Database, hands: Hands, jobs: Jobs
) -> None:
    attempts, away = Attempts(database, hands, [600.0]), {"OMERO", "iRODS"}
    asked: list[str] = []

    def look(name: str) -> None:
        asked.append(name)
        if name in away:
            raise Unreachable(f"{name} did not answer.")

    looks = {name: partial(look, name) for name in ("OMERO", "iRODS")}
    ticks = count(0, 60)
    recovery = Recovery(Sleepers(database, hands), Health(looks, now=lambda: next(ticks)))

    def looks_again() -> None:
        asked.clear()
        recovery.look()
        if (thread := recovery._asking) is not None:
            thread.join()

    looks_again()
    assert asked == []  # nobody waits
    job = jobs.submit(counting(1))
    (attempt,) = begin(attempts)
    attempts.finish(attempt, Outcome.failed(Unreachable("OMERO did not answer.")))
    looks_again()
    assert set(asked) == {"OMERO", "iRODS"}
    away.discard("OMERO")
    looks_again()
    assert begin(attempts) == []
    away.clear()
    looks_again()
    assert [one.job for one in begin(attempts)] == [job.id]
    told = [one.event for one in jobs.events(job.id)]
    assert StateChanged(JobState.WAITING, "The servers answer again: it is tried at once.") in told


def begin(attempts: Attempts) -> list[Attempt]:
    return attempts.admit(NO_LIMITS, lambda *_: None, room=100)


# -- clocks


def waiting(attempts: Attempts, jobs: Jobs) -> int:
    """A job that is tried again in ten seconds."""
    job = jobs.submit(counting(1))
    (attempt,) = begin(attempts)
    assert attempts.begin(attempt, "one") is not None
    attempts.finish(attempt, Outcome.failed(Unreachable("It did not answer.")))
    assert jobs.get(job.id).state is JobState.WAITING
    return job.id


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_jumps_by_a_day_keeps_no_job_waiting(
    attempts: Attempts, jobs: Jobs, hands: Hands, jump_s: float
) -> None:
    job = waiting(attempts, jobs)
    assert begin(attempts) == []
    hands.at += jump_s
    (attempt,) = begin(attempts)
    assert attempt.job == job


def test_intervals_that_are_longer_than_a_day_are_kept(database: Database, jobs: Jobs, hands: Hands) -> None:
    attempts = Attempts(database, hands, [2 * DAY_S])
    waiting(attempts, jobs)
    assert begin(attempts) == []


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_jumps_by_a_day_keeps_no_mail_waiting(
    database: Database, hands: Hands, jobs: Jobs, jump_s: float
) -> None:
    attempts = Attempts(database, hands, mails=True)
    outbox = Outbox(database, hands, Bundling(wait_s=15, per_hour_user=1))
    for number in (1, 2):
        jobs.submit(counting(number))
        (attempt,) = begin(attempts)
        attempts.finish(attempt, Outcome(End.DONE))
    hands.at += 1
    assert outbox.claim() is None
    hands.at += jump_s
    first = outbox.claim()
    assert first is not None
    outbox.postpone(first, 60, "not now")
    assert outbox.claim() is not None


@pytest.mark.parametrize(("jump_s", "user"), [(0, "ada"), (-60, "ada"), (DAY_S, None), (-DAY_S, None)])
def test_a_cookie_lasts_no_longer_because_a_clock_jumped(jump_s: float, user: str | None) -> None:
    now = [1e9]
    cookies = local_cookies(now=lambda: now[0])
    answer = httpx.Response(200)
    held: dict[str, str] = {}

    class Kept:
        def set_cookie(self, name: str, value: str, **_: object) -> None:
            held[name] = value

    cookies.set(Kept(), "ada")  # type: ignore[arg-type]
    assert answer.is_success
    now[0] += jump_s
    assert cookies.user_of(held) == user
    now[0] = 1e9 + LASTS_S
    assert cookies.user_of(held) is None


# -- disks


@contextmanager
def no_more_pages(database: Database) -> Iterator[None]:
    """SQLite says that the disk is full when the file would grow."""
    pages: list[int] = []

    def limit(connection: sa.Connection) -> None:
        pages[:] = pages or [connection.exec_driver_sql("PRAGMA page_count").scalar() or 0]
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages[0]}")

    sa.event.listen(database._engine, "begin", limit)
    try:
        yield
    finally:
        sa.event.remove(database._engine, "begin", limit)
        database._engine.dispose()


def test_a_disk_that_is_full_is_said_and_what_was_kept_stays(database: Database, jobs: Jobs) -> None:
    body = {"kind": "gc", "work": {}, "requested_by": "ada"}
    with answering(create_app(Desk(jobs, USERS), tokens())) as api:

        def submit(number: int) -> httpx.Response:
            asked = {**body, "request_id": f"r{number}"}
            return api.post("/api/v1/jobs", json=asked, headers=by("submit"))

        kept = [submit(0).json()["id"]]
        with no_more_pages(database):
            answers = [submit(number) for number in range(1, 200)]
            kept += [one.json()["id"] for one in answers if one.status_code == 202]
            refused = [one for one in answers if one.status_code != 202]
            assert_problem(refused[0], 503, "no-space")
            assert api.get(f"/api/v1/jobs/{kept[0]}", headers=by("read")).status_code == 200
        assert submit(199).status_code == 202
        assert {one.id for one in jobs.list_jobs(JobFilter(), limit=1000)} >= set(kept)


def test_jobs_go_on_when_the_disk_of_the_database_has_room_again(agent: Agent) -> None:
    ids = [agent.jobs.submit(counting(number, seconds=0.1)).id for number in range(8)]
    worker = agent.start()
    until(lambda: len(agent.lines("begin")) >= 2)
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (8192, unlimited))  # nothing is written behind that
    until(lambda: "the database fails" in (agent.folder / "one.log").read_bytes().decode() or worker.poll())
    assert worker.poll() is None
    assert agent.count(JobState.DONE) < len(ids)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    until(lambda: agent.count(JobState.DONE) == len(ids))
    assert worker.poll() is None


# -- many


def test_five_hundred_submissions_at_once_lose_nothing_and_never_run_more_than_the_limits(
    agent: Agent,
) -> None:
    with answering(create_app(Desk(agent.jobs, USERS), tokens())) as api:

        def submit(number: int) -> int:
            user = ("ada", "bob")[number % 2]
            asked = {
                "kind": ("gc", "verify")[number % 3 == 0],
                "requested_by": user,
                "request_id": f"r{number}",
            }
            work = {"path": "/z/a"} if asked["kind"] == "verify" else {"older_than_s": 0.01}
            answer = api.post("/api/v1/jobs", json={**asked, "work": work}, headers=by("submit"))
            assert answer.status_code == 202, answer.text
            return int(answer.json()["id"])

        agent.start()
        with ThreadPoolExecutor(50) as pool:
            ids = set(pool.map(submit, range(500)))
    assert len(ids) == 500
    assert {one.id for one in agent.jobs.list_jobs(JobFilter(), limit=1000)} == ids
    until(lambda: len(agent.lines("end")) > 60)
    assert_limits(agent)
