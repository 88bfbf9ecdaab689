"""DBOS: makes sure that an attempt which was let begin is run to its end, whatever is killed meanwhile.

Which job begins when is decided by the store: queues of DBOS have no limit over several queues, and take the
users of a partitioned one in random order. From DBOS come the steps that a killed worker goes on from.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, Serializer, StepOptions, WorkflowStatus

from omero_irods_bridge.agent.engine.running import Runner
from omero_irods_bridge.agent.store.attempts import Attempt
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.outcomes import Outcome
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.jobs import JobKind

APPLICATION: Final = "bridge"
VERSION: Final = "1"
"""Of the steps. A worker takes up only what has its own version: raise it when old attempts cannot go on."""

_QUEUES: Final = {kind: f"attempts-{kind}" for kind in JobKind}
_WORKFLOW: Final = "attempt"
_POLL_S: Final = 0.4
"""Of each queue: what a job waits at most. A worker with nothing to do uses a thirtieth of a processor."""
_DELETED_AT_ONCE: Final = 200
_WAITS: Final = "ENQUEUED"
_RUNS: Final = "PENDING"
_ENDED: Final = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


class JsonSerializer(Serializer):
    """DBOS's own is pickle: who may write to the database could run code in the worker."""

    def serialize(self, data: Any) -> str:
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)


class DurableAttempts:
    """Runs attempts in this process. There can be only one in a process: DBOS is global."""

    def __init__(
        self, database: Database, worker: str, runner: Runner, *, at_once: int, kinds: Collection[JobKind]
    ) -> None:
        """Of ``kinds`` alone; what others let begin of another kind is for others to run.

        ``worker`` has to be a name of its own, the same after each restart: it takes up its own jobs.
        """
        self._database, self._runner, self._at_once = database, runner, at_once
        self._queues = [_QUEUES[kind] for kind in kinds]
        self._client: DBOSClient | None = None
        self._worker = worker
        self._at_work: set[str] = set()
        self._looked_idle: set[str] = set()
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": database.url,
                "executor_id": worker,
                "application_version": VERSION,
                "serializer": JsonSerializer(),
                "log_level": "WARNING",
                "use_listen_notify": False,
            }
        )
        self._define_steps()

    def start(self) -> None:
        """Go on with what this worker had when it died, and begin to take new attempts.

        Raises:
            BridgeError: this Python's SQLite is too old for DBOS.
        """
        if self._database.path:
            _check_sqlite()
        DBOS.listen_queues(self._queues)
        DBOS.launch()
        for queue in self._queues:
            DBOS.register_queue(queue, worker_concurrency=self._at_once, polling_interval_sec=_POLL_S)
        self._client = DBOSClient(
            system_database_url=self._database.url,
            application_name=APPLICATION,
            serializer=JsonSerializer(),
        )

    def enqueue(self, connection: sa.Connection, attempt: Attempt, kind: JobKind, priority: int) -> None:
        """Have it run by a worker that takes its kind, when the transaction of ``connection`` ends well."""
        self._present.enqueue_in_transaction(
            connection,
            {
                "workflow_name": _WORKFLOW,
                "queue_name": _QUEUES[kind],
                "workflow_id": _id(attempt),
                "priority": priority + 1,
            },
            attempt.job,
            attempt.number,
        )

    def stranded(self, attempts: list[Attempt]) -> list[Attempt]:
        """Those of ``attempts`` that nobody runs nor will run.

        Their workflow failed, is not there, or waits in a queue that only an older release looked into. Or
        it is said to be this worker's, which has not been at it twice in a row that somebody looked: the
        database was away when it was to be written down, and DBOS goes on from there at a start only.
        """
        if not attempts:
            return []
        found = self._present.list_workflows(
            workflow_ids=[_id(one) for one in attempts], load_input=False, load_output=False
        )
        idle = {one.workflow_id for one in found if self._is_left(one)}
        broken, self._looked_idle = idle & self._looked_idle, idle
        alive = {one.workflow_id for one in found if one.status not in _ENDED and not _is_forgotten(one)}
        return [one for one in attempts if _id(one) not in alive - broken]

    def _is_left(self, workflow: WorkflowStatus) -> bool:
        is_ours = workflow.status == _RUNS and workflow.executor_id == self._worker
        return is_ours and workflow.workflow_id not in self._at_work

    def forget_ended(self, older_than_s: float) -> None:
        """Remove what DBOS keeps of attempts that ended; the job itself stays."""
        before = datetime.fromtimestamp(time.time() - older_than_s, UTC).isoformat()
        while True:
            found = self._present.list_workflows(
                status=list(_ENDED),
                completed_before=before,
                limit=_DELETED_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not found:
                return
            self._present.delete_workflows([one.workflow_id for one in found])

    def stop(self) -> None:
        """Take no more. What still runs goes on when a worker of the same name starts."""
        if self._client is not None:
            self._client.destroy()
        DBOS.destroy(workflow_completion_timeout_sec=2)

    @property
    def _present(self) -> DBOSClient:
        assert self._client is not None, "start() comes first"
        return self._client

    def _define_steps(self) -> None:
        """What VERSION stands for."""

        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
        def attempt(job: int, number: int) -> None:
            with self._being_at(Attempt(job, number)):
                found = DBOS.run_step(_step("run"), self._run, job, number)
                DBOS.run_step(_step("finish"), self._finish, job, number, found)

    @contextmanager
    def _being_at(self, attempt: Attempt) -> Iterator[None]:
        self._at_work.add(_id(attempt))
        try:
            yield
        finally:
            self._at_work.discard(_id(attempt))

    def _run(self, job: int, number: int) -> dict[str, Any]:
        return self._runner.run(Attempt(job, number)).to_fields()

    def _finish(self, job: int, number: int, found: dict[str, Any]) -> None:
        self._runner.finish(Attempt(job, number), Outcome.from_fields(found))


def _is_forgotten(workflow: WorkflowStatus) -> bool:
    return workflow.status == _WAITS and workflow.queue_name not in _QUEUES.values()


def _check_sqlite() -> None:
    """On Python 3.12 and later DBOS asks SQLite for the time in a way that it knows since 3.42."""
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        raise BridgeError(
            f"The agent needs SQLite 3.42 or later with this Python, and here is {sqlite3.sqlite_version}.",
            hint="Use Python 3.11, a newer SQLite, or PostgreSQL (agent.database).",
        )


def _step(name: str) -> StepOptions:
    """Only the database makes a step fail."""
    return {
        "name": name,
        "retries_allowed": True,
        "max_attempts": 8,
        "interval_seconds": 0.5,
        "backoff_rate": 2.0,
    }


def _id(attempt: Attempt) -> str:
    return f"job/{attempt.job}/{attempt.number}"
