"""Clients that want to hear what becomes of a process, and asking clients without waiting for ever."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal

import omero.grid

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.types import Proxy

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

log = logging.getLogger(__name__)

News = Literal["processFinished", "processCancelled", "processKilled"]


class ProcessCallbacks:
    """The callbacks of one process, each reached through the connection that its client opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: dict[tuple[str, str], Proxy] = {}

    def add(self, callback: Proxy, call: Call) -> None:
        """Tell this one from now on.

        Raises:
            ApiUsageException: there is none, or no connection to reach it by.
        """
        if callback is None or call.connection is None:
            raise api_usage(f"Failed to add callback: {callback}. Reason: Callback is invalid")
        back = call.connection.createProxy(callback.ice_getIdentity())
        with self._lock:
            self._callbacks[_key(callback)] = omero.grid.ProcessCallbackPrx.uncheckedCast(back)

    def remove(self, callback: Proxy) -> None:
        """Tell this one no more.

        Raises:
            ApiUsageException: it was never added.
        """
        with self._lock:
            if self._callbacks.pop(_key(callback), None) is None:
                raise api_usage("No callback registered with this id")

    def tell(self, news: News, value: int | bool) -> None:
        """Send without waiting: a client that has gone does not matter."""
        with self._lock:
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            try:
                getattr(callback, f"begin_{news}")(value)
            except Exception as error:  # noqa: BLE001  # see above
                log.debug("nobody hears %s: %s", news, error)


def _key(callback: Proxy) -> tuple[str, str]:
    identity = callback.ice_getIdentity()
    return identity.category, identity.name


def ask(
    begin: Callable[..., object],
    *arguments: object,
    timeout_s: float,
    context: Mapping[str, str] | None = None,
) -> Any:
    """The answer of a client to ``begin_xxx(*arguments)``.

    Raises:
        TimeoutError: it does not answer in time.
        Exception: what it answers with, or what happened to the connection.
    """
    answer: Future[Any] = Future()

    def answered(*values: object) -> None:
        answer.set_result(values[0] if values else None)

    begin(*arguments, _response=answered, _ex=answer.set_exception, _ctx=dict(context or {}))
    return answer.result(timeout_s)
