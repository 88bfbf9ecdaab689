"""A real mail server on a socket of ours, which can be told to misbehave."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "agent", "secret-of-mail"


@dataclass
class MailHost:
    """``taken`` is what it took, with the people it is for; the other fields are its faults."""

    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Recipient to reply."""
    reply_to_sender: str = ""
    reply_to_data: str = ""
    hangs: bool = False
    drops: bool = False
    drops_after_taking: bool = False
    logins: list[bool] = field(default_factory=list)
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        return [message for _, message in self.taken]

    @property
    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.messages]

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.reply_to_sender:
            return self.reply_to_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.drops:
            server.transport.abort()
        if self.reply_to_data or self.drops:
            return self.reply_to_data or "451 gone"
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append((list(envelope.rcpt_tos), message))
        if self.drops_after_taking:
            server.transport.abort()
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
        self.logins.append(right)
        return AuthResult(success=right, handled=right)


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """Port 0 stands for a free one; which, is known now."""
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def running(
    host: MailHost, *, certificate: ssl.SSLContext | None = None, starttls: bool = True, auth: bool = False
) -> Iterator[MailHost]:
    """Run it, at the port it had before when there is one. With ``certificate`` by TLS or STARTTLS."""
    more: dict[str, Any] = {}
    if certificate is not None and starttls:
        more = {"tls_context": certificate, "require_starttls": True}
    elif certificate is not None:
        more = {"ssl_context": certificate}
    if auth:
        more |= {"authenticator": host.authenticate, "auth_required": True, "auth_require_tls": starttls}
    controller = _Controller(host, hostname="127.0.0.1", port=host.port, **more)
    controller.start()
    host.port = controller.port
    try:
        yield host
    finally:
        controller.stop()
