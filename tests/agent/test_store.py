"""What the store promises about jobs, without a worker."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.agent.store.attempts import LONGEST_LOG, Attempt, Attempts, Limits
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs, Pause
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.signed_out import SignedOut
from omero_irods_bridge.agent.store.sleepers import Sleepers
from omero_irods_bridge.agent.store.tables import JOBS
from omero_irods_bridge.agent.store.workers import Workers
from omero_irods_bridge.model.errors import AccessDenied, Busy, NotFound, Unreachable, UsageError
from omero_irods_bridge.model.events import Notice, Step
from omero_irods_bridge.model.jobs import (
    JobKind,
    JobSpec,
    JobState,
    Phase,
    StateChanged,
    VerifyWork,
)
from omero_irods_bridge.wiring import SystemClock
from tests.agent.conftest import NO_LIMITS, Hands, counting
from tests.agent.postgres import own_postgres

DOWN = Outcome.failed(Unreachable("OMERO does not answer."))


def begin_all(attempts: Attempts, limits: Limits = NO_LIMITS, room: int = 1000) -> list[int]:
    """The jobs that are let begin, in this order."""
    return [one.job for one in attempts.admit(limits, lambda *_: None, room=room)]


def begun(attempts: Attempts, jobs: Jobs, spec: JobSpec) -> Attempt:
    jobs.submit(spec)
    (attempt,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    assert attempts.begin(attempt, "one") is not None
    return attempt


def test_the_same_request_is_the_same_job(jobs: Jobs) -> None:
    first, second = jobs.submit(counting(1)), jobs.submit(counting(1))
    assert first == second
    assert jobs.submit(counting(1, user="grace")).id != first.id


def test_a_request_id_means_one_thing(jobs: Jobs) -> None:
    jobs.submit(counting(1))
    with pytest.raises(UsageError, match="made before"):
        jobs.submit(counting(1, seconds=7))


def test_many_who_ask_at_once_get_one_job(jobs: Jobs) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {job.id for job in pool.map(lambda _: jobs.submit(counting(1)), range(40))}
    assert len(found) == 1
    assert jobs.count(JobFilter()) == {JobState.QUEUED: 1}


def test_the_first_priority_begins_first_then_who_came_first(jobs: Jobs, attempts: Attempts) -> None:
    ids = [
        jobs.submit(counting(number, priority=priority)).id for number, priority in enumerate((5, 9, 0, 5))
    ]
    assert begin_all(attempts) == [ids[2], ids[0], ids[3], ids[1]]


def test_a_user_at_his_limit_keeps_nobody_else_waiting(jobs: Jobs, attempts: Attempts) -> None:
    for number in range(50):
        jobs.submit(counting(number, user="ada", priority=0))
    last = jobs.submit(counting(50, user="grace", priority=9))
    limits = Limits(10, 2, dict.fromkeys(JobKind, 10))
    assert len(begin_all(attempts, limits)) == 3
    assert jobs.get(last.id).state is JobState.RUNNING


def test_a_paused_kind_waits_and_the_others_go_on(jobs: Jobs, attempts: Attempts) -> None:
    paused = jobs.submit(counting(1))
    other = jobs.submit(JobSpec(VerifyWork("/zone/a.zip"), "ada", "other"))
    jobs.pause(JobKind.GC)
    jobs.pause(JobKind.GC)
    assert set(jobs.paused()) == {JobKind.GC}
    assert begin_all(attempts) == [other.id]
    jobs.resume(JobKind.GC)
    assert begin_all(attempts) == [paused.id]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ada", "grace"]), st.booleans(), st.integers(0, 4)), max_size=20))
def test_limits_hold_whatever_comes_and_goes(coming: list[tuple[str, bool, int]]) -> None:
    limits = Limits(5, 3, dict.fromkeys(JobKind, 1) | {JobKind.GC: 3, JobKind.VERIFY: 4})
    with TemporaryDirectory() as folder:
        database = Database(f"{folder}/agent.db")
        jobs, attempts = Jobs(database, Hands()), Attempts(database, Hands())
        running: list[Attempt] = []
        for number, (user, is_gc, ending) in enumerate(coming):
            gc = counting(number, user=user)
            jobs.submit(gc if is_gc else JobSpec(VerifyWork("/z/a"), user, gc.request_id))
            running += attempts.admit(limits, lambda *_: None, room=2)
            assert_within(database, limits)
            for attempt in running[:ending]:
                attempts.finish(attempt, Outcome(End.DONE))
            del running[:ending]
        begin_all(attempts, limits)
        assert_within(database, limits)
        assert at_a_limit(database, limits)
        database.close()


def running_by(database: Database, column: str) -> dict[str, int]:
    query = sa.select(JOBS.c[column], sa.func.count()).where(JOBS.c.state == "running").group_by(column)
    with database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def assert_within(database: Database, limits: Limits) -> None:
    kinds = running_by(database, "kind")
    assert sum(kinds.values()) <= limits.total
    assert all(number <= limits.kinds[JobKind(kind)] for kind, number in kinds.items())
    assert all(number <= limits.per_user for number in running_by(database, "requested_by").values())


def at_a_limit(database: Database, limits: Limits) -> bool:
    """Nothing more may begin, or nothing more waits."""
    with database.reading() as connection:
        waits = connection.execute(
            sa.select(JOBS.c.kind, JOBS.c.requested_by).where(JOBS.c.state == "queued")
        ).all()
    kinds, users = running_by(database, "kind"), running_by(database, "requested_by")
    return all(
        sum(kinds.values()) >= limits.total
        or kinds.get(one.kind, 0) >= limits.kinds[JobKind(one.kind)]
        or users.get(one.requested_by, 0) >= limits.per_user
        for one in waits
    )


def test_what_passes_is_tried_again_on_the_list_of_intervals_and_then_no_more(
    jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    job = jobs.submit(counting(1)).id
    for number, wait in enumerate((10.0, 60.0), 1):
        (attempt,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
        assert attempt.number == number
        attempts.finish(attempt, DOWN)
        assert (jobs.get(job).state, jobs.get(job).run_after) == (JobState.WAITING, hands.at + wait)
        hands.at += wait - 1
        assert begin_all(attempts) == []
        hands.at += 1
    (last,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    attempts.finish(last, DOWN)
    found = jobs.get(job)
    assert (found.state, found.tries) == (JobState.FAILED, 3)
    assert found.error is not None
    assert found.error.to_error().exit_status == Unreachable.exit_status
    hands.at += 1e9
    assert begin_all(attempts) == []


def test_what_cannot_succeed_is_tried_once_and_keeps_its_log(
    jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    attempt = begun(attempts, jobs, counting(1))
    attempts.record(attempt, Phase("looking"), [(hands.at, Step("looking"))])
    attempts.finish(attempt, Outcome.failed(AccessDenied("No.", hint="Ask.")))
    assert jobs.get(attempt.job).state is JobState.FAILED
    assert jobs.forget_ended(hands.at + 1e9) == 0
    told = [one.event for one in jobs.events(attempt.job)]
    assert Step("looking") in told
    assert told[-1] == StateChanged(JobState.FAILED, "No. Ask.")


def test_a_failed_job_can_be_tried_again_with_all_its_tries(
    jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    attempt = begun(attempts, jobs, counting(1))
    attempts.finish(attempt, Outcome.failed(AccessDenied("No.")))
    jobs.retry(attempt.job)
    (again,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    assert again == Attempt(attempt.job, 2)
    attempts.finish(again, DOWN)
    assert jobs.get(attempt.job).state is JobState.WAITING
    jobs.retry(attempt.job)
    assert begin_all(attempts) == [attempt.job]


def test_who_is_late_writes_nothing(jobs: Jobs, attempts: Attempts, hands: Hands) -> None:
    late = begun(attempts, jobs, counting(1))
    assert attempts.adopt("another") == []
    assert attempts.adopt("one") == [late.job]
    before = jobs.get(late.job), jobs.events(late.job)
    assert attempts.begin(late, "one") is None
    assert attempts.record(late, Phase("late"), [(hands.at, Step("late"))]) is None
    assert attempts.is_to_stop(late) is None
    assert attempts.finish(late, Outcome(End.DONE)) is None
    assert (jobs.get(late.job), jobs.events(late.job)) == before
    assert begin_all(attempts) == [late.job]


def test_an_end_is_written_once(jobs: Jobs, attempts: Attempts) -> None:
    attempt = begun(attempts, jobs, counting(1))
    assert attempts.finish(attempt, Outcome(End.DONE, {"path": "/z/a"})) is not None
    assert attempts.finish(attempt, DOWN) is None
    assert jobs.get(attempt.job).result == {"path": "/z/a"}


def test_a_job_that_did_not_begin_is_cancelled_at_once(jobs: Jobs, attempts: Attempts) -> None:
    job = jobs.submit(counting(1))
    assert jobs.cancel(job.id).state is JobState.CANCELLED
    assert begin_all(attempts) == []
    assert jobs.cancel(job.id).state is JobState.CANCELLED


def test_a_job_that_runs_is_asked_to_stop(jobs: Jobs, attempts: Attempts) -> None:
    attempt = begun(attempts, jobs, counting(1))
    assert attempts.is_to_stop(attempt) is False
    assert jobs.cancel(attempt.job).state is JobState.RUNNING
    assert attempts.is_to_stop(attempt) is True
    attempts.finish(attempt, DOWN)
    assert jobs.get(attempt.job).state is JobState.CANCELLED


def test_what_is_handed_back_begins_again_and_counts_as_no_failure(jobs: Jobs, attempts: Attempts) -> None:
    attempt = begun(attempts, jobs, counting(1))
    attempts.finish(attempt, Outcome(End.HANDED_BACK))
    assert jobs.get(attempt.job).tries == 0
    assert begin_all(attempts) == [attempt.job]


def test_letting_begin_and_starting_happen_together_or_not_at_all(jobs: Jobs, attempts: Attempts) -> None:
    jobs.submit(counting(1))

    def fail(*_: Any) -> None:
        raise Busy("the engine")

    with pytest.raises(Busy):
        attempts.admit(NO_LIMITS, fail, room=1)
    assert jobs.count(JobFilter()) == {JobState.QUEUED: 1}


def test_only_what_ended_well_long_ago_is_forgotten(jobs: Jobs, attempts: Attempts, hands: Hands) -> None:
    old = begun(attempts, jobs, counting(1))
    attempts.finish(old, Outcome(End.DONE))
    hands.at += 100
    new = begun(attempts, jobs, counting(2))
    attempts.finish(new, Outcome(End.DONE))
    assert jobs.forget_ended(hands.at - 50) == 1
    with pytest.raises(NotFound):
        jobs.get(old.job)
    assert jobs.get(new.job).state is JobState.DONE
    assert jobs.submit(counting(3)).id > new.job


def test_a_job_under_way_is_not_deleted(jobs: Jobs) -> None:
    job = jobs.submit(counting(1))
    with pytest.raises(UsageError):
        jobs.delete(job.id)
    jobs.cancel(job.id)
    jobs.delete(job.id)
    with pytest.raises(NotFound):
        jobs.events(job.id)


def test_a_log_does_not_grow_without_end_but_says_how_the_job_ended(
    jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    attempt = begun(attempts, jobs, counting(1))
    for first in range(0, 2 * LONGEST_LOG, 500):
        attempts.record(attempt, Phase(), [(hands.at, Notice(str(n))) for n in range(first, first + 500)])
    attempts.finish(attempt, Outcome(End.DONE))
    found = jobs.events(attempt.job, after=LONGEST_LOG - 1)
    assert [type(one.event) for one in found] == [Notice, Notice, StateChanged]
    assert "left out" in str(found[1].event)


def test_pages_hold_every_job_once(jobs: Jobs) -> None:
    ids = [jobs.submit(counting(number, user=f"u{number % 2}")).id for number in range(25)]
    seen: list[int] = []
    while page := jobs.list_jobs(JobFilter("u0"), limit=4, before=seen[-1] if seen else None):
        seen += [job.id for job in page]
    assert seen == ids[0::2][::-1]


def test_the_database_is_for_its_owner_alone(database: Database) -> None:
    assert database.path is not None
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


def test_a_database_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessDenied, match="cannot be used"):
        Database(str(tmp_path / "file" / "agent.db"))


def test_a_file_that_is_no_database_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Remember the milk. " * 100)
    with pytest.raises(AccessDenied, match=r"notes.txt cannot be the database of the agent: file is not a"):
        Database(str(tmp_path / "notes.txt"))


def test_a_user_of_postgresql_who_may_make_no_tables_is_told_so(memory: Path) -> None:
    with own_postgres(memory) as postgres:
        engine = sa.create_engine(postgres.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql("create role guest login")
        engine.dispose()
        with pytest.raises(AccessDenied, match="permission denied for schema public") as raised:
            Database(postgres.url.replace("bridge@", "guest@"))
        assert "owner of the database" in raised.value.hint


OLDER = """
create table bridge_jobs (
    id %s primary key, uuid text not null unique, kind text not null,
    requested_by text not null, request_id text not null, priority integer not null, spec text not null,
    state text not null, created_at double precision not null, started_at double precision,
    finished_at double precision, run_after double precision,
    attempt integer not null, attempt_at double precision, tries integer not null, runs integer not null,
    worker text not null, cancel_requested boolean not null, phase text, result text, error text,
    unique (requested_by, request_id)
);
insert into bridge_jobs values (7, 'u', 'gc', 'ada', 'old', 5, '%s', 'queued', 1, null, null, null,
    0, null, 0, 0, '', false, null, null, null);
