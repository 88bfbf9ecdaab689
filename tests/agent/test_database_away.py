"""A PostgreSQL that is away for a while: requests are refused in words, workers wait and keep their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.engine.lease import lease, lock_number
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.model.errors import Busy, Unreachable
from omero_irods_bridge.model.jobs import JobState
from tests.agent.answers import USERS, answering, assert_problem, by, tokens
from tests.agent.conftest import agent_on, until
from tests.agent.postgres import Postgres, own_postgres
from tests.agent.test_durable import assert_limits


@pytest.fixture
def postgres(memory: Path) -> Iterator[Postgres]:
    with own_postgres(memory) as server:
        yield server


def asked(number: int, seconds: float = 0.5) -> dict[str, Any]:
    work = {"older_than_s": seconds}
    return {"kind": "gc", "work": work, "requested_by": "ada", "request_id": f"r{number}"}


def test_jobs_go_on_when_it_is_back_and_no_request_is_lost(postgres: Postgres, tmp_path: Path) -> None:
    with (
        agent_on(postgres.url, tmp_path) as agent,
        answering(create_app(Desk(agent.jobs, USERS), tokens())) as api,
    ):
        ids = [api.post("/api/v1/jobs", json=asked(n), headers=by("submit")).json()["id"] for n in range(8)]
        worker, log = agent.start(), tmp_path / "one.log"
        until(lambda: len(agent.lines("begin")) > 1)
        postgres.crash()
        assert_problem(api.post("/api/v1/jobs", json=asked(8), headers=by("submit")), 503, "unreachable")
        assert_problem(api.get("/healthz"), 503, "unreachable")
        with pytest.raises(Unreachable):
            Database(postgres.url)  # as a process that starts now
        until(lambda: log.read_text().count("the database fails") > 8)
        postgres.start()
        again = [api.post("/api/v1/jobs", json=asked(n), headers=by("submit")) for n in range(10)]
        assert [one.status_code for one in again] == [202] * 10
        assert [one.json()["id"] for one in again[:8]] == ids
        until(lambda: agent.count(JobState.DONE) == 10)
        assert worker.poll() is None
        assert_limits(agent)
        until(lambda: has_lock(postgres, "one"))
        assert agent.start("one").wait(timeout=60) != 0
        assert worker.poll() is None
        assert "There is a worker named one already" in log.read_text()


def has_lock(postgres: Postgres, worker: str) -> bool:
    number = lock_number(worker) % 2**64
    database = Database(postgres.url)
    query = sa.text("select count(*) from pg_locks where classid = :high and objid = :low and granted")
    with database.reading() as connection:
        found = connection.execute(query, {"high": number >> 32, "low": number % 2**32}).scalar()
    database.close()
    return bool(found)


def test_a_name_that_the_database_forgot_is_taken_again_unless_somebody_has_it(postgres: Postgres) -> None:
    first, second = Database(postgres.url), Database(postgres.url)
    with lease(first, "one") as held:
        postgres.crash()
        with pytest.raises(sa.exc.OperationalError):
            held.renew()
        postgres.start()
        held.renew()
        with pytest.raises(Busy), lease(second, "one"):
            pass
        postgres.crash()
        postgres.start()
        second.close()
        with lease(second, "one"), pytest.raises(Busy):
            held.renew()
        held.renew()
    first.close()
    second.close()
