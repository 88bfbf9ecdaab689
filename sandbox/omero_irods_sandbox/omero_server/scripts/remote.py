"""omero.grid.Process in front of a process that a user's own processor has started.

Clients of one server cannot call each other, so the server stands between them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from omero.rtypes import rint

from omero_irods_sandbox.omero_server.model.types import Proxy, RType
from omero_irods_sandbox.omero_server.scripts.callbacks import ProcessCallbacks, ask

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

log = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S: Final = 30.0


class RemoteProcess:
    """The user's program notices the end of a script when it is asked, and so do those who called back."""

    def __init__(self, process: Proxy) -> None:
        self.identity: Any = None
        self.proxy: Proxy = None
        self._process = process
        self._callbacks = ProcessCallbacks()
        self._return_code: int | None = None
        self._actions: list[Callable[[], None]] = []

    def _ask(self, operation: str, timeout_s: float = _ANSWER_TIMEOUT_S) -> Any:
        return ask(getattr(self._process, f"begin_{operation}"), timeout_s=timeout_s)

    def return_code(self) -> int | None:
        """None while it runs."""
        if self._return_code is None:
            answer = self._ask("poll")
            if answer is not None:
                self._finish(int(answer.val))
        return self._return_code

    def _finish(self, code: int) -> None:
        self._return_code = code
        self._callbacks.tell("processFinished", code)
        for action in self._actions:
            action()

    def when_done(self, action: Callable[[], None]) -> None:
        """Call ``action`` when somebody has asked and it had ended."""
        self._actions.append(action)

    def terminate(self) -> None:
        """End it, without waiting."""
        if self._return_code is not None:
            return
        try:
            self._process.begin_shutdown()
        except Exception as error:  # noqa: BLE001  # the program has gone, and the script with it
            log.info("a user's processor cannot be told to end a script: %s", error)

    def on_close(self) -> None:
        """Its session is over."""
        self.terminate()

    # -- operations

    def poll(self, call: Call) -> RType:
        code = self.return_code()
        return None if code is None else rint(code)

    def wait(self, call: Call) -> int:
        self._finish(int(self._ask("wait", call.server.config.script_timeout_s)))
        assert self._return_code is not None
        return self._return_code

    def cancel(self, call: Call) -> bool:
        has_ended = bool(self._ask("cancel"))
        self._callbacks.tell("processCancelled", has_ended)
        return has_ended

    def kill(self, call: Call) -> bool:
        has_ended = bool(self._ask("kill"))
        self._callbacks.tell("processKilled", has_ended)
        return has_ended

    def shutdown(self, call: Call) -> None:
        self.terminate()

    def registerCallback(self, callback: Proxy, call: Call) -> None:
        self._callbacks.add(callback, call)

    def unregisterCallback(self, callback: Proxy, call: Call) -> None:
        self._callbacks.remove(callback)
