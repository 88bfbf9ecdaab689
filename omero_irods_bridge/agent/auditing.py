"""Who asked for what, from where, and who was refused: a record of each, for the log and the audit log."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

AUDIT: Final = logging.getLogger("omero_irods_bridge.audit")

_FIELDS: Final = "audit"
_address: ContextVar[str] = ContextVar("address", default="")


def audit(who: str, did: str, *, refused: str = "", **about: Any) -> None:
    """Write down that ``who`` did what ``did`` says, or wanted to: ``refused`` is why not.

    ``about`` are names and numbers such as ``job``, ``user``, ``kind``, no secrets; none and "" are left out.
    """
    told = {"who": who, "did": did, **about, "from": _address.get(), "refused": refused}
    fields = {name: value for name, value in told.items() if value not in {None, ""}}
    text = ", ".join(f"{name} {value!r}" for name, value in fields.items() if name not in {"who", "did"})
    level = logging.WARNING if refused else logging.INFO
    AUDIT.log(level, "%s: %s (%s)", _one_line(who), _one_line(did), text, extra={_FIELDS: fields})


def _one_line(text: str) -> str:
    """A name that somebody made up does not begin a line of its own in the log."""
    return text if text.isprintable() else repr(text)


def audit_fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a record of :func:`audit` tells; of another one its message."""
    found: dict[str, Any] = getattr(record, _FIELDS, {"did": record.getMessage()})
    return found


class AskedFrom:
    """Remembers from which address a request comes, for what is written down while it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") if scope["type"] == "http" else None
        before = _address.set(client[0] if client else "")
        try:
            await self._app(scope, receive, send)
        finally:
            _address.reset(before)
