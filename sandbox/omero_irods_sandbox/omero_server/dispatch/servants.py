"""Servants made from a slice skeleton and an object whose methods are named like its operations.

Whether an operation is answered asynchronously (AMD), and whether it returns anything, is taken
from omero-py (omero-wire.md, pitfall 3), so that no service has to know.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import Glacier2
import Ice
import omero

from omero_irods_sandbox.omero_server.dispatch.call import call_of
from omero_irods_sandbox.omero_server.errors import internal_error, message_of
from omero_irods_sandbox.omero_server.faults import ConnectionCut
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import Current

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

log = logging.getLogger(__name__)

_MARK: Final = "_op_"

_KNOWN_ERRORS: Final = (
    omero.ServerError,
    Ice.UserException,
    Glacier2.PermissionDeniedException,
    Ice.ObjectNotExistException,
    Ice.UnknownLocalException,
)


class Dispatcher:
    """Calls the methods of ``implementation`` for one servant."""

    def __init__(self, server: OmeroServer, interface: str, implementation: object) -> None:
        self._server = server
        self._interface = interface
        self._implementation = implementation
        self._needs_session = getattr(implementation, "needs_session", True)
        self._turn = getattr(implementation, "turn", nullcontext)

    def invoke(self, operation: str, arguments: tuple[Any, ...], current: Current) -> Any:
        """The operation's result; what is raised is what the client gets."""
        name = f"{self._interface}.{operation}"
        try:
            self._server.counters.count_call(name)
            with self._turn():
                self._server.faults.before_call(name)
                method = self._method(operation)
                call = call_of(self._server, current) if self._needs_session else current
                return method(*arguments, call)
        except _KNOWN_ERRORS as error:
            log.debug("%s: %s: %s", name, type(error).__name__, message_of(error))
            raise
        except ConnectionCut:
            current.con.close(True)
            raise internal_error("injected fault: connection cut") from None
        except Exception as error:
            log.exception("%s failed", name)
            raise internal_error(f"{type(error).__name__}: {error}", trace=traceback.format_exc()) from error

    def _method(self, operation: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(self._implementation, operation, None)
        if method is None:
            raise internal_error(f"{self._interface}.{operation} is not implemented by the embedded server")
        return method


def servant(server: OmeroServer, skeleton: type, implementation: object) -> Any:
    """An Ice servant of ``skeleton`` that ``implementation`` answers for."""
    return _servant_class(skeleton)(Dispatcher(server, skeleton.__name__, implementation))


@cache
def _servant_class(skeleton: type) -> type:
    methods: dict[str, Any] = {"__init__": _set_dispatcher}
    for operation, interface in _operations(skeleton).items():
        if operation.startswith("ice_"):
            continue  # the skeleton answers these itself: overriding them would break checkedCast
        is_void = operation in MODEL.void_operations.get(interface, ())
        if hasattr(skeleton, f"{operation}_async"):
            methods[f"{operation}_async"] = _answered_later(operation, is_void=is_void)
        else:
            methods[operation] = _answered_at_once(operation)
    return type(f"{skeleton.__name__}Servant", (skeleton,), methods)


def _operations(skeleton: type) -> dict[str, str]:
    """Operation -> interface that declares it, with the inherited ones."""
    found: dict[str, str] = {}
    for class_ in skeleton.__mro__:
        for name in vars(class_):
            if name.startswith(_MARK):
                found.setdefault(name.removeprefix(_MARK), class_.__name__)
    return found


def _set_dispatcher(self: Any, dispatcher: Dispatcher) -> None:
    self.dispatcher = dispatcher


def _answered_later(operation: str, *, is_void: bool) -> Callable[..., None]:
    def answer(self: Any, callback: Any, *arguments: Any) -> None:
        try:
            result = self.dispatcher.invoke(operation, arguments[:-1], arguments[-1])
        except Exception as error:  # noqa: BLE001  # Ice sends it to the client
            callback.ice_exception(error)
            return
        if is_void:
            callback.ice_response()
        else:
            callback.ice_response(result)

    return answer


def _answered_at_once(operation: str) -> Callable[..., Any]:
    def answer(self: Any, *arguments: Any) -> Any:
        return self.dispatcher.invoke(operation, arguments[:-1], arguments[-1])

    return answer
