"""Waiting for what OMERO does on its own: an import, a deletion."""

from __future__ import annotations

import atexit
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import Ice
import omero
import omero.callbacks
import omero.clients

from omero_irods_bridge.model.errors import Interrupted
from omero_irods_bridge.model.events import CancelToken

LOOK_MS: Final = 500
"""Time after which to look for a cancellation and for steps; the end is told at once."""

_PATIENCE_S: Final = 60.0


def wait_for(
    client: Any,
    handle: Any,
    step: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> Any:
    """The omero.cmd.Response of a handle, an ERR too; the handle is closed. ``step`` hears done and total.

    However long it takes: OMERO reads all pixels of an import. The server is asked while waiting, which keeps
    the session alive and notices that the connection broke.

    Raises:
        Interrupted: somebody cancelled; the server was told and has stopped, if it did within a minute.
    """
    with _callback(client, handle) as callback:
        while not callback.block(LOOK_MS):
            if cancel is not None and cancel.is_cancelled:
                _stop(callback, handle)
                raise Interrupted("Stopped as asked.", hint="Run the same command again to go on.")
            status = handle.getStatus()
            if step is not None and status is not None:
                step(status.currentStep, status.steps)
            callback.poll()
        return callback.getResponse()


def _stop(callback: Any, handle: Any) -> None:
    """A step that has begun is not cut short by OMERO; what it saves must not come after a deletion.

    OMERO is told again and again: it forgets that it was, when the step does not end within seconds
    (HandleI.cancelWithoutNotification of omero-blitz), and would carry out the others.
    """
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(omero.LockTimeout):
            handle.cancel()
        if callback.block(LOOK_MS):
            return
        callback.poll()


@contextlib.contextmanager
def _callback(client: Any, handle: Any) -> Iterator[Any]:
    try:
        callback = omero.callbacks.CmdCallbackI(client, handle)
    except BaseException:
        with contextlib.suppress(Ice.Exception):
            handle.close()  # which cancels what nobody waits for
        raise
    try:
        yield callback
    finally:
        atexit.unregister(callback.event.setAtExit)  # else each import leaves an entry for ever
        with contextlib.suppress(Ice.Exception, omero.ServerError):
            callback.close(True)
