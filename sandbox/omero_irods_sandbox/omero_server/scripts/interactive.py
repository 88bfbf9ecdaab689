"""omero.grid.InteractiveProcessor: one job, its session, its process.

Source: InteractiveProcessorI of omero-blitz.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.grid
from omero.rtypes import rmap, robject, rstring

from omero_irods_sandbox.omero_server.errors import api_usage, message_of, validation
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.scripts.jobs import (
    Status,
    linked_file,
    set_message,
    set_status,
    submit_job,
)
from omero_irods_sandbox.omero_server.scripts.processors import Processor, Running
from omero_irods_sandbox.omero_server.scripts.script_files import script_of_job, text_of
from omero_irods_sandbox.omero_server.scripts.scripting import scripting_of
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.services.service import StatefulService
from omero_irods_sandbox.omero_server.sessions.registry import SessionRequest
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session, proxy_for

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_LABEL: Final = "InteractiveProcessor"
_AGENT: Final = "OMERO.scripts"
_EVENT_TYPE: Final = "Processing"
_LONGEST_MESSAGE: Final = 255
_PARSE_WAIT_S: Final = 10


def acquire(call: Call, job: IObject, seconds: float) -> InteractiveProcessor:
    """Save a job and find a processor for it; what can be done with it is published as ``.proxy``.

    Raises:
        NoProcessorAvailable: none took it; the job has failed then.
        ValidationException: it has no script that the caller may read, or several.
    """
    job.status = omero.model.JobStatusI()
    job.status.value = rstring(Status.WAITING)
    job_id = submit_job(call, job)
    saved = call.store.get("Job", job_id, call.in_group(ALL_GROUPS).caller)
    script = script_of_job(call, job_id, [], call.in_group(ALL_GROUPS).caller)
    try:
        processor = scripting_of(call.server).processors.take(call, saved, script, seconds)
    except omero.NoProcessorAvailable as error:
        _fail(call, job_id, message_of(error))
        raise
    interactive = InteractiveProcessor(call, processor, saved, script)
    interactive.proxy = proxy_for(call, omero.grid.InteractiveProcessor, interactive, _LABEL)
    return interactive


def _fail(call: Call, job_id: int, message: str) -> None:
    set_status(call.server, call.caller, job_id, Status.ERROR)
    set_message(call.server, call.caller, job_id, message[:_LONGEST_MESSAGE])


class InteractiveProcessor(StatefulService):
    """Runs its job, then gives out the results, then may run it again, until it is stopped.

    The session of the script is the caller's own, in the group of the call: a sudoer is not carried over.
    """

    def __init__(self, call: Call, processor: Processor, job: IObject, script: IObject) -> None:
        super().__init__(call.server, call.session)
        self.proxy: Proxy = None
        self._processor = processor
        self._job = job
        self._script = script
        self._session: Session | None = None
        self._params: Any = None
        self._running: Running | None = None
        self._is_detached = False
        self._is_stopped = False
        self._lock = threading.RLock()

    def _own_session(self, call: Call) -> Session:
        """The script's session, made when it is first needed."""
        if self._is_stopped:
            raise api_usage("This processor is stopped.")
        if self._session is None:
            live_ms = int(self.server.settings.get("omero.scripts.timeout"))
            self._session = self.server.sessions.create(
                SessionRequest(
                    call.caller.user_id,
                    call.caller.writing_group,
                    Limits(idle_ms=0, live_ms=live_ms),
                    agent=_AGENT,
                    event_type=_EVENT_TYPE,
                )
            )
        return self._session

    # -- the job

    def getJob(self, call: Call) -> IObject:
        return self._job

    def expires(self, call: Call) -> int:
        """When the script's session ends, in milliseconds since 1970."""
        session = self._session
        return 0 if session is None else session.started_ms + session.limits.live_ms

    def params(self, call: Call) -> Any:
        """The parameters of the script, which is run for it unless they are known.

        Raises:
            ValidationException: it does not say them; the message holds what it said instead.
        """
        with self._lock:
            if self._params is None:
                if isinstance(self._job, omero.model.ParseJob):
                    self._params = self._parse(call)
                else:
                    self._params = params_of(call, self._script)
            return self._params

    def _parse(self, call: Call) -> Any:
        found = self._processor.parse(self._own_session(call), self._job, self._script)
        if found is None:
            raise validation(self._what_it_said(call))
        return found

    def _what_it_said(self, call: Call) -> str:
        lines = [f"Can't find params for {self._script.id.val}!"]
        for name in ("stdout", "stderr"):
            file_id = linked_file(self.server, self._job.id.val, name)
            if file_id is None:
                lines.append(f"No {name}.")
            else:
                lines += [f"{name} is in file {file_id}:", text_of(call, file_id)]
        return "\n".join(lines)

    # -- running it

    def execute(self, inputs: RType, call: Call) -> Proxy:
        """Start the script.

        Raises:
            ApiUsageException: it runs, or has results that nobody has asked for.
            ValidationException: the inputs are not what its parameters ask for; the job has failed then.
        """
        with self._lock:
            if self._running is not None:
                raise api_usage("Process currently running.")
            session = self._own_session(call)
            session.inputs.update((inputs.val if inputs is not None else None) or {})
            params = self.params(call)
            try:
                self._running = self._processor.run(session, self._job, self._script, params)
            except omero.ValidationException as error:
                _fail(call, self._job.id.val, message_of(error))
                raise
            return self._running.proxy

    @property
    def running(self) -> Running:
        """The process.

        Raises:
            ApiUsageException: there is none, or its results were given out.
        """
        if self._running is None:
            raise api_usage("No current process.")
        return self._running

    def getResults(self, process: Proxy, call: Call) -> RType:
        """The outputs of a script that has ended, with its files ``stdout`` and ``stderr``.

        Raises:
            ApiUsageException: it runs, or its results were given out.
        """
        with self._lock:
            if self.running.return_code() is None:
                raise api_usage("Process still running.")
            assert self._session is not None
            results = dict(self._session.outputs)
            for name in ("stdout", "stderr"):
                file_id = linked_file(self.server, self._job.id.val, name)
                if file_id is not None:
                    results[name] = robject(omero.model.OriginalFileI(file_id, False))
            self._running = None
            return rmap(results)

    # -- the end

    def setDetach(self, detach: bool, call: Call) -> bool:
        """Whether to let the script run on when this ends; what it was until now."""
        with self._lock:
            before, self._is_detached = self._is_detached, detach
            return before

    def stop(self, call: Call) -> None:
        """End the script and its session, unless it is detached."""
        self.on_close()

    def release(self) -> None:
        with self._lock:
            self._is_stopped = True
            session, running = self._session, self._running
        if session is None:
            return
        if self._is_detached and running is not None:
            running.when_done(lambda: _close(session))
            return
        if running is not None:
            running.terminate()
        _close(session)


