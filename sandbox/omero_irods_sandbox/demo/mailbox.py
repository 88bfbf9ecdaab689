"""A mail server for the demonstration: it takes mail for everybody and keeps it in memory."""

from __future__ import annotations

import email
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

HOST: Final = "127.0.0.1"


class Mailbox:
    """What came; ``port`` is where it takes mail."""

    def __init__(self) -> None:
        self.port = 0
        self._arrived = threading.Condition()
        self._mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """As aiosmtpd calls it."""
        message = email.message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(message, EmailMessage)
        with self._arrived:
            self._mails.append((list(envelope.rcpt_tos), message))
            self._arrived.notify_all()
        return "250 OK"

    def wait_for(self, recipient: str, timeout_s: float) -> EmailMessage | None:
        """The first mail to this address, when it comes in time."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._to(recipient), timeout_s)
            return next(iter(self._to(recipient)), None)

    def _to(self, recipient: str) -> list[EmailMessage]:
        return [message for recipients, message in self._mails if recipient in recipients]


@contextmanager
def open_mailbox(port: int) -> Iterator[Mailbox]:
    """A mail server on this computer, until the block ends."""
    box = Mailbox()
    controller = Controller(box, HOST, port)
    controller.start()
    box.port = port
    try:
        yield box
    finally:
        controller.stop()
