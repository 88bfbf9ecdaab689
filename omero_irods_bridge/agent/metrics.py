"""``GET /metrics``: numbers for Prometheus, read from the database when it asks.

They are of the database, and so the same at each worker: ask one. Nothing in them names a user, an object or
a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from omero_irods_bridge.agent.http.doors import address_of, who_asks
from omero_irods_bridge.agent.http.tokens import Scope
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.endings import LAST_DONE_AT, MAIL
from omero_irods_bridge.agent.store.tables import GIVEN_UP, JOBS, MAILS, PAUSED, SENT, TOTALS, WAITING
from omero_irods_bridge.agent.store.workers import jobs_under_way
from omero_irods_bridge.model.errors import AccessDenied, NotFound
from omero_irods_bridge.model.hosts import is_this_computer
from omero_irods_bridge.model.jobs import JobKind, JobState
from omero_irods_bridge.ports import Clock

router: Final = APIRouter(tags=["health"])

_KIND, _STATE = ("kind",), ("state",)
_Values: TypeAlias = Mapping[Any, float]
"""By the values of the labels, a tuple."""


class Scheduled(Protocol):
    """A schedule as it is now."""

    @property
    def name(self) -> str: ...
    @property
    def is_overdue(self) -> bool: ...


class Metrics(Collector):
    """Reads the numbers. Any thread may call it.

    ``schedules`` gives those of the settings.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        schedules: Callable[[], Sequence[Scheduled]] | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._schedules = schedules
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """All numbers as they are now, in the text format of Prometheus."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering is not to read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """In one read of the database, so that the numbers fit together."""
        now = self._clock.now()
        with self._database.reading() as connection:
            yield from _jobs(connection, now)
            yield from _totals(connection)
            yield from _mails(connection, now)
            paused = set(connection.execute(sa.select(PAUSED.c.kind)).scalars())
            yield _gauge("queue_paused", "Whether no job of this kind begins.", _KIND, _each_kind(paused))
            yield _workers(connection)
        yield self._overdue()

    def _overdue(self) -> Metric:
        rows = self._schedules() if self._schedules else ()
        late = {(one.name,): float(one.is_overdue) for one in rows}
        return _gauge(
            "schedule_overdue", "Whether a schedule was not handed in in time.", ("schedule",), late
        )


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """The numbers, for who may see them."""
    await _check_may_see(request)
    found: Metrics | None = request.app.state.metrics
    if found is None:
        raise NotFound("This agent has no metrics.")
    text = await run_in_threadpool(found.text)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


async def _check_may_see(request: Request) -> None:
    """Programs on this computer, unless a proxy forwards others to it; else a token, or an administrator."""
    is_forwarding = not is_this_computer(urlsplit(request.app.state.public_url).hostname or "")
    if not is_forwarding and is_this_computer(address_of(request)):
        return
    asker = await who_asks(request, Scope.READ)
    if not asker.is_admin:
        raise AccessDenied("The metrics are for administrators.", hint="Use a token with the scope read.")


def _jobs(connection: sa.Connection, now: float) -> Iterator[Metric]:
    query = sa.select(JOBS.c.kind, JOBS.c.state, sa.func.count()).group_by(JOBS.c.kind, JOBS.c.state)
    counts: dict[Any, float] = {(kind, state): 0.0 for kind in JobKind for state in JobState}
    counts |= {(kind, state): number for kind, state, number in connection.execute(query)}
    yield _gauge("jobs", "Jobs that are kept.", (*_KIND, *_STATE), counts)
    oldest = sa.select(JOBS.c.kind, sa.func.min(JOBS.c.created_at)).where(JOBS.c.state == JobState.QUEUED)
    ages = {(kind,): max(0.0, now - at) for kind, at in connection.execute(oldest.group_by(JOBS.c.kind))}
    text = "For how long the job that waits longest for its turn has been there."
    yield _gauge("oldest_queued_seconds", text, _KIND, {**_each_kind(()), **ages})


def _totals(connection: sa.Connection) -> Iterator[Metric]:
    rows = {(row.kind, row.what): row.value for row in connection.execute(sa.select(TOTALS))}
    ends = {(kind, end): rows.get((kind, end), 0.0) for kind in JobKind for end in JobState if end.is_final}
    yield _counter("jobs_ended", "Jobs that have ended.", (*_KIND, *_STATE), ends)
    for what, text in (("attempts", "Attempts that have ended."), ("bytes", "Bytes of what jobs have made.")):
        yield _counter(what, text, _KIND, {(kind,): rows.get((kind, what), 0.0) for kind in JobKind})
    last = {(kind,): value for (kind, what), value in rows.items() if what == LAST_DONE_AT}
    yield _gauge("last_success_timestamp_seconds", "When a job was done last.", _KIND, last)
    mails = {(end,): rows.get((MAIL, end), 0.0) for end in (SENT, GIVEN_UP)}
    yield _counter("mails", "Mails that were sent, or that no server takes.", _STATE, mails)


def _mails(connection: sa.Connection, now: float) -> Iterator[Metric]:
    """Rows of one message count once; what is not yet a message counts one by one."""
    name = sa.func.coalesce(MAILS.c.message, sa.cast(MAILS.c.id, sa.Text))
    query = sa.select(sa.func.count(name.distinct()), sa.func.min(MAILS.c.created_at))
    number, oldest = connection.execute(query.where(MAILS.c.state == WAITING)).one()
    yield _gauge("mails_waiting", "Mails that are still to be sent.", (), {(): number})
    age = 0.0 if oldest is None else max(0.0, now - oldest)
    yield _gauge("oldest_mail_seconds", "For how long the oldest of them waits.", (), {(): age})


def _workers(connection: sa.Connection) -> Metric:
    found = {(name,): float(number) for name, number in jobs_under_way(connection).items()}
    return _gauge("worker_jobs", "Jobs that a worker is at.", ("worker",), found)


def _each_kind(those: Iterable[str]) -> dict[Any, float]:
    return {(kind.value,): float(kind in those) for kind in JobKind}


def _gauge(name: str, text: str, labels: Sequence[str], values: _Values) -> Metric:
    made = GaugeMetricFamily(f"omero_irods_{name}", text, labels=labels)
    for label, value in values.items():
        made.add_metric(list(label), value)
    return made


def _counter(name: str, text: str, labels: Sequence[str], values: _Values) -> Metric:
    made = CounterMetricFamily(f"omero_irods_{name}", text, labels=labels)
    for label, value in values.items():
        made.add_metric(list(label), value)
    return made
