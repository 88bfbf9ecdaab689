"""How jobs ended, day by day, and jobs that are found by a text: on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.pages.strip import Overdue, Strip, make_strip
from omero_irods_bridge.agent.store.attempts import Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.days import Day, days_of
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.model.jobs import JobSpec, PackWork
from omero_irods_bridge.model.objects import parse_objects
from tests.agent.conftest import NO_LIMITS, Hands
from tests.agent.postgres import own_postgres

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 3, 30, tzinfo=UTC).timestamp()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, memory: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(str(memory / "agent.db"))
        yield database
        database.close()
        return
    with own_postgres(memory) as server:
        database = Database(server.url)
        yield database
        database.close()


def ended(database: Database, number: int, at: float, end: End, *, user: str = "ada", note: str = "") -> None:
    clock = Hands(at)
    jobs, attempts = Jobs(database, clock), Attempts(database, clock)
    job = jobs.submit(JobSpec(PackWork(parse_objects(["Image:1"]), note=note), user, f"r{number}"))
    (mine,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    assert attempts.begin(mine, "one") is not None
    if end is End.CANCELLED:
        jobs.cancel(job.id)
    failed = Outcome.failed(AccessDenied("Nö: \\\\shared\\data", hint="Ask."))
    attempts.finish(mine, failed if end is End.FAILED else Outcome(end, {}))


def test_a_job_counts_on_the_day_on_which_it_ended(either: Database) -> None:
    times = [
        (MIDNIGHT - 0.25, End.DONE),
        (MIDNIGHT, End.DONE),
        (MIDNIGHT + 0.75, End.FAILED),
        (MIDNIGHT + 86_399.75, End.CANCELLED),
        (MIDNIGHT + 86_400, End.DONE),
        (MIDNIGHT - 86_400.5, End.DONE),
    ]
    for number, (at, end) in enumerate(times):
        ended(either, number, at, end)
    ended(either, 99, MIDNIGHT, End.DONE, user="bob")
    assert days_of(either, NOON, 3, requested_by="ada") == [
        Day(date(2026, 3, 29), done=1),
        Day(date(2026, 3, 30), done=1, failed=1, cancelled=1),
        Day(date(2026, 3, 31), done=1),
    ]
    assert days_of(either, NOON, 3)[1].done == 2
    assert len(days_of(either, NOON)) == 30


def test_jobs_are_found_by_what_was_asked_for_and_why_they_failed(either: Database) -> None:
    ended(either, 1, NOON, End.DONE, note='Größe "50%_x" of C:\\data')
    ended(either, 2, NOON, End.FAILED)
    jobs = Jobs(either, Hands(NOON))

    def found(text: str) -> list[int]:
        return [one.id for one in jobs.list_jobs(JobFilter(text=text))]

    assert found("Größe") == found('"50%_X"') == found("c:\\data") == [1]
    assert found("Nö: \\\\SHARED") == [2]
    assert found("50%-x") == found("50__") == []
    assert found("image:1") == [2, 1]


def test_the_days_are_counted_by_one_query_over_the_index_of_ended_jobs(database: Database) -> None:
    seen: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, values: Any, *rest: object) -> None:
        seen.append((statement, values))

    sa.event.listen(database._engine, "before_cursor_execute", note)
    days_of(database, NOON)
    sa.event.remove(database._engine, "before_cursor_execute", note)
    ((query, values),) = [one for one in seen if "bridge_jobs" in one[0]]
    with database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
    assert "bridge_jobs_ended (state=? AND finished_at>?)" in plan[0].detail


def a_day(number: int, *, done: int = 0, failed: int = 0) -> Day:
    return Day(date(2026, 3, number), done, failed)


def test_one_job_is_seen_beside_thousands_and_none_is_no_bar() -> None:
    strip = make_strip([a_day(1), a_day(2, done=5_000), a_day(3, done=1, failed=1)])
    assert [(one.up, one.down) for one in strip.cells] == [(0, 0), (40, 0), (3, 20)]


def test_a_schedule_that_is_overdue_is_marked_on_the_day_when_it_was_due() -> None:
    def strip(due: date) -> Strip:
        return make_strip([a_day(1), a_day(2)], [Overdue("nightly", due)])

    assert [one.overdue for one in strip(date(2026, 3, 2)).cells] == [(), ("nightly",)]
    assert [one.overdue for one in strip(date(2026, 1, 2)).cells] == [("nightly",), ()]
    assert strip(date(2026, 3, 2)).text.endswith("1 schedule overdue")
