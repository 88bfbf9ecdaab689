"""Jobs in the database: submitted, their status, the script they run. Source: JobBean of omero-server."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rstring, rtime, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    import sqlite3

    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer


class Status(StrEnum):
    """The values of JobStatus that a job may be set to, and those it begins with."""

    SUBMITTED = "Submitted"
    WAITING = "Waiting"
    RUNNING = "Running"
    FINISHED = "Finished"
    ERROR = "Error"
    CANCELLED = "Cancelled"


_ENDED: Final = frozenset({Status.FINISHED, Status.ERROR, Status.CANCELLED})


def as_owner(caller: Caller) -> Caller:
    """The caller with the right to write jobs, which users cannot save themselves (JobBean.secureSave)."""
    return replace(caller, is_internal=True)


def submit_job(call: Call, job: IObject) -> int:
    """Save a new job; what its submitter cannot decide is set. Its id.

    Raises:
        ApiUsageException: it shall begin as something else than submitted or waiting.
    """
    now = rtime(call.server.clock.now_ms())
    job.username = rstring(_user_name(call, call.caller.user_id))
    job.groupname = rstring(_group_name(call, call.caller.writing_group))
    job.type = rstring(call.caller.event_type)
    job.submitted, job.started, job.finished = now, None, None
    if job.scheduledFor is None or job.scheduledFor.val < now.val:
        job.scheduledFor = now
    job.status = _first_status(call, job.status)
    job.message = job.message or rstring("")
    with call.store.work(as_owner(call.caller)) as work:
        return work.save(job)


def _first_status(call: Call, wanted: IObject | None) -> IObject:
    value = Status.SUBMITTED if wanted is None else unwrap(wanted.value)
    if value is None and wanted is not None and wanted.id is not None:
        value = unwrap(call.store.get("JobStatus", wanted.id.val, call.caller).value)
    if value not in (Status.SUBMITTED, Status.WAITING):
        raise api_usage("Currently only SUBMITTED and WAITING are accepted as JobStatus")
    return omero.model.JobStatusI(call.store.enumeration("JobStatus", value), False)


def _user_name(call: Call, user_id: int) -> str:
    return str(call.store.database.value('select omeName from "Experimenter" where id = ?', user_id))


def _group_name(call: Call, group_id: int) -> str:
    return str(call.store.database.value('select name from "ExperimenterGroup" where id = ?', group_id))


def job_row(call: Call, job_id: int) -> sqlite3.Row:
    """A job that the caller may read, with the value of its status as ``status``.

    Raises:
        ApiUsageException: there is none.
    """
    if call.store.find("Job", job_id, call.in_group(ALL_GROUPS).caller) is None:
        raise api_usage(f"Unknown job:{job_id}")
    row = call.store.database.row(
        'select j.*, s.value as status from "Job" j join "JobStatus" s on s.id = j.status_id where j.id = ?',
        job_id,
    )
    assert row is not None
    return row


def set_status(server: OmeroServer, caller: Caller, job_id: int, status: str) -> None:
    """Change a job's status, and with it when it started or ended.

    Raises:
        ValidationException: no job can become that.
    """
    now = server.clock.now_ms()
    columns: dict[str, object] = {"status_id": server.store.enumeration("JobStatus", status)}
    if status == Status.RUNNING:
        columns["started"] = now
    elif status in _ENDED:
        columns["finished"] = now
    else:
        raise validation(f"Currently unsupported: {status}")
    with server.store.work(as_owner(caller)) as work:
        work.update("Job", job_id, **columns)


def set_message(server: OmeroServer, caller: Caller, job_id: int, message: str) -> None:
    """Say how a job is getting on."""
    with server.store.work(as_owner(caller)) as work:
        work.update("Job", job_id, message=message)


def linked_file(server: OmeroServer, job_id: int, name: str) -> int | None:
    """The file of a job with a name, e.g. ``stdout``."""
    found = server.store.database.value(
        'select f.id from "JobOriginalFileLink" l join "OriginalFile" f on f.id = l.child_id'
        " where l.parent_id = ? and f.name = ?",
        job_id,
        name,
    )
    return None if found is None else int(found)
