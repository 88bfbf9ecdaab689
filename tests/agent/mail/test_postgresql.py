"""The outbox and the metrics on PostgreSQL, with several who send."""

from __future__ import annotations

import threading
from typing import Any

from omero_irods_bridge.agent.mail.sending import Postman
from omero_irods_bridge.agent.metrics import Metrics
from omero_irods_bridge.agent.store.attempts import Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from tests.agent.conftest import Hands
from tests.agent.mail.conftest import BROKEN, DONE, Office
from tests.agent.mail.mail_host import MailHost
from tests.agent.test_durable import postgres  # noqa: F401


def office_on(where: str, hands: Hands) -> Office:
    database = Database(where)
    return Office(database, hands, Jobs(database, hands), Attempts(database, hands, mails=True))


def test_several_workers_on_postgresql_send_each_mail_once(
    postgres: str,  # noqa: F811
    host: MailHost,
    hands: Hands,
) -> None:
    offices = [office_on(postgres, hands) for _ in range(3)]
    first = offices[0]
    for number in range(12):
        first.job(DONE, user=f"u{number}")
    for _ in range(3):
        first.submit(batch="b")
    for _ in range(2):
        first.end(DONE)
    limits: dict[str, Any] = {"per_hour_admins": 2, "per_hour_user": 1}
    postmen: list[Postman] = [one.postman(host.port, **limits) for one in offices]
    threads = [threading.Thread(target=postman.round) for postman in postmen for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(host.taken) == len({message["Message-ID"] for message in host.messages}) == 12

    first.end(BROKEN)
    for _ in range(4):
        first.job(BROKEN)
    while sum(postman.round() for postman in postmen):
        pass
    hands.at += 3600
    while sum(postman.round() for postman in postmen):
        pass
    rest = sorted(host.subjects[12:])
    assert [subject.partition(":")[0] for subject in rest if subject.startswith("Failed")] == ["Failed"] * 2
    assert sum("3 more failures since" in subject for subject in rest) == 1
    assert sum("1 of 3 jobs failed" in subject for subject in rest) == 1
    assert sum("4 of 4 jobs failed" in subject for subject in rest) == 1
    assert set(first.states()) == {"sent"}
    assert b'omero_irods_mails_total{state="sent"}' in Metrics(first.database, hands).text()
    for one in offices:
        one.database.close()
