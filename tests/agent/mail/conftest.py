"""A mail server, and an outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.mail.letters import Letters
from omero_irods_bridge.agent.mail.sending import Postman
from omero_irods_bridge.agent.store.attempts import Attempt, Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.store.tables import MAILS
from omero_irods_bridge.mail_settings import MailSettings
from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.jobs import JobSpec, VerifyWork
from tests.agent.conftest import NO_LIMITS, Hands
from tests.agent.mail.mail_host import MailHost, running

BROKEN = Outcome.failed(NotFound("There is no a.zip.", hint="Look with: omero-irods list"))
DONE = Outcome(End.DONE, {"path": "/zone/home/ada/a.zip", "images": 3, "members_checked": 7})
CANCELLED = Outcome(End.CANCELLED)
URL = "https://agent.example.org"


@dataclass
class Office:
    """Jobs that end as a test says, and a postman for a mail server."""

    database: Database
    hands: Hands
    jobs: Jobs
    attempts: Attempts
    number: int = 0

    def submit(self, *, user: str = "ada", batch: str = "", path: str = "/zone/home/ada/a.zip") -> int:
        self.number += 1
        return self.jobs.submit(JobSpec(VerifyWork(path), user, f"r{self.number}", batch=batch)).id

    def end(self, outcome: Outcome) -> int:
        """Of the job that is next; its id."""
        (attempt,) = self.attempts.admit(NO_LIMITS, lambda *_: None, room=1)
        self.finish(attempt, outcome)
        return attempt.job

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        assert self.attempts.begin(attempt, "one")
        assert self.attempts.finish(attempt, outcome)

    def job(self, outcome: Outcome, **more: Any) -> int:
        """One that is handed in and ends so."""
        self.submit(**more)
        return self.end(outcome)

    def postman(self, port: int, find: Callable[[str], str] | None = None, **more: Any) -> Postman:
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": port, "tls": "none", "wait_s": 0}
        settings |= {"sender": "bridge@example.org", "admins": ["root@example.org"], "timeout_s": 20, **more}
        mail = MailSettings(**settings)
        letters = Letters(URL, mail.templates)
        at = find or (lambda user: f"{user}@example.org")
        return Postman(self.database, self.hands, mail, letters, at)

    def rows(self) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(MAILS).order_by(MAILS.c.id)))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]


@pytest.fixture
def office(database: Database, hands: Hands, jobs: Jobs) -> Office:
    return Office(database, hands, jobs, Attempts(database, hands, [10.0], mails=True))


@pytest.fixture
def host() -> Iterator[MailHost]:
    with running(MailHost()) as made:
        yield made
