"""omero.grid.ScriptProcess: what IScript.runScript returns. Source: ScriptProcessI of omero-blitz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.grid
from omero.rtypes import rmap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.scripts.interactive import InteractiveProcessor, acquire
from omero_irods_sandbox.omero_server.scripts.jobs import job_row, set_message
from omero_irods_sandbox.omero_server.sessions.session import proxy_for

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

LONGEST_RESULTS_WAIT_S: Final = 5
"""getResults does not wait longer."""

_LABEL: Final = "ScriptProcess"


def run_script(call: Call, script_id: int, inputs: Mapping[str, RType], seconds: float) -> Proxy:
    """Start a script with these inputs.

    Raises:
        NoProcessorAvailable: nobody runs it.
        ValidationException: the inputs are not what its parameters ask for.
    """
    job = omero.model.ScriptJobI()
    job.linkOriginalFile(omero.model.OriginalFileI(script_id, False))
    processor = acquire(call, job, seconds)
    try:
        processor.execute(rmap(dict(inputs)), call)
    except BaseException:
        processor.close(call)
        raise
    return proxy_for(call, omero.grid.ScriptProcess, ScriptProcess(processor), _LABEL)


class ScriptProcess:
    """A running script with its job; what is asked of the process goes to the process."""

    def __init__(self, processor: InteractiveProcessor) -> None:
        self.identity: Any = None
        self._processor = processor
        self._process = processor.running

    def getJob(self, call: Call) -> IObject:
        return self._processor.getJob(call)

    def getResults(self, seconds: int, call: Call) -> Mapping[str, RType]:
        """The outputs of the script; a script that runs is not waited for, as in OMERO.

        Raises:
            ApiUsageException: it runs, its results were given out, or ``seconds`` is out of bounds.
        """
        if not 0 <= seconds <= LONGEST_RESULTS_WAIT_S:
            raise api_usage(f"Refusing to wait more than {LONGEST_RESULTS_WAIT_S} seconds: {seconds}")
        results: Mapping[str, RType] = self._processor.getResults(None, call).val
        return results

    def setMessage(self, message: str, call: Call) -> str:
        """Change the message of the job; what it was."""
        job_id = self._processor.getJob(call).id.val
        before = str(job_row(call, job_id)["message"])
        set_message(call.server, call.caller, job_id, message)
        return before

    def close(self, detach: bool, call: Call) -> None:
        """Let go; without ``detach`` the script ends."""
        self._processor.setDetach(detach, call)
        self._processor.close(call)
        call.session.withdraw(self.identity)

    # -- omero.grid.Process

    def poll(self, call: Call) -> RType:
        return self._process.poll(call)

    def wait(self, call: Call) -> int:
        return self._process.wait(call)

    def cancel(self, call: Call) -> bool:
        return self._process.cancel(call)

    def kill(self, call: Call) -> bool:
        return self._process.kill(call)

    def shutdown(self, call: Call) -> None:
        self._process.shutdown(call)

    def registerCallback(self, callback: Proxy, call: Call) -> None:
        self._process.registerCallback(callback, call)

    def unregisterCallback(self, callback: Proxy, call: Call) -> None:
        self._process.unregisterCallback(callback, call)
