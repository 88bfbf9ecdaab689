"""What is kept of an attempt that ended besides the job itself: counts that only grow, and mails to send."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.tables import MAILS, TOTALS, WAITING
from omero_irods_bridge.model.jobs import Job, JobKind, JobState

ADMINS: Final = ""
"""The recipient of a row of MAILS that is for the administrators; no OMERO user has this name."""

MAIL: Final = "mail"
"""The kind of the totals of mails; no kind of job has this name."""

LAST_DONE_AT: Final = "last_done_at"
"""The one total that is a time."""

_TOLD: Final = (JobState.DONE, JobState.FAILED)


def attempt_ended(connection: sa.Connection, job: Job, at: float, *, mails: bool) -> None:
    """Count it, and with ``mails`` note who is to be told; in the transaction that writes how it ended.

    ``job`` is the job after the attempt. One that was cancelled is told to nobody: who cancelled it knows.
    """
    _count(connection, job, at)
    if not mails or job.state not in _TOLD:
        return
    for user in _users(job):
        _note(connection, job, user, at)
    if job.state is JobState.FAILED:
        _note(connection, job, ADMINS, at)


def _users(job: Job) -> set[str]:
    """Who asked; of an ingest that went well only those of whom something failed that they do not know of."""
    result = job.result or {}
    if job.spec.kind is not JobKind.INGEST or job.state is JobState.FAILED:
        return {job.spec.requested_by}
    owners = {one["user"] for one in result.get("findings", ()) if one["new"] and one["user"]}
    return {job.spec.requested_by, *owners} if result.get("new_failures") else set()


def add_to_total(connection: sa.Connection, kind: str, what: str, number: float) -> None:
    """Count ``number`` more."""
    row = (TOTALS.c.kind == kind) & (TOTALS.c.what == what)
    more = sa.update(TOTALS).where(row).values(value=TOTALS.c.value + number)
    if not connection.execute(more).rowcount:
        connection.execute(sa.insert(TOTALS).values(kind=kind, what=what, value=number))


def _count(connection: sa.Connection, job: Job, at: float) -> None:
    kind = job.spec.kind
    add_to_total(connection, kind, "attempts", 1)
    if job.state.is_final:
        add_to_total(connection, kind, job.state, 1)
    if job.state is not JobState.DONE:
        return
    size = (job.result or {}).get("bytes")
    if type(size) is int:
        add_to_total(connection, kind, "bytes", size)
    connection.execute(sa.delete(TOTALS).where(TOTALS.c.kind == kind, TOTALS.c.what == LAST_DONE_AT))
    connection.execute(sa.insert(TOTALS).values(kind=kind, what=LAST_DONE_AT, value=at))


def _note(connection: sa.Connection, job: Job, recipient: str, at: float) -> None:
    values = {"batch": job.spec.batch, "created_at": at, "send_after": at, "state": WAITING}
    values |= {"job": job.id, "attempt": job.attempt, "recipient": recipient, "tries": 0, "is_held": False}
    connection.execute(sa.insert(MAILS).values(**values))
