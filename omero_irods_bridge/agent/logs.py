"""What the agent logs: lines for people or JSON for programs, and the audit log. Secrets stay out."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.agent.auditing import AUDIT, audit_fields
from omero_irods_bridge.agent.job_fields import moment
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.errors import AccessDenied

AUDIT_MODE: Final = 0o640
"""The group may read it; who wrote it need not be who reads it."""

_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN_WAYS: Final = ("dbos",)
"""Loggers of libraries that write to the terminal by themselves unless they have a handler."""

_CHATTY: Final = ("omero.util.Resources", "httpx")
"""Loggers that tell of each connection at a level at which we tell of jobs."""

_HIDDEN: Final = "***"
_SECRETS: Final = (
    # a session key of OMERO
    re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
    re.compile(r"(?<=bearer )[^\s\"']+", re.IGNORECASE),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    # the value of what is named like a secret, also as a field of JSON
    re.compile(
        r"(?<![a-z])((?:password|passwd|secret|token|cookie|session[_-]?key|x-omero-session)"
        r"(?:\s*=\s*|[\"']\s*[:,]\s*|:\s+))"
        r"(?:\"[^\"]*\"|'[^']*'|[^\s,;}\"']+)",
        re.IGNORECASE,
    ),
)

_job: ContextVar[tuple[int, str] | None] = ContextVar("job", default=None)


@contextmanager
def about_job(job: int, user: str) -> Iterator[None]:
    """What this thread logs in the block is about this job of this user."""
    before = _job.set((job, user))
    try:
        yield
    finally:
        _job.reset(before)


def redact(text: str) -> str:
    """Without what looks like a secret. Secrets are not logged anyway; this is the net below."""
    for secret in _SECRETS:
        text = secret.sub(lambda found: (found[1] if found.lastindex else "") + _HIDDEN, text)
    return text


def set_up(agent: AgentSettings) -> None:
    """Log to standard error, and to the file of ``agent.audit``, from now on.

    Raises:
        AccessDenied: the file of the audit log cannot be written.
    """
    audit = None if agent.audit is None else _audit_file(agent.audit)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if agent.log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _OWN_WAYS:
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [handler], False
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if audit is not None:
        audit.setFormatter(AuditLines())
        AUDIT.handlers[:] = [audit]


class TextLines(logging.Formatter):
    """``2026-11-28 17:05:00,000 INFO logger: message``; what it is about is in the message."""

    def __init__(self) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and where they are known job and user."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        about = _job.get()
        if about is not None:
            told |= {"job": about[0], "user": about[1]}
        if record.exc_info:
            told["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=False)


class AuditLines(logging.Formatter):
    """One JSON object a line: time, who, what, and where it is known for whom, which job, from where."""

    def format(self, record: logging.LogRecord) -> str:
        told = {"time": moment(record.created), **audit_fields(record)}
        return json.dumps({name: _redacted(value) for name, value in told.items()}, ensure_ascii=False)


def _redacted(value: Any) -> Any:
    return redact(value) if isinstance(value, str) else value


class _AuditFile(WatchedFileHandler):
    """Begins a new file when somebody has moved the one it writes, as logrotate does."""

    def _open(self) -> Any:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.fdopen(os.open(self.baseFilename, flags, AUDIT_MODE), "a", encoding="utf-8")


def _audit_file(path: Path) -> logging.Handler:
    try:
        return _AuditFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise AccessDenied(
            f"The audit log {path} cannot be written: {error.strerror}.", hint="Set agent.audit."
        ) from error
