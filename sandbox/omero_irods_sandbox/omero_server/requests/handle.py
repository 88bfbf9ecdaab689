"""omero.cmd.Handle: a request that runs on its own thread, and what its client asks about it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.cmd

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.model.types import Proxy
from omero_irods_sandbox.omero_server.requests.registry import (
    Cancelled,
    CommandFailed,
    Progress,
    execute,
    failure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

Run = Callable[[Call, Progress], Any]

_LABEL: Final = "omero.cmd.Handle"

CANCEL_TIMEOUT_S = 5.0
"""For which a client that cancels waits for the end of the step (HandleI of omero-blitz)."""


class Handle:
    """Runs one request. Callbacks are told when it is done, also those that come later."""

    def __init__(self, call: Call, request: Any, run: Run) -> None:
        self.identity: Any = None
        self._call = call
        self._request = request
        self._run = run
        self._progress = Progress()
        self._response: Any = None
        self._callbacks: list[Proxy] = []
        self._lock = threading.Lock()
        self._started_ms = call.server.clock.now_ms()
        self._stopped_ms = 0
        self._thread = threading.Thread(
            target=self._work, name=f"omero-{type(request).__name__}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def _work(self) -> None:
        try:
            response = self._run(self._call, self._progress)
        except Exception as error:
            if not isinstance(error, (CommandFailed, Cancelled)):
                log.info("%s failed", self._request.ice_id(), exc_info=True)
            response = failure(self._request, error)
        with self._lock:
            self._response = response
            self._stopped_ms = self._call.server.clock.now_ms()
            callbacks = list(self._callbacks)
        self._tell(callbacks)

    def _tell(self, callbacks: Sequence[Proxy]) -> None:
        status = self._status()
        for callback in callbacks:
            try:
                callback.begin_finished(self._response, status)
            except Exception as error:  # noqa: BLE001  # a client that has gone does not matter
                log.debug("nobody hears that a request is done: %s", error)

    def _status(self) -> Any:
        has_failed = isinstance(self._response, omero.cmd.ERR)
        return omero.cmd.Status(
            category=self._request.ice_id(),
            name=getattr(self._response, "name", "") if has_failed else "",
            flags=[omero.cmd.State.FAILURE] if has_failed else [],
            parameters=self._response.parameters if has_failed else {},
            steps=self._progress.steps,
            currentStep=self._progress.steps if self._response is not None else self._progress.done,
            startTime=self._started_ms,
            stopTime=self._stopped_ms,
        )

    # -- operations

    def addCallback(self, callback: Proxy, call: Call) -> None:
        """Through the client's own connection: it need not be reachable otherwise."""
        back = call.connection.createProxy(callback.ice_getIdentity())
        proxy = omero.cmd.CmdCallbackPrx.uncheckedCast(back)
        with self._lock:
            self._callbacks.append(proxy)
            is_done = self._response is not None
        if is_done:
            self._tell([proxy])

    def removeCallback(self, callback: Proxy, call: Call) -> None:
        identity = callback.ice_getIdentity()
        with self._lock:
            self._callbacks = [one for one in self._callbacks if one.ice_getIdentity() != identity]

    def getRequest(self, call: Call) -> Any:
        return self._request

    def getResponse(self, call: Call) -> Any:
        return self._response

    def getStatus(self, call: Call) -> Any:
        return self._status()

    def cancel(self, call: Call) -> bool:
        """Whether it was in time; the request stops before its next step.

        Raises:
            LockTimeout: that step did not end in time, and the request goes on (cancelWithoutNotification).
        """
        self._progress.is_cancelled = True
        self._thread.join(CANCEL_TIMEOUT_S)
        if self._thread.is_alive():
            self._progress.is_cancelled = False
            raise omero.LockTimeout("", "", "timed out while waiting on CANCELLED state", 5000, 5)
        return getattr(self._response, "name", "") == "cancel-called"

    def close(self, call: Call) -> None:
        """To close a handle early is to cancel it (HandleI.close)."""
        self._progress.is_cancelled = True
        call.session.withdraw(self.identity)

    def on_close(self) -> None:
        self._progress.is_cancelled = True


def submit(call: Call, request: Any, run: Run | None = None) -> Proxy:
    """Run a request on a thread of its own, by ``run`` or the registered command; its handle's proxy."""
    handle = Handle(call, request, run or (lambda call, progress: execute(request, call, progress)))
    published = call.session.publish(omero.cmd.Handle, handle, _LABEL, client_id=call.client_id)
    handle.start()
    return published


def run_to_end(call: Call, request: Any) -> Any:
    """Run a request here and now; its response, an ERR when it failed."""
    try:
        return execute(request, call, Progress())
    except Exception as error:  # noqa: BLE001  # becomes the response
        return failure(request, error)
