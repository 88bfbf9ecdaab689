"""Jobs and events as rows, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from omero_irods_bridge.agent.store.tables import EVENTS
from omero_irods_bridge.model.events import Event
from omero_irods_bridge.model.jobs import (
    Job,
    JobError,
    JobEvent,
    JobSpec,
    JobState,
    Phase,
    StateChanged,
    event_fields,
    event_of,
)
from omero_irods_bridge.model.stored import sayable


def job_of(row: Any) -> Job:
    """The job that a row of JOBS stands for."""
    return Job(
        id=row.id,
        uuid=row.uuid,
        spec=JobSpec.from_json(row.spec),
        state=JobState(row.state),
        created_at=row.created_at,
        attempt=row.attempt,
        tries=row.tries,
        worker=row.worker,
        started_at=row.started_at,
        finished_at=row.finished_at,
        run_after=row.run_after,
        is_cancel_requested=row.cancel_requested,
        phase=Phase(**json.loads(row.phase)) if row.phase else Phase(),
        result=json.loads(row.result) if row.result else None,
        error=JobError(**json.loads(row.error)) if row.error else None,
    )


def text_of(value: Phase | JobError | Mapping[str, Any] | None) -> str | None:
    """As it is kept in a column."""
    if value is None:
        return None
    return _text_of(asdict(value) if isinstance(value, (Phase, JobError)) else value)


def _text_of(value: Any) -> str:
    return json.dumps(_sayable(value), ensure_ascii=True)


def _sayable(value: Any) -> Any:
    """No answer could tell of names that have bytes which are no text."""
    if isinstance(value, str):
        return sayable(value)
    if isinstance(value, Mapping):
        return {name: _sayable(one) for name, one in value.items()}
    return [_sayable(one) for one in value] if isinstance(value, list | tuple) else value


def add_event(connection: sa.Connection, job: int, event: Event, at: float) -> None:
    """Append to the log of a job."""
    last = connection.execute(sa.select(sa.func.max(EVENTS.c.number)).where(EVENTS.c.job == job)).scalar()
    text = _text_of(event_fields(event))
    connection.execute(sa.insert(EVENTS).values(job=job, number=(last or 0) + 1, at=at, event=text))


def add_state(connection: sa.Connection, job: int, state: JobState, text: str, at: float) -> None:
    """Append to the log of a job that it went on."""
    add_event(connection, job, StateChanged(state, text), at)


def job_event_of(row: Any) -> JobEvent:
    """The event that a row of EVENTS stands for."""
    return JobEvent(row.number, row.at, event_of(json.loads(row.event)))
