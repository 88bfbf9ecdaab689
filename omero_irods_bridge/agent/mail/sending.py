"""The thread that sends mail. Whatever the mail server does, jobs go on, and no mail is lost."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from email.message import EmailMessage
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.agent.mail.addresses import FindAddress, address_finder
from omero_irods_bridge.agent.mail.letters import Letters
from omero_irods_bridge.agent.mail.messages import build
from omero_irods_bridge.agent.mail.news import read_news
from omero_irods_bridge.agent.mail.outbox import Bundling, Claim, Outbox
from omero_irods_bridge.agent.mail.server import Deferred, MailServer, Refused, connected
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import ADMINS
from omero_irods_bridge.mail_settings import MailSettings
from omero_irods_bridge.model.errors import BridgeError, NotFound, Unreachable
from omero_irods_bridge.ports import Clock
from omero_irods_bridge.settings import Settings

log = logging.getLogger(__name__)

POLL_S: Final = 5.0

GIVE_UP_S: Final = 5 * 24 * 3600.0
"""How long a message is tried that its server does not take; as mail servers do (RFC 5321, 4.5.4.1)."""

KEEP_S: Final = 30 * 24 * 3600.0
"""How long it is kept what was sent or given up."""

_STOP_S: Final = 10.0


class Postman:
    """Sends what is due. Several may work on one database, in one process or in many."""

    def __init__(
        self, database: Database, clock: Clock, mail: MailSettings, letters: Letters, find: FindAddress
    ) -> None:
        bundling = Bundling(mail.wait_s, mail.per_hour_user, mail.per_hour_admins)
        self._outbox = Outbox(database, clock, bundling)
        self._database, self._clock, self._mail = database, clock, mail
        self._letters, self._find = letters, find

    def run(self, stop: threading.Event, *, poll_s: float = POLL_S) -> None:
        """Send until ``stop`` is set; a message under way is sent to its end.

        A mail server that fails is left alone for a while, longer each time.
        """
        failed = 0
        while not stop.is_set():
            failed = 0 if self._works(stop) else failed + 1
            stop.wait(self._pause_s(failed - 1) if failed else poll_s)

    def _works(self, stop: threading.Event) -> bool:
        """One round; whether the mail server could be used, or was not needed."""
        try:
            self.round(stop)
        except BridgeError as error:
            log.warning("mail: %s", error.message)
            return False
        except SQLAlchemyError as error:
            log.warning("mail: the database fails (%s)", type(error).__name__)
        except Exception as error:  # noqa: BLE001 -- a defect is not to end the sending for good
            _log_defect(error)
        return True

    def round(self, stop: threading.Event | None = None) -> int:
        """Send all that is due now over one connection; how many messages the server took.

        Raises:
            Unreachable, NotFound, AccessDenied: the mail server cannot be used; nothing loses a try by it.
        """
        if not self._outbox.has_due():
            return 0
        number = 0
        with connected(self._mail) as server:
            while not (stop and stop.is_set()) and (claim := self._outbox.claim()):
                number += self._deliver(server, claim)
        self._outbox.forget_ended(self._clock.now() - KEEP_S)
        return number

    def _deliver(self, server: MailServer, claim: Claim) -> bool:
        """Whether it was sent; else it is due later, or never. Raises Unreachable when the server is gone."""
        ready = self._ready(claim)
        if ready is None:
            return False
        try:
            server.send(*ready)
        except Refused as error:
            self._give_up(claim, error)
            return False
        except (Deferred, Unreachable) as error:
            self._postpone(claim, error)
            if isinstance(error, Unreachable):
                raise
            return False
        self._outbox.sent(claim)
        return True

    def _ready(self, claim: Claim) -> tuple[EmailMessage, Sequence[str]] | None:
        """The message and who gets it; none when there is nothing to send, now or at all."""
        news = read_news(self._database, claim)
        recipients: Sequence[str] = self._mail.admins
        if news is None or not (recipients or claim.recipient):
            self._outbox.drop(claim)
            return None
        try:
            letter = self._letters.write(news, claim.recipient)
            if claim.recipient != ADMINS:
                recipients = [self._find(claim.recipient)]
        except NotFound as error:
            self._give_up(claim, error)
            return None
        except BridgeError as error:
            self._postpone(claim, error)
            return None
        assert self._mail.sender is not None
        at = self._clock.now()
        message = build(letter, name=claim.message, sender=self._mail.sender, recipients=recipients, at=at)
        return message, recipients

    def _postpone(self, claim: Claim, error: BridgeError) -> None:
        if self._clock.now() - claim.since > GIVE_UP_S and claim.tries:
            self._give_up(claim, error)
            return
        log.warning("mail about job %s has to wait: %s", claim.jobs[0], error.message)
        self._outbox.postpone(claim, self._pause_s(claim.tries), error.message)

    def _give_up(self, claim: Claim, error: BridgeError) -> None:
        log.warning("mail about job %s is not sent: %s", claim.jobs[0], error.message)
        self._outbox.give_up(claim, error.message)

    def _pause_s(self, tries: int) -> float:
        waits = self._mail.retry_after_s
        return waits[min(tries, len(waits) - 1)]


def _log_defect(error: Exception) -> None:
    """Where it happened; what a foreign error says is left out: it may repeat a password."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("mail: a defect of the bridge: %s\n%s", type(error).__qualname__, where)


def mailing(settings: Settings, database: Database, clock: Clock) -> AbstractContextManager[None]:
    """Send mail while the block runs, when the settings name a mail server. Connects to nothing by itself.

    Raises:
        NotFound, UsageError: the templates of the site are not as they should be.
    """
    mail = settings.agent.mail
    if mail.host is None:
        return nullcontext()
    letters = Letters(settings.agent.page_url, mail.templates)
    return sending(Postman(database, clock, mail, letters, address_finder(mail.addresses, settings.omero)))


@contextmanager
def sending(postman: Postman) -> Iterator[None]:
    """Send while the block runs, in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=postman.run, args=(stop,), name="mail", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=_STOP_S)
