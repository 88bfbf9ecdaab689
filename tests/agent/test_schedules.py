"""Schedules: handed in once when their time has come, whoever is at work and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from omero_irods_bridge.agent.schedules import GRACE_S, Schedules, schedule_fields
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent_settings import AgentSettings, ScheduleSettings
from tests.agent.conftest import Hands

NIGHTLY = {"cron": "0 2 * * *", "kind": "gc", "user": "ada"}
DAY_S = 24 * 3600


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def schedules(database: Database, hands: Hands, jobs: Jobs, **changed: Any) -> Schedules:
    return Schedules(database, hands, {"nightly": ScheduleSettings(**{**NIGHTLY, **changed})}, jobs)


@pytest.fixture
def nightly(database: Database, hands: Hands, jobs: Jobs) -> Schedules:
    hands.at = at("2026-11-28T12:00:30")
    made = schedules(database, hands, jobs)
    assert made.submit_due() == []
    return made


def asked(jobs: Jobs) -> list[str]:
    return [one.spec.request_id for one in jobs.list_jobs(JobFilter())][::-1]


def test_it_is_handed_in_at_its_time_and_not_before(nightly: Schedules, hands: Hands, jobs: Jobs) -> None:
    hands.at = at("2026-11-29T01:59:59")
    assert nightly.submit_due() == []
    hands.at += 1
    (job,) = nightly.submit_due()
    assert (job.spec.requested_by, job.spec.kind) == ("ada", "gc")
    assert nightly.submit_due() == []
    hands.at += DAY_S
    nightly.submit_due()
    assert asked(jobs) == ["schedule/nightly/2026-11-29T02:00Z", "schedule/nightly/2026-11-30T02:00Z"]


def test_an_agent_that_was_away_for_a_week_hands_in_one_job(
    nightly: Schedules, hands: Hands, jobs: Jobs
) -> None:
    hands.at += 7 * DAY_S
    nightly.submit_due()
    nightly.submit_due()
    assert asked(jobs) == ["schedule/nightly/2026-12-05T02:00Z"]


def test_two_workers_hand_in_one_job(
    nightly: Schedules, database: Database, hands: Hands, jobs: Jobs
) -> None:
    other = schedules(database, hands, jobs)
    hands.at += DAY_S
    found = [*nightly.submit_due(), *other.submit_due()]
    assert len(found) == len(asked(jobs)) == 1


def test_what_nobody_hands_in_is_overdue(nightly: Schedules, hands: Hands) -> None:
    (state,) = nightly.states()
    assert (state.last_at, state.next_at) == (None, at("2026-11-29T02:00:00"))
    hands.at = state.next_at + GRACE_S
    assert not nightly.states()[0].is_overdue
    hands.at += 1
    assert nightly.states()[0].is_overdue
    nightly.submit_due()
    assert schedule_fields(nightly.states()[0]) == {
        "name": "nightly",
        "kind": "gc",
        "cron": "0 2 * * *",
        "user": "ada",
        "last_at": "2026-11-29T02:00:00.000Z",
        "next_at": "2026-11-30T02:00:00.000Z",
        "overdue": False,
    }


def test_a_schedule_that_changed_begins_with_its_next_time(
    nightly: Schedules, database: Database, hands: Hands, jobs: Jobs
) -> None:
    changed = schedules(database, hands, jobs, cron="0 * * * *")
    hands.at = at("2026-11-29T02:30:00")
    assert changed.submit_due() == []
    assert changed.states()[0].next_at == at("2026-11-29T03:00:00")
    hands.at = at("2026-11-29T03:00:01")
    assert len(changed.submit_due()) == 1


def test_a_clock_that_was_wrong_for_a_while_puts_off_nothing_and_repeats_nothing(
    nightly: Schedules, hands: Hands, jobs: Jobs
) -> None:
    right = hands.at
    hands.at = at("2031-01-01T00:00:00")
    nightly.submit_due()
    hands.at = right
    nightly.submit_due()
    assert nightly.states()[0].next_at == at("2026-11-29T02:00:00")
    hands.at += DAY_S
    nightly.submit_due()
    hands.at = right
    nightly.submit_due()
    hands.at += DAY_S
    nightly.submit_due()
    assert asked(jobs) == ["schedule/nightly/2030-12-31T02:00Z", "schedule/nightly/2026-11-29T02:00Z"]


def test_a_repeated_time_with_another_job_stops_nobody(
    nightly: Schedules, database: Database, hands: Hands, jobs: Jobs
) -> None:
    hands.at += DAY_S
    nightly.submit_due()
    hands.at -= DAY_S
    changed = schedules(database, hands, jobs, priority=1)
    changed.submit_due()
    hands.at += DAY_S
    assert changed.submit_due() == []
    assert changed.states()[0].next_at > hands.at


@pytest.mark.parametrize(
    "wrong",
    [
        {"cron": "every night"},
        {"cron": "0 2 * *"},
        {"cron": "0 2 * * * 30"},
        {"cron": "0 99 * * *"},
        {"cron": "0 0 30 2 *"},
        {"kind": "nothing"},
        {"user": ""},
        {"work": {"nothing": 1}},
        {"kind": "verify"},
        {"priority": 10},
    ],
)
def test_a_schedule_that_is_wrong_is_refused_with_the_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentSettings.model_validate({"schedules": {"nightly": {**NIGHTLY, **wrong}}})
