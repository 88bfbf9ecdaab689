"""The site's mail server, as we speak to it: over TLS that is checked, and never for long."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

from omero_irods_bridge.mail_settings import MailSettings, Tls
from omero_irods_bridge.model.errors import BridgeError, Unreachable
from omero_irods_bridge.settings import read_secret

log = logging.getLogger(__name__)

_PERMANENT: Final = 500
"""Replies from here on mean that the same again will fail again (RFC 5321, 4.2.1)."""


class Refused(BridgeError):
    """The mail server does not take this message for these people, now or later."""

    code = "mail-refused"


class Deferred(BridgeError):
    """The mail server works, and does not take this message for these people yet."""

    code = "mail-deferred"
    retryable = True


class MailServer:
    """A connection; one thread at a time."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        self._smtp, self._sender = smtp, sender

    def send(self, message: EmailMessage, recipients: Sequence[str]) -> None:
        """Done when the server has taken it for at least one of ``recipients``.

        Raises:
            Refused: it will take it for none of them.
            Deferred: it may, later.
            Unreachable: the connection broke, or the server wants no mail from us at all.
        """
        try:
            missed = self._smtp.send_message(message, self._sender, list(recipients))
            for recipient, reply in missed.items():
                log.warning("mail: not for %s: %s", recipient, Reply(*reply))
        except smtplib.SMTPRecipientsRefused as error:
            replies = [Reply(code, text) for code, text in error.recipients.values()]
            raise _refusal(replies) from None
        except smtplib.SMTPDataError as error:
            raise _refusal([Reply(error.smtp_code, error.smtp_error)]) from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"The mail server failed: {_told(error)}.") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    code: int
    text: bytes | str

    def __str__(self) -> str:
        text = self.text if isinstance(self.text, str) else self.text.decode("utf-8", "replace")
        return f"{self.code} {' '.join(text.split())[:200]}"


@contextmanager
def connected(mail: MailSettings) -> Iterator[MailServer]:
    """A connection that is ready to send, closed with the block.

    Raises:
        Unreachable: nobody answers, its certificate is not trusted, or it does not let us in; all of this can
            be mended, and no mail is lost by it.
        NotFound, AccessDenied: the file of the password.
    """
    assert mail.sender is not None
    host, port = mail.server
    try:
        smtp = _open(mail)
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(
            f"The mail server {host}:{port} cannot be used: {_told(error)}.", hint="Check [agent.mail]."
        ) from None
    try:
        yield MailServer(smtp, mail.sender)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _open(mail: MailSettings) -> smtplib.SMTP:
    host, port = mail.server
    if mail.tls is Tls.TLS:
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=mail.timeout_s, context=context)
    else:
        smtp = smtplib.SMTP(host, port, timeout=mail.timeout_s)
    try:
        if mail.tls is Tls.STARTTLS:
            smtp.starttls(context=ssl.create_default_context())
        if mail.user is not None and mail.password_file is not None:
            smtp.login(mail.user, read_secret(mail.password_file))
    except BaseException:
        smtp.close()
        raise
    return smtp


def _refusal(replies: Sequence[Reply]) -> BridgeError:
    told = "; ".join(sorted({str(one) for one in replies}))
    if all(one.code >= _PERMANENT for one in replies):
        return Refused(f"The mail server refuses: {told}.")
    return Deferred(f"The mail server does not take it now: {told}.")


def _told(error: Exception) -> str:
    """What a server said while it was asked for a password is left out: it may repeat some of it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it does not let the user in ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return str(Reply(error.smtp_code, error.smtp_error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return str(error) or type(error).__name__
