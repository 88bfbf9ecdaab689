"""Who runs scripts: the server its own, users theirs, in a program such as ``omero script serve``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import omero.grid
import omero.scripts
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.errors import internal_error, validation
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy, RType
from omero_irods_sandbox.omero_server.scripts.callbacks import ask
from omero_irods_sandbox.omero_server.scripts.process import LABEL, Process, Task
from omero_irods_sandbox.omero_server.scripts.remote import RemoteProcess

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

PARSED: Final = "omero.scripts.parse"
"""The output under which a script that is only parsed leaves its parameters."""

_PARSE_TIMEOUT_S: Final = 120.0
_START_TIMEOUT_S: Final = 120.0

_LAUNCH: Final = {"omero.launcher": "", "omero.process": "omero.processor.ProcessI"}
"""What a user's processor shall start a script with: its own Python."""


class Running(Protocol):
    """A process that a processor has started: omero.grid.Process, published in the session of the script."""

    proxy: Proxy

    def return_code(self) -> int | None:
        """None while it runs."""

    def terminate(self) -> None:
        """End it; nothing happens when it has ended."""

    def when_done(self, action: Callable[[], None]) -> None:
        """Call ``action`` when it has ended."""

    def poll(self, call: Call) -> RType: ...
    def wait(self, call: Call) -> int: ...
    def cancel(self, call: Call) -> bool: ...
    def kill(self, call: Call) -> bool: ...
    def shutdown(self, call: Call) -> None: ...
    def registerCallback(self, callback: Proxy, call: Call) -> None: ...
    def unregisterCallback(self, callback: Proxy, call: Call) -> None: ...


class Processor(Protocol):
    """Runs scripts of jobs in sessions made for them."""

    def parse(self, session: Session, job: IObject, script: IObject) -> Any:
        """The script's JobParams, None when it has not said them."""

    def run(self, session: Session, job: IObject, script: IObject, params: Any) -> Running:
        """Start it with the inputs of its session.

        Raises:
            ValidationException: they are not what the parameters ask for.
        """


class _SessionInputs:
    """As much of ISession as ``validate_inputs`` needs to set defaults."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def setInput(self, _session_uuid: str, key: str, value: RType) -> None:
        self._session.inputs[key] = value


class ServerProcessor:
    """Runs the server's own scripts as processes of this machine."""

    def __init__(self, server: OmeroServer) -> None:
        self._server = server

    def parse(self, session: Session, job: IObject, script: IObject) -> Any:
        process = self._start(session, job, script, None)
        try:
            process.await_end(_PARSE_TIMEOUT_S)
        finally:
            process.terminate()
        return unwrap_internal(session.outputs.get(PARSED))

    def run(self, session: Session, job: IObject, script: IObject, params: Any) -> Running:
        errors = omero.scripts.validate_inputs(params, session.inputs, _SessionInputs(session), session.uuid)
        if errors:
            raise validation(f"Invalid parameters:\n{errors}")
        return self._start(session, job, script, params)

    def _start(self, session: Session, job: IObject, script: IObject, params: Any) -> Process:
        path = self._server.storage.path_by_id(script.id.val)
        process = Process(Task(self._server, session, job.id.val, path, unwrap(script.hash), params))
        process.start()
        process.proxy = session.publish(omero.grid.Process, process, LABEL)
        return process


def unwrap_internal(value: RType) -> Any:
    """What is in an ``rinternal``, None for null."""
    return None if value is None else value.getValue()


class UserProcessor:
    """A processor in a user's program, reached through the connection which that program opened."""

    def __init__(self, proxy: Proxy, call: Call) -> None:
        back = call.connection.createProxy(proxy.ice_getIdentity())
        self.proxy = omero.grid.ProcessorPrx.uncheckedCast(back)
        self.session = call.session
        self.client_id = call.client_id
        self.is_admin = call.caller.is_admin

    @property
    def is_alive(self) -> bool:
        """Whether the program is still in its session."""
        return not self.session.is_closed and self.client_id in self.session.clients

    def serves(self, user_id: int) -> bool:
        """Only administrators run the scripts of others (ProcessorCallbackI.isProxyAccepted)."""
        return self.is_alive and (self.is_admin or self.session.user_id == user_id)

    def parse(self, session: Session, job: IObject, _script: IObject) -> Any:
        return self._ask(self.proxy.begin_parseJob, session.uuid, job, timeout_s=_PARSE_TIMEOUT_S)

    def run(self, session: Session, job: IObject, _script: IObject, params: Any) -> Running:
        """The program checks the inputs itself."""
        process = self._ask(
            self.proxy.begin_processJob, session.uuid, params, job, timeout_s=_START_TIMEOUT_S
        )
        back = self.proxy.ice_getConnection().createProxy(process.ice_getIdentity())
        remote = RemoteProcess(omero.grid.ProcessPrx.uncheckedCast(back))
        remote.proxy = session.publish(omero.grid.Process, remote, LABEL)
        return remote

    def _ask(self, begin: Any, *arguments: object, timeout_s: float) -> Any:
        try:
            return ask(begin, *arguments, timeout_s=timeout_s, context=_LAUNCH)
        except TimeoutError:
            raise internal_error(f"the processor does not answer within {timeout_s:.0f} s") from None