def _close(session: Session) -> None:
    session.server.sessions.close(session.uuid)


def params_of(call: Call, script: IObject) -> Any:
    """The parameters of a script, by its id and checksum (ParamsCache of omero-blitz).

    Raises:
        NoProcessorAvailable: they are not known, and nobody can run the script.
        ValidationException: it does not say them.
    """
    known = scripting_of(call.server).params
    key = (script.id.val, script.hash.val if script.hash is not None else "")
    if key not in known:
        found = _parse_anew(call, script)
        if omero.constants.namespaces.NSDYNAMIC in (found.namespaces or ()):
            return found
        known[key] = found
    return known[key]


def _parse_anew(call: Call, script: IObject) -> Any:
    job = omero.model.ParseJobI()
    job.message = rstring(f"Parsing script {script.id.val}")
    job.linkOriginalFile(omero.model.OriginalFileI(script.id.val, False))
    parsing = acquire(call, job, _PARSE_WAIT_S)
    try:
        found = parsing.params(call)
    finally:
        parsing.close(call)
    _forget_job(call, parsing.getJob(call).id.val)
    return found


def _forget_job(call: Call, job_id: int) -> None:
    """Parameters are kept in memory, so the job that found them is of no more use."""
    links = call.store.database.tuples('select id from "JobOriginalFileLink" where parent_id = ?', [job_id])
    with call.store.work(call.server.internal_caller()) as work:
        work.delete("JobOriginalFileLink", [int(row[0]) for row in links])
        work.delete("ParseJob", [job_id])
