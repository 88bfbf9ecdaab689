"""Jobs and their log as programs get them: values of JSON, times in ISO 8601, UTC."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from omero_irods_bridge.model.jobs import Job, JobEvent, event_fields

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


def moment(seconds: float | None) -> str | None:
    """A time, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
