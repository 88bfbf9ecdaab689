"""What is to be told by mail and has not been: taken by one worker at a time, bundled, within limits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import ADMINS, MAIL, add_to_total
from omero_irods_bridge.agent.store.tables import GIVEN_UP, JOBS, MAILS, NEEDLESS, SENT, WAITING
from omero_irods_bridge.mail_settings import LONGEST_WAIT_S
from omero_irods_bridge.model.jobs import JobState
from omero_irods_bridge.ports import Clock

LEASE_S: Final = 900.0
"""How long a claim keeps others away; longer than the sending of one message can take."""

_HOUR_S: Final = 3600.0
_RECIPIENTS_AT_ONCE: Final = 1_000
_OPEN: Final = [state for state in JobState if not state.is_final]


@dataclass(frozen=True, slots=True)
class Bundling:
    """``wait_s`` is how long a batch has to be at rest before its user is told."""

    wait_s: float = 0.0
    per_hour_user: int = 20
    per_hour_admins: int = 6


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one message. ``message`` names it, the same whenever it is sent.

    ``jobs`` are those whose end was noted, ``batches`` the batches that they are of. ``recipient`` is a
    user of OMERO, or ADMINS. ``is_digest`` tells that it was held back. ``tries`` counts how often sending it
    failed.
    """

    token: str
    message: str
    recipient: str
    jobs: tuple[int, ...]
    batches: tuple[str, ...]
    since: float
    is_digest: bool
    tries: int


