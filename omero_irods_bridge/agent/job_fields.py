"""Jobs and their log as programs get them: values of JSON, times in ISO 8601, UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, Final

from omero_irods_bridge.model.errors import BridgeError, UsageError
from omero_irods_bridge.model.jobs import (
    Job,
    JobError,
    JobEvent,
    JobSpec,
    JobState,
    Phase,
    event_fields,
    event_of,
)

_SPEC: Final = ("kind", "work", *(one.name for one in fields(JobSpec) if one.name != "work"))
_TIMES: Final = ("created_at", "started_at", "finished_at", "run_after")


def job_fields(job: Job) -> dict[str, Any]:
    """All that is known of a job."""
    return {
        "id": job.id,
        "uuid": job.uuid,
        "state": job.state.value,
        **json.loads(job.spec.to_json()),
        **{name: moment(getattr(job, name)) for name in _TIMES},
        "attempt": job.attempt,
        "tries": job.tries,
        "worker": job.worker,
        "cancel_requested": job.is_cancel_requested,
        "phase": asdict(job.phase),
        "result": job.result,
        "error": None if job.error is None else asdict(job.error),
    }


def log_fields(one: JobEvent) -> dict[str, Any]:
    """What happened to a job."""
    return {"number": one.number, "at": moment(one.at), **event_fields(one.event)}


def job_of_fields(found: Mapping[str, Any]) -> Job:
    """The job that :func:`job_fields` told of; what is not known is passed over.

    Raises:
        BridgeError: it is of a release that tells something else.
    """
    try:
        return Job(
            id=found["id"],
            uuid=found["uuid"],
            spec=JobSpec.from_fields({name: found[name] for name in _SPEC if name in found}),
            state=JobState(found["state"]),
            attempt=found["attempt"],
            tries=found["tries"],
            worker=found["worker"],
            is_cancel_requested=found["cancel_requested"],
            phase=Phase(**found["phase"]),
            result=found["result"],
            error=None if found["error"] is None else JobError(**found["error"]),
            created_at=_seconds(found["created_at"]) or 0.0,
            **{name: _seconds(found[name]) for name in _TIMES if name != "created_at"},
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise _other_release() from error


def job_event_of_fields(found: Mapping[str, Any]) -> JobEvent:
    """The event that :func:`log_fields` told of. Raises as :func:`job_of_fields`."""
    told = dict(found)
    try:
        number, at = told.pop("number"), _seconds(told.pop("at"))
        return JobEvent(number, at or 0.0, event_of(told))
    except (KeyError, TypeError, ValueError) as error:
        raise _other_release() from error


def _other_release() -> BridgeError:
    return BridgeError(
        "The agent's answer cannot be read.", hint="Install the same release here as where the agent runs."
    )


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def moment(seconds: float | None) -> str | None:
    """A time, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