create table bridge_paused (kind text primary key);
insert into bridge_paused values ('verify');
"""


OLD_SPEC = {"kind": "gc", "work": {}, "requested_by": "ada", "request_id": "old", "priority": 5}


def test_a_database_of_an_older_release_gets_what_is_new_in_place(memory: Path, hands: Hands) -> None:
    file = memory / "agent.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLDER % ("integer", json.dumps(OLD_SPEC)))
    for _ in range(2):
        assert_upgraded(Database(str(file)), hands)


def test_a_database_of_an_older_release_on_postgresql_too(memory: Path, hands: Hands) -> None:
    with own_postgres(memory) as postgres:
        engine = sa.create_engine(postgres.url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql(OLDER % ("serial", json.dumps(OLD_SPEC)))
        engine.dispose()
        for _ in range(2):
            assert_upgraded(Database(postgres.url), hands)


def assert_upgraded(database: Database, hands: Hands) -> None:
    jobs = Jobs(database, hands)
    assert [one.id for one in jobs.list_jobs(JobFilter(batch=""))] == [7]
    assert begin_all(Attempts(database, hands)) in ([7], [])
    assert jobs.paused() == {JobKind.VERIFY: Pause(None, "")}
    with database.reading() as connection:
        indexes = {one["name"] for one in sa.inspect(connection).get_indexes(JOBS.name)}
    assert indexes >= {one.name for one in JOBS.indexes}
    database.close()


def test_on_postgresql_too_workers_are_seen_sign_ins_end_and_sleepers_are_woken(
    memory: Path, hands: Hands
) -> None:
    with own_postgres(memory) as postgres, closing(Database(postgres.url)) as database:
        workers, ended = Workers(database, hands), SignedOut(database, hands)
        for kinds in ([JobKind.GC], [JobKind.PACK]):
            workers.seen("one", kinds, hands.at)
        assert [(one.name, one.kinds, one.is_silent) for one in workers.all()] == [
            ("one", (JobKind.PACK,), False)
        ]
        workers.forget_silent(hands.at + 1)
        assert workers.all() == []
        for _ in range(2):
            ended.end("a", hands.at)
        assert (ended.has_ended("a"), ended.has_ended("b")) == (True, False)
        attempts, jobs = Attempts(database, hands, [600.0]), Jobs(database, hands)
        sleepers = Sleepers(database, hands)
        attempt = begun(attempts, jobs, counting(1))
        attempts.finish(attempt, DOWN)
        assert sleepers.wake(sleepers.all()) == [attempt.job]
        (early,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
        attempts.finish(early, DOWN)
        assert (jobs.get(attempt.job).tries, jobs.get(attempt.job).run_after) == (1, hands.at + 600)


def test_jobs_of_one_submission_are_found_together(jobs: Jobs) -> None:
    ids = [jobs.submit(replace(counting(number), batch=f"b{number % 2}")).id for number in range(5)]
    assert [one.id for one in jobs.list_jobs(JobFilter(batch="b1"))] == [ids[3], ids[1]]


# -- many at once


SUBMISSIONS = 500


def test_limits_hold_while_five_hundred_submissions_come_at_once(memory: Path) -> None:
    """Three workers, each with a connection of its own, and five people who ask meanwhile."""
    limits = Limits(6, 3, dict.fromkeys(JobKind, 5) | {JobKind.VERIFY: 2})
    where = str(memory / "agent.db")
    most: Counter[str] = Counter()
    with ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(work_until_all_are_done, where, limits, most) for _ in range(3)]
        asking = [pool.submit(ask, where, range(first, SUBMISSIONS, 5)) for first in range(5)]
        ids = [job for one in asking for job in one.result()]
        done = [job for one in workers for job in one.result()]
    assert sorted(done) == sorted(ids)
    assert len(set(ids)) == SUBMISSIONS
    allowed = {"all": 6, "user": 3, "verify": 2, "gc": 5}
    assert most.keys() == allowed.keys()
    assert all(most[name] <= limit for name, limit in allowed.items())
    assert most["all"] > 1


def ask(where: str, numbers: range) -> list[int]:
    database = Database(where)
    jobs = Jobs(database, SystemClock())
    made = []
    for number in numbers:
        gc = counting(number, user=f"u{number % 7}")
        spec = gc if number % 3 else JobSpec(VerifyWork("/z/a"), gc.requested_by, gc.request_id)
        made.append(jobs.submit(spec).id)
    database.close()
    return made


def work_until_all_are_done(where: str, limits: Limits, most: Counter[str]) -> list[int]:
    """What runs is counted in the transaction that lets one more begin."""
    database = Database(where)
    jobs, attempts = Jobs(database, SystemClock()), Attempts(database, SystemClock())
    done: list[int] = []

    def count(connection: sa.Connection, *_: object) -> None:
        rows = connection.execute(
            sa.select(JOBS.c.kind, JOBS.c.requested_by).where(JOBS.c.state == "running")
        ).all()
        kinds, users = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
        for name, number in {"all": len(rows), "user": max(users.values()), **kinds}.items():
            most[name] = max(most[name], number)

    while jobs.count(JobFilter()).get(JobState.DONE, 0) < SUBMISSIONS:
        for attempt in attempts.admit(limits, count, room=4):
            attempts.begin(attempt, "one")
            attempts.finish(attempt, Outcome(End.DONE))
            done.append(attempt.job)
    database.close()
    return done


PAGES = [
    JobFilter(),
    JobFilter("ada"),
    JobFilter(states=(JobState.FAILED,)),
    JobFilter(kind=JobKind.PACK),
    JobFilter(batch="b"),
    JobFilter("ada", (JobState.DONE,), JobKind.PACK),
]


@pytest.mark.parametrize("wanted", PAGES, ids=str)
def test_a_page_is_found_by_an_index_in_its_order(database: Database, jobs: Jobs, wanted: JobFilter) -> None:
    with statements_of(database) as plans:
        jobs.list_jobs(wanted, before=90_000)
    assert plans
    for plan in plans:
        assert "USING INDEX" in plan or "USING INTEGER PRIMARY KEY" in plan
        assert "TEMP B-TREE" not in plan


def test_the_next_job_is_found_by_an_index_in_its_order(database: Database, attempts: Attempts) -> None:
    with statements_of(database) as plans:
        begin_all(attempts)
    (plan,) = [one for one in plans if "UNION ALL" in one]
    assert plan.count("SEARCH bridge_jobs USING INDEX bridge_jobs_next") == 2


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    """How SQLite goes about each statement of the block that looks for jobs."""
    seen: list[tuple[str, Any]] = []
    plans: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "bridge_jobs" in statement:
            seen.append((statement, parameters))

    sa.event.listen(database._engine, "before_cursor_execute", note)
    yield plans
    sa.event.remove(database._engine, "before_cursor_execute", note)
    with database.reading() as connection:
        for statement, parameters in seen:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append("; ".join(row[3] for row in rows))
