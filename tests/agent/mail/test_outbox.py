"""Which mails are due, and who may send them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.mail.news import read_news
from omero_irods_bridge.agent.mail.outbox import LEASE_S, Bundling, Claim, Outbox
from omero_irods_bridge.agent.store.attempts import Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import ADMINS
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.errors import Unreachable
from omero_irods_bridge.model.jobs import IngestWork, JobSpec, JobState
from tests.agent.conftest import NO_LIMITS, Hands
from tests.agent.mail.conftest import BROKEN, CANCELLED, DONE, Office

DOWN = Outcome.failed(Unreachable("OMERO does not answer."))
HOUR_S = 3600.0
PEOPLE = ["alice", "bob", "carol"]


@pytest.fixture
def outbox(office: Office) -> Outbox:
    return Outbox(office.database, office.hands, Bundling(per_hour_user=3, per_hour_admins=2))


def sent(outbox: Outbox) -> list[Claim]:
    """All that is due, sent."""
    found = []
    while claim := outbox.claim():
        outbox.sent(claim)
        found.append(claim)
    return found


def test_the_user_is_told_of_a_job_that_is_done(office: Office, outbox: Outbox) -> None:
    job = office.job(DONE)
    (claim,) = sent(outbox)
    assert (claim.recipient, claim.jobs) == ("ada", (job,))
    assert claim.message == f"{office.jobs.get(job).uuid}.1.user"
    assert not sent(outbox)


def test_of_a_failure_the_administrators_are_told_too(office: Office, outbox: Outbox) -> None:
    office.job(BROKEN)
    assert [claim.recipient for claim in sent(outbox)] == ["ada", ADMINS]


def test_nobody_is_told_of_what_is_cancelled_or_tried_again(office: Office, outbox: Outbox) -> None:
    office.job(CANCELLED)
    office.job(DOWN)
    assert office.rows() == []
    assert not outbox.has_due()


def test_nothing_is_noted_where_there_is_no_mail(database: Database, hands: Hands, jobs: Jobs) -> None:
    office = Office(database, hands, jobs, Attempts(database, hands))
    office.job(DONE)
    assert office.rows() == []


def test_a_batch_is_one_mail_when_its_last_job_has_ended(office: Office, outbox: Outbox) -> None:
    ids = [office.submit(batch="b") for _ in range(3)]
    other = office.submit(user="grace", batch="b")
    office.end(DONE)
    office.end(BROKEN)
    assert [claim.recipient for claim in sent(outbox)] == [ADMINS]
    office.end(DONE)
    (claim,) = sent(outbox)
    assert (claim.recipient, claim.jobs, claim.batches) == ("ada", tuple(ids), ("b",))
    news = read_news(office.database, claim)
    assert news is not None
    assert dict(news.counts) == {JobState.DONE: 2, JobState.FAILED: 1}
    assert [job.state for job in news.jobs] == [JobState.FAILED, JobState.DONE, JobState.DONE]
    assert office.end(DONE) == other
    assert [claim.recipient for claim in sent(outbox)] == ["grace"]


def test_a_batch_whose_last_job_was_cancelled_is_told_of(office: Office, outbox: Outbox) -> None:
    office.submit(batch="b")
    last = office.submit(batch="b")
    office.end(DONE)
    assert not outbox.has_due()
    office.jobs.cancel(last)
    (claim,) = sent(outbox)
    news = read_news(office.database, claim)
    assert news is not None
    assert dict(news.counts) == {JobState.DONE: 1, JobState.CANCELLED: 1}


def test_jobs_that_come_one_after_the_other_are_one_mail(office: Office) -> None:
    outbox = Outbox(office.database, office.hands, Bundling(wait_s=15))
    office.job(DONE, batch="b")
    office.hands.at += 10
    office.job(DONE, batch="b")
    office.hands.at += 10
    assert outbox.claim() is None
    office.hands.at += 10
    (claim,) = sent(outbox)
    assert len(claim.jobs) == 2


def test_a_job_that_is_tried_again_is_told_of_when_it_has_ended_again(office: Office, outbox: Outbox) -> None:
    job = office.job(BROKEN)
    office.jobs.retry(job)
    assert not outbox.has_due()
    office.end(DONE)
    claims = sent(outbox)
    told = {claim.recipient: read_news(office.database, claim) for claim in claims}
    assert told[ADMINS] is None
    assert told["ada"] is not None
    assert dict(told["ada"].counts) == {JobState.DONE: 1}


def test_a_job_that_was_deleted_is_not_told_of(office: Office, outbox: Outbox) -> None:
    office.jobs.delete(office.job(DONE))
    claim = outbox.claim()
    assert claim is not None
    assert read_news(office.database, claim) is None
    outbox.drop(claim)
    assert outbox.claim() is None


def test_many_who_send_at_once_send_each_message_once(office: Office) -> None:
    outbox = Outbox(office.database, office.hands, Bundling(per_hour_user=100))
    for number in range(30):
        office.job(DONE, user=f"u{number % 3}")
    with ThreadPoolExecutor(6) as pool:
        found = [claim for claims in pool.map(lambda _: sent(outbox), range(6)) for claim in claims]
    assert len({claim.message for claim in found}) == len(found) == 30


def test_what_a_worker_died_with_is_sent_as_the_same_message_when_its_lease_is_over(
    office: Office, outbox: Outbox
) -> None:
    for _ in range(2):
        office.submit(batch="b")
    office.end(DONE)
    office.end(DONE)
    first = outbox.claim()
    assert first is not None
    assert outbox.claim() is None
    office.job(DONE, batch="b")
    office.hands.at += LEASE_S + 1
    claims = sent(outbox)
    assert len(claims) == 2
    assert (claims[0].message, claims[0].jobs) == (first.message, first.jobs)
    outbox.postpone(first, 10, "too late")
    assert office.states() == ["sent"] * 3


def test_beyond_the_limit_of_an_hour_the_rest_is_one_digest(office: Office, outbox: Outbox) -> None:
    for _ in range(9):
        office.job(BROKEN)
        office.hands.at += 60
    claims = sent(outbox)
    assert [claim.recipient for claim in claims].count(ADMINS) == 2
    assert [claim.recipient for claim in claims].count("ada") == 3
    assert not outbox.has_due()
    office.hands.at += HOUR_S - 1
    assert not sent(outbox)
    office.hands.at += 1
    digests = {claim.recipient: claim for claim in sent(outbox)}
    assert all(claim.is_digest for claim in digests.values())
    assert {to: len(claim.jobs) for to, claim in digests.items()} == {"ada": 6, ADMINS: 7}


def test_a_user_at_his_limit_keeps_nobody_else_waiting(office: Office, outbox: Outbox) -> None:
    for _ in range(5):
        office.job(DONE)
    office.job(DONE, user="grace")
    assert "grace" in [claim.recipient for claim in sent(outbox)]


def test_what_was_postponed_is_due_later_and_counts_its_tries(office: Office, outbox: Outbox) -> None:
    office.job(DONE)
    claim = outbox.claim()
    assert claim is not None
    outbox.postpone(claim, 60, "the server is away")
    assert outbox.claim() is None
    office.hands.at += 60
    again = outbox.claim()
    assert again is not None
    assert (again.tries, again.message) == (1, claim.message)


def test_what_was_sent_is_forgotten_in_the_end_and_what_waits_is_not(office: Office, outbox: Outbox) -> None:
    office.job(DONE)
    sent(outbox)
    office.job(DONE, user="grace")
    outbox.forget_ended(office.hands.at + 1)
    assert office.states() == ["waiting"]


def test_an_end_that_is_written_twice_is_noted_once(office: Office) -> None:
    office.submit()
    (attempt,) = office.attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    office.finish(attempt, DONE)
    assert office.attempts.finish(attempt, DONE) is None
    assert len(office.rows()) == 1


def test_a_job_has_not_ended_when_its_mail_could_not_be_noted(office: Office) -> None:
    job = office.submit()
    (attempt,) = office.attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    office.attempts.begin(attempt, "one")
    with office.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE bridge_mails RENAME TO away"))
    with pytest.raises(sa.exc.OperationalError):
        office.attempts.finish(attempt, DONE)
    assert office.jobs.get(job).state is JobState.RUNNING
    with office.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO bridge_mails"))
    office.attempts.finish(attempt, DONE)
    assert office.states() == ["waiting"]


def test_several_who_are_told_of_one_job_each_get_their_mail_when_it_is_sent_again(
    office: Office, outbox: Outbox
) -> None:
    office.jobs.submit(JobSpec(IngestWork("/zone/lab"), "steward", "i1"))
    bad = [{"path": f"/zone/{user}", "text": "", "remedy": "", "user": user, "new": True} for user in PEOPLE]
    office.end(Outcome(End.DONE, {"new_failures": len(bad), "findings": bad}))
    while claim := outbox.claim():
        outbox.postpone(claim, 60, "not yet")  # as servers do with mail of who is new to them
    office.hands.at += 60
    assert sorted(claim.recipient for claim in sent(outbox)) == [*PEOPLE, "steward"]
