"""omero.grid.Process: a script that runs as a process of this machine.

Source: omero.processor.ProcessI of omero-py.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omero.rtypes import rint

from omero_irods_sandbox.omero_server.errors import internal_error
from omero_irods_sandbox.omero_server.model.types import Proxy, RType
from omero_irods_sandbox.omero_server.scripts.callbacks import ProcessCallbacks
from omero_irods_sandbox.omero_server.scripts.environment import ScriptFolder, environment, properties
from omero_irods_sandbox.omero_server.scripts.jobs import Status, as_owner, set_status
from omero_irods_sandbox.omero_server.storage.checksums import checksum
from omero_irods_sandbox.omero_server.storage.files import DEFAULT_HASHER

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

log = logging.getLogger(__name__)

_GRACE_S: Final = 2.0
"""How long a script may take to end after SIGTERM."""

_END_S: Final = 30.0
"""How long to wait for the records of a script that was killed."""

PARSE_FORMAT: Final = "text/plain"

LABEL: Final = "Process"


@dataclass(frozen=True, slots=True)
class Task:
    """What shall run: a script on disk, for a job, in a session made for it.

    Without ``params`` it is to say its own.
    """

    server: OmeroServer
    session: Session
    job_id: int
    script: Path
    sha1: str | None
    params: Any = None


class Process:
    """A process, from its start to the record of its output. It ends with its session."""

    def __init__(self, task: Task) -> None:
        self.identity: Any = None
        self.proxy: Proxy = None
        self.callbacks = ProcessCallbacks()
        self._task = task
        self._folder = ScriptFolder()
        self._popen: subprocess.Popen[bytes] | None = None
        self._return_code: int | None = None
        self._is_cancelled = False
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] = []

    def start(self) -> None:
        """Run it.

        Raises:
            InternalException: the script is not the one that was recorded.
        """
        try:
            self._prepare()
            self._popen = self._launch()
        except BaseException:
            self._folder.remove()
            raise
        set_status(self._task.server, self._caller(), self._task.job_id, Status.RUNNING)
        threading.Thread(target=self._watch, name=f"omero-script-{self._task.job_id}", daemon=True).start()

    def _caller(self) -> Any:
        return as_owner(self._task.session.caller(self._task.server.directory))

    def _prepare(self) -> None:
        task, folder = self._task, self._folder
        shutil.copyfile(task.script, folder.script)
        found = checksum(folder.script, DEFAULT_HASHER)
        if found != task.sha1:
            raise internal_error(f"Sha1s don't match! expected {task.sha1}, found {found}")
        parse = {} if task.params is not None else {"omero.scripts.parse": "true"}
        folder.configure(parse | properties(task.server, task.session, task.job_id))

    def _launch(self) -> subprocess.Popen[bytes]:
        folder = self._folder
        with folder.stdout.open("wb") as stdout, folder.stderr.open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "./script"],
                cwd=folder.path,
                env=environment(folder.config, self._task.server.config.data),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    # -- the end

    def _watch(self) -> None:
        assert self._popen is not None
        code = self._popen.wait()
        try:
            self._record(code)
        except Exception:
            log.exception("the end of job %d cannot be recorded", self._task.job_id)
        finally:
            self._folder.remove()
            self._finish(code)

    def _finish(self, code: int) -> None:
        with self._lock:
            self._return_code = code
            self._ended.set()
            actions = list(self._actions)
        self.callbacks.tell("processFinished", code)
        for action in actions:
            action()

    def _record(self, code: int) -> None:
        """Output first: who sees that the job has ended looks for it."""
        params = self._task.params
        formats = (
            (PARSE_FORMAT, PARSE_FORMAT) if params is None else (params.stdoutFormat, params.stderrFormat)
        )
        for name, path, mimetype in zip(
            ("stdout", "stderr"), (self._folder.stdout, self._folder.stderr), formats, strict=True
        ):
            if mimetype and path.stat().st_size:
                self._link_output(name, path, mimetype)
        status = Status.FINISHED if code == 0 else Status.ERROR
        if self._is_cancelled:
            status = Status.CANCELLED
        set_status(self._task.server, self._caller(), self._task.job_id, status)

    def _link_output(self, name: str, path: Path, mimetype: str) -> None:
        server = self._task.server
        with server.store.work(self._caller()) as work:
            file_id = server.storage.create(
                work, name=name, path=f"{self._folder.path}/", mimetype=mimetype, content=path
            )
            work.insert("JobOriginalFileLink", parent_id=self._task.job_id, child_id=file_id)

    def when_done(self, action: Callable[[], None]) -> None:
        """Call ``action`` when it has ended and all is recorded; at once when it has."""
        with self._lock:
            if not self._ended.is_set():
                self._actions.append(action)
                return
        action()

    def await_end(self, timeout_s: float | None = None) -> int | None:
        """The return code, None when the time is over first."""
        self._ended.wait(timeout_s)
        return self._return_code

    def return_code(self) -> int | None:
        """None until its end is recorded."""
        return self._return_code

    def terminate(self) -> None:
        """End it: politely, then not. Returns when its end is recorded."""
        if self._ended.is_set() or self._popen is None:
            return
        self._send(signal.SIGTERM)
        if self.await_end(_GRACE_S) is None:
            self._send(signal.SIGKILL)
            self.await_end(_END_S)

    def on_close(self) -> None:
        """Its session is over."""
        self.terminate()

    def _send(self, number: signal.Signals) -> None:
        """Signal the script and all that it has started."""
        assert self._popen is not None
        self._is_cancelled = True
        if self._popen.poll() is None:
            try:
                os.killpg(self._popen.pid, number)
            except ProcessLookupError:
                log.debug("job %d ended just before it was signalled", self._task.job_id)

    # -- operations

    def poll(self, call: Call) -> RType:
        return None if self._return_code is None else rint(self._return_code)

    def wait(self, call: Call) -> int:
        code = self.await_end()
        assert code is not None
        return code

    def cancel(self, call: Call) -> bool:
        """Ask it to end; whether it has already."""
        if not self._ended.is_set():
            self._send(signal.SIGTERM)
            self.callbacks.tell("processCancelled", self._ended.is_set())
        return self._ended.is_set()

    def kill(self, call: Call) -> bool:
        """End it; whether it has already."""
        if not self._ended.is_set():
            self._send(signal.SIGKILL)
            self.callbacks.tell("processKilled", self._ended.is_set())
        return self._ended.is_set()

    def shutdown(self, call: Call) -> None:
        self.terminate()

    def registerCallback(self, callback: Proxy, call: Call) -> None:
        self.callbacks.add(callback, call)

    def unregisterCallback(self, callback: Proxy, call: Call) -> None:
        self.callbacks.remove(callback)
