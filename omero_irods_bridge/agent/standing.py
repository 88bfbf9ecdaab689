"""How the agent stands: which queues stand still, what waits, and who is at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omero_irods_bridge.agent.job_fields import moment
from omero_irods_bridge.agent.queues import Queue, queue_fields
from omero_irods_bridge.agent.store.workers import WorkerSeen


@dataclass(frozen=True, slots=True)
class Standing:
    """All queues, and the workers that whoever asks may see."""

    queues: Sequence[Queue]
    workers: Sequence[WorkerSeen]

    def fields(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "queues": [queue_fields(one) for one in self.queues],
            "workers": [_worker_fields(one) for one in self.workers],
        }


def _worker_fields(one: WorkerSeen) -> dict[str, Any]:
    return {
        "name": one.name,
        "kinds": [kind.value for kind in one.kinds],
        "started_at": moment(one.started_at),
        "seen_at": moment(one.seen_at),
        "silent": one.is_silent,
        "running": one.running,
    }
