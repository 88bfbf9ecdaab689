"""Workers that are killed, stopped, started twice: no job is lost, none is done twice, limits hold."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import DBOSClient, EnqueueOptions

from omero_irods_bridge.agent.engine.durable import APPLICATION
from omero_irods_bridge.agent.engine.lease import lease
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.model.errors import Busy
from omero_irods_bridge.model.jobs import JobKind, JobSpec, JobState, StateChanged, VerifyWork
from omero_irods_bridge.wiring import SystemClock
from tests.agent.conftest import Agent, agent_on, counting, until
from tests.agent.postgres import own_postgres
from tests.agent.worker_child import LIMITS

KILLS = 3


def most_at_once(agent: Agent, column: int | None = None) -> Counter[str]:
    """How many jobs ran at once at most, by a column of the book, as the jobs themselves wrote it down."""
    moments = sorted(
        (int(line[0]), sign, line[column] if column is not None else "")
        for what, sign in (("begin", 1), ("end", -1))
        for line in agent.lines(what)
    )
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for _, sign, key in moments:
        now[key] += sign
        most[key] = max(most[key], now[key])
    return most


def test_limits_are_never_exceeded_by_a_hundred_submissions(agent: Agent) -> None:
    agent.start()
    for number in range(100):
        user = ("ada", "grace", "edsger")[number % 3]
        gc = counting(number, user=user, seconds=0.05)
        agent.jobs.submit(gc if number % 2 else JobSpec(VerifyWork("/z/a"), user, gc.request_id))
    until(lambda: agent.count(JobState.DONE) == 100)
    assert_limits(agent)
    assert most_at_once(agent)[""] > 1


def test_workers_tell_of_themselves_until_they_stop_or_another_finds_them_dead(agent: Agent) -> None:
    with closing(Database(agent.where)) as database:
        workers = Workers(database, SystemClock())

        def names() -> list[str]:
            return [one.name for one in workers.all()]

        stopped = agent.start("one")
        until(lambda: names() == ["one"])
        assert set(workers.all()[0].kinds) == set(JobKind)
        stopped.send_signal(signal.SIGTERM)
        assert stopped.wait() == 0
        assert names() == []
        killed = agent.start("two")
        until(lambda: names() == ["two"])
        killed.kill()
        agent.start("three")
        until(lambda: names() == ["three"])


def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(agent: Agent) -> None:
    chance = random.Random(7)
    ids = [agent.jobs.submit(counting(n, user=f"u{n % 5}", seconds=0.15)).id for n in range(40)]
    for _ in range(KILLS):
        worker = agent.start()
        done, more = len(agent.lines("end")), chance.randint(1, 8)
        until(lambda done=done, more=more: len(agent.lines("end")) >= done + more, every_s=0.01)  # type: ignore[misc]
        time.sleep(chance.random() * 0.1)
        worker.kill()
        worker.wait()
    agent.start()
    until(lambda: agent.count(JobState.DONE) == len(ids))
    ends = Counter(line[3] for line in agent.lines("end"))
    assert set(ends) == {str(one) for one in ids}
    # A job whose end was not recorded when the worker died is begun again; a recorded one never.
    assert sum(ends.values()) - len(ids) <= KILLS * LIMITS.total
    for job in map(agent.jobs.get, ids):
        assert job.attempt == 1
        ended = [one.event for one in agent.jobs.events(job.id) if isinstance(one.event, StateChanged)]
        assert [one.state for one in ended].count(JobState.DONE) == 1


def test_a_stopped_worker_hands_back_what_it_was_at(agent: Agent) -> None:
    job = agent.jobs.submit(counting(1, seconds=600))
    worker = agent.start()
    until(lambda: agent.lines("begin"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    found = agent.jobs.get(job.id)
    assert (found.state, found.tries) == (JobState.QUEUED, 0)
    agent.jobs.cancel(job.id)
    assert agent.jobs.get(job.id).state is JobState.CANCELLED


def test_a_running_job_is_cancelled_at_once_and_tells_how_far_it_was(agent: Agent) -> None:
    job = agent.jobs.submit(counting(1, seconds=600))
    agent.start()
    until(lambda: agent.jobs.get(job.id).phase.items_done)
    agent.jobs.cancel(job.id)
    until(agent.job_is(job, JobState.CANCELLED))
    found = agent.jobs.get(job.id)
    assert found.phase.items_total == 60_000
    assert 0 < found.phase.items_done < 60_000
    assert not agent.lines("end")


def test_there_is_one_worker_of_a_name(agent: Agent) -> None:
    database = Database(agent.where)
    with lease(database, "same"):
        assert agent.start("same").wait(timeout=60) != 0
    database.close()
    assert "There is a worker named same already" in (agent.folder / "same.log").read_text()


def test_what_a_dead_worker_of_this_computer_was_at_is_taken_over_by_one_of_another_name(
    agent: Agent,
) -> None:
    job = agent.jobs.submit(counting(1, seconds=1.5))
    dead = agent.start("dead")
    until(lambda: agent.lines("begin"))
    database = Database(agent.where)
    with pytest.raises(Busy), lease(database, "dead"):
        pass
    database.close()
    dead.kill()
    dead.wait()
    agent.start("other")
    until(agent.job_is(job, JobState.DONE))
    assert (agent.jobs.get(job.id).worker, agent.jobs.get(job.id).attempt) == ("other", 2)
    assert len(agent.lines("end")) == 1


def test_a_job_that_kills_its_worker_is_not_begun_for_ever(agent: Agent) -> None:
    job = agent.jobs.submit(counting(1, seconds=600))
    attempts = Attempts(database := Database(agent.where), SystemClock())
    worker = agent.start()
    until(lambda: agent.lines("begin"))
    for _ in range(4):  # as if it had been begun before
        assert attempts.begin(attempts.running()[0], "one") is not None
    worker.kill()
    worker.wait()
    agent.start()
    until(agent.job_is(job, JobState.FAILED))
    error = agent.jobs.get(job.id).error
    assert error is not None
    assert "died 5 times" in error.message
    database.close()


def test_an_attempt_that_waits_where_only_an_older_release_looked_is_begun_anew(agent: Agent) -> None:
    worker = agent.start()  # makes the tables of DBOS
    until(lambda: "is at work" in (agent.folder / "one.log").read_text())
    worker.terminate()
    worker.wait()
    job = agent.jobs.submit(counting(1))
    database = Database(agent.where)
    client = DBOSClient(system_database_url=database.url, application_name=APPLICATION)

    def as_before(connection: sa.Connection, attempt: Attempt, *_: object) -> None:
        asked: EnqueueOptions = {
            "workflow_name": "attempt",
            "workflow_id": f"job/{attempt.job}/{attempt.number}",
            "queue_name": "attempts",
        }
        client.enqueue_in_transaction(connection, asked, attempt.job, attempt.number)

    Attempts(database, SystemClock()).admit(LIMITS, as_before, room=1)
    client.destroy()
    database.close()
    agent.start()
    until(agent.job_is(job, JobState.DONE))
    assert agent.jobs.get(job.id).attempt == 2


# -- PostgreSQL


@pytest.fixture
def postgres(memory: Path) -> Iterator[str]:
    with own_postgres(memory) as server:
        yield server.url


@pytest.mark.slow
def test_three_workers_on_postgresql_lose_nothing_when_one_is_killed(postgres: str, tmp_path: Path) -> None:
    with agent_on(postgres, tmp_path) as agent:
        ids = [agent.jobs.submit(counting(n, user=f"u{n % 5}", seconds=0.3)).id for n in range(60)]
        workers = [agent.start(name) for name in ("one", "two", "three")]
        until(lambda: len({line[2] for line in agent.lines("begin")}) == len(workers))
        workers[0].kill()
        workers[0].wait()
        with closing(Database(postgres)) as database:

            def adopted_and_done() -> bool:
                # More than once: what a session of it was writing is written a moment after it is gone.
                with lease(database, "one"):
                    Attempts(database, SystemClock()).adopt("one")
                return agent.count(JobState.DONE) == len(ids)

            until(adopted_and_done, every_s=1)
        assert {line[3] for line in agent.lines("end")} == {str(one) for one in ids}
        assert_limits(agent, killed=LIMITS.total)


def assert_limits(agent: Agent, *, killed: int = 0) -> None:
    """As the jobs wrote it down; of those that were ``killed`` there is no end in the book."""
    assert most_at_once(agent)[""] <= LIMITS.total + killed
    kinds, users = most_at_once(agent, 4), most_at_once(agent, 5)
    assert all(most <= LIMITS.kinds[JobKind(kind)] + killed for kind, most in kinds.items())
    assert all(most <= LIMITS.per_user + killed for most in users.values())
