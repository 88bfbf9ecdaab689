"""A letter as a message of mail, which programs know to be one of a program."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Final

from omero_irods_bridge.agent.mail.letters import Letter

_SENDER_NAME: Final = "OMERO-iRODS bridge"
_FOR_ALL_SERVERS: Final = SMTP.clone(cte_type="7bit")


def build(letter: Letter, *, name: str, sender: str, recipients: Sequence[str], at: float) -> EmailMessage:
    """The message ``name``: sent twice, it has the same Message-ID, and mail programs show it once.

    Auto-Submitted keeps programs that say that somebody is away from answering (RFC 3834, 5).
    """
    made = EmailMessage(policy=_FOR_ALL_SERVERS)
    made["From"] = formataddr((_SENDER_NAME, sender))
    made["To"] = ", ".join(recipients)
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    made["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"  # the same for Exchange, MS-OXCMAIL 2.2.3.2.14
    made.set_content(letter.text)
    made.add_alternative(letter.html, subtype="html")
    return made
