"""A PostgreSQL that is away for a while: requests are refused in words, workers wait and keep their names."""

from __future__ import annotations

import os
import socket
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
from tests.agent.scripts.conftest import free_port
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
        until(lambda: not has_lock(postgres, "one"))  # the server ends a session a moment after its client
        held.renew()
    first.close()
    second.close()


def test_both_sides_notice_within_a_minute_that_the_network_between_them_is_cut(postgres: Postgres) -> None:
    """Else the session of a worker that is gone holds its name until the server asks after it: two hours."""
    port = free_port()
    postgres.crash()
    postgres.start(f"-c listen_addresses=127.0.0.1 -c port={port} -c tcp_keepalives_count=7")
    url = f"postgresql://bridge@127.0.0.1:{port}/bridge?keepalives_idle=20"
    database = Database(url)
    assert database.shown == url
    with database.connect(), database.connect() as connection:  # a fresh one

        def shown(name: str) -> str | None:
            return connection.exec_driver_sql(f"show {name}").scalar()

        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        assert [shown(name) for name in names] == ["30", "10", "7", "60000"]
        connection.rollback()
        assert shown("tcp_keepalives_idle") == "30"
        number = connection.connection.dbapi_connection.fileno()  # type: ignore[union-attr]
        with socket.socket(fileno=os.dup(number)) as ours:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            assert [ours.getsockopt(socket.IPPROTO_TCP, one) for one in options] == [20, 10, 3, 60_000]
    database.close()
