"""omero.api.JobHandle. Source: JobBean of omero-server."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rtime, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.scripts.jobs import (
    Status,
    job_row,
    set_message,
    set_status,
    submit_job,
)
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

_JOB: Final = (
    "select j from Job j left outer join fetch j.status"
    " left outer join fetch j.originalFileLinks l left outer join fetch l.child where j.id = :id"
)


@service(omero.api.JobHandle, getter="createJobHandle", stateful=True)
class JobHandleService(StatefulService):
    """One job at a time: the one submitted or attached last."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._job_id: int | None = None

    def submit(self, job: IObject, call: Call) -> int:
        """Save a new job and handle it. Nothing runs it: jobs that run come from processors."""
        self._job_id = submit_job(call, job)
        return self._job_id

    def attach(self, job_id: int, call: Call) -> IObject:
        """Handle a job that is there; its status.

        Raises:
            ApiUsageException: there is none that the caller may read.
        """
        self._job_id = job_id
        return self.jobStatus(call)

    def _row(self, call: Call) -> sqlite3.Row:
        if self._job_id is None:
            raise api_usage("JobHandle not ready: Please submit() or attach() to a Job.")
        return job_row(call, self._job_id)

    # -- what it is

    def getJob(self, call: Call) -> IObject:
        """With its status and its files."""
        job_id = self._row(call)["id"]
        return call.store.objects(_JOB, call.in_group(ALL_GROUPS).caller, id=job_id)[0]

    def jobStatus(self, call: Call) -> IObject:
        return call.store.get("JobStatus", self._row(call)["status_id"], call.caller)

    def jobFinished(self, call: Call) -> RType:
        """When it ended, None before."""
        finished = self._row(call)["finished"]
        return None if finished is None else rtime(finished)

    def jobMessage(self, call: Call) -> str:
        return str(self._row(call)["message"])

    def jobRunning(self, call: Call) -> bool:
        return bool(self._row(call)["status"] == Status.RUNNING)

    def jobError(self, call: Call) -> bool:
        return bool(self._row(call)["status"] == Status.ERROR)

    # -- what becomes of it

    def cancelJob(self, call: Call) -> None:
        """Say that it is cancelled; a script is ended through its process."""
        self.setStatus(Status.CANCELLED, call)

    def setStatus(self, status: str, call: Call) -> str:
        """Change its status; what it was."""
        row = self._row(call)
        set_status(self.server, call.caller, row["id"], status)
        return str(row["status"])

    def setMessage(self, message: str, call: Call) -> str:
        """Change its message; what it was."""
        row = self._row(call)
        set_message(self.server, call.caller, row["id"], message)
        return str(row["message"])

    def setStatusAndMessage(self, status: str, message: RType, call: Call) -> str:
        """Change both; what the status was. A null message stays as it is."""
        text = unwrap(message)
        if text is not None:
            self.setMessage(text, call)
        return self.setStatus(status, call)