class Outbox:
    """The mails of an agent. Any thread, and any number of processes, may call any method."""

    def __init__(self, database: Database, clock: Clock, bundling: Bundling) -> None:
        self._database, self._clock, self._bundling = database, clock, bundling

    def has_due(self) -> bool:
        """Whether :meth:`claim` may find something. Keeps nobody from writing."""
        with self._database.reading() as connection:
            return connection.execute(self._next(self._clock.now())).first() is not None

    def claim(self) -> Claim | None:
        """Take the next message that is due; none when there is none. Nobody else gets it meanwhile.

        A user is told of a batch when all of its jobs have ended. Who had his mails of this hour gets what
        comes later in one, when the hour is over.
        """
        with self._database.writing() as connection:
            now = self._clock.now()
            for _ in range(_RECIPIENTS_AT_ONCE):
                first = connection.execute(self._next(now)).first()
                if first is None:
                    return None
                opens = None if first.message else self._opens(connection, first.recipient, now)
                if opens is None:
                    return self._take(connection, first, now)
                _hold(connection, first.recipient, opens)
        return None

    def sent(self, claim: Claim) -> None:
        """The mail server has taken it."""
        with self._database.writing() as connection:
            if self._end(connection, claim, SENT):
                add_to_total(connection, MAIL, SENT, 1)

    def postpone(self, claim: Claim, after_s: float, reason: str) -> None:
        """It could not be sent; it is due again after ``after_s``, at any worker."""
        later = {"send_after": self._clock.now() + after_s, "tries": claim.tries + 1, "reason": reason}
        with self._database.writing() as connection:
            connection.execute(_of(claim).values(claim=None, claimed_until=None, **later))

    def give_up(self, claim: Claim, reason: str) -> None:
        """It cannot be sent, now or later; it stays with the reason until it is forgotten."""
        with self._database.writing() as connection:
            if self._end(connection, claim, GIVEN_UP, reason):
                add_to_total(connection, MAIL, GIVEN_UP, 1)

    def drop(self, claim: Claim) -> None:
        """There is nothing to tell any more."""
        with self._database.writing() as connection:
            self._end(connection, claim, NEEDLESS)

    def forget_ended(self, before: float) -> None:
        """Forget what was sent or given up before this time."""
        old = (MAILS.c.state != WAITING) & (MAILS.c.ended_at < before)
        with self._database.writing() as connection:
            connection.execute(sa.delete(MAILS).where(old))

    def _next(self, now: float) -> sa.Select[Any]:
        is_due = (MAILS.c.state == WAITING) & _has_come(MAILS.c.send_after, now) & _is_free(now)
        return sa.select(MAILS).where(is_due, *self._at_rest(now)).order_by(MAILS.c.id).limit(1)

    def _at_rest(self, now: float) -> tuple[sa.ColumnElement[bool], ...]:
        """Nothing that a row is about goes on, or has ended just now. What is sent again stays as it was."""
        is_open = JOBS.c.state.in_(_OPEN)
        open_batches = sa.select(JOBS.c.requested_by, JOBS.c.batch).where(is_open, JOBS.c.batch != "")
        fresh = MAILS.alias("fresh")
        wait_s = self._bundling.wait_s
        is_fresh = (fresh.c.state == WAITING) & ~_has_come(fresh.c.created_at + wait_s, now)
        fresh_batches = sa.select(fresh.c.recipient, fresh.c.batch).where(is_fresh, fresh.c.batch != "")
        batch = sa.tuple_(MAILS.c.recipient, MAILS.c.batch)
        waited = (MAILS.c.recipient == ADMINS) | _has_come(MAILS.c.created_at + wait_s, now)
        is_again = MAILS.c.message.is_not(None)
        return (
            is_again | MAILS.c.job.not_in(sa.select(JOBS.c.id).where(is_open)),
            is_again | batch.not_in(open_batches),
            is_again | (MAILS.c.recipient == ADMINS) | batch.not_in(fresh_batches),
            is_again | waited,
        )

    def _opens(self, connection: sa.Connection, recipient: str, now: float) -> float | None:
        """When this recipient may be written to again; none when at once."""
        bundling = self._bundling
        most = bundling.per_hour_admins if recipient == ADMINS else bundling.per_hour_user
        ended_at = MAILS.c.ended_at
        at = sa.func.max(ended_at)
        query = sa.select(at).where(MAILS.c.state == SENT, MAILS.c.recipient == recipient)
        is_recent = (ended_at > now - _HOUR_S) & (
            ended_at <= now + _HOUR_S
        )  # the clock may have been set back
        query = query.where(is_recent).group_by(MAILS.c.message)
        sent = list(connection.execute(query.order_by(at.desc()).limit(most)).scalars())
        return None if len(sent) < most else sent[-1] + _HOUR_S

    def _take(self, connection: sa.Connection, first: Any, now: float) -> Claim:
        token = uuid.uuid4().hex
        message = first.message or self._name(connection, first)
        claimed = {"message": message, "claim": token, "claimed_until": now + LEASE_S}
        which = self._together(first, now)
        update = sa.update(MAILS).where(MAILS.c.state == WAITING, which).values(**claimed)
        return _claim(token, connection.execute(update.returning(*MAILS.c)).all())

    def _name(self, connection: sa.Connection, first: Any) -> str:
        query = sa.select(JOBS.c.uuid).where(JOBS.c.id == first.job)
        job = connection.execute(query).scalar() or f"job-{first.job}"
        return f"{job}.{first.attempt}.{'user' if first.recipient else 'admins'}"

    def _together(self, first: Any, now: float) -> sa.ColumnElement[bool]:
        """The rows that go out with this one, all of one recipient: several may be told of one attempt."""
        to_same = MAILS.c.recipient == first.recipient
        if first.message:
            return sa.and_(to_same, MAILS.c.message == first.message)
        same = to_same & MAILS.c.message.is_(None)
        if first.is_held:
            return sa.and_(same, *self._at_rest(now))
        if first.batch and first.recipient != ADMINS:
            return sa.and_(same, MAILS.c.batch == first.batch)
        return sa.and_(MAILS.c.id == first.id)

    def _end(self, connection: sa.Connection, claim: Claim, state: str, reason: str | None = None) -> bool:
        """Whether it was still ours to end."""
        ended = {"state": state, "ended_at": self._clock.now(), "reason": reason, "claim": None}
        return connection.execute(_of(claim).values(**ended)).rowcount > 0


def _claim(token: str, rows: Sequence[Any]) -> Claim:
    rows = sorted(rows, key=lambda row: row.id)
    first = rows[0]
    return Claim(
        token,
        first.message,
        first.recipient,
        tuple(dict.fromkeys(row.job for row in rows)),
        tuple(dict.fromkeys(row.batch for row in rows if row.batch and first.recipient != ADMINS)),
        first.created_at,
        first.is_held,
        first.tries,
    )


def _is_free(now: float) -> sa.ColumnElement[bool]:
    return MAILS.c.claimed_until.is_(None) | _has_come(MAILS.c.claimed_until, now)


def _has_come(time: sa.ColumnElement[float], now: float) -> sa.ColumnElement[bool]:
    """Also when it is so late that only a clock that has been set back since can have said so."""
    return (time <= now) | (time > now + LONGEST_WAIT_S)


def _of(claim: Claim) -> sa.Update:
    return sa.update(MAILS).where(MAILS.c.state == WAITING, MAILS.c.claim == claim.token)


def _hold(connection: sa.Connection, recipient: str, until: float) -> None:
    """Keep all that is not under way back until then."""
    rest = (MAILS.c.state == WAITING) & (MAILS.c.recipient == recipient) & MAILS.c.message.is_(None)
    connection.execute(sa.update(MAILS).where(rest).values(is_held=True, send_after=until))
