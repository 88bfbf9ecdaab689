"""Requests of omero.cmd: who answers which, and how they fail."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.dispatch.call import check_permitted_group
from omero_irods_sandbox.omero_server.errors import message_of
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


class Cancelled(Exception):
    """The client gave the request up."""


class Progress:
    """Steps of a request: how many there are, and how many are done."""

    def __init__(self) -> None:
        self.steps = 1
        self.done = 0
        self.is_cancelled = False

    def expect(self, steps: int) -> None:
        """Say how many steps there will be."""
        self.steps = steps

    def step(self) -> None:
        """One step is done.

        Raises:
            Cancelled: the client does not want the others.
        """
        self.done += 1
        if self.is_cancelled:
            raise Cancelled


_IN_ALL_GROUPS: Final = (omero.cmd.Delete2, omero.cmd.Chgrp2, omero.cmd.Chown2)
"""Requests that look into all groups, whichever the caller is in (GraphRequest.getCallContext)."""

Command = Callable[[Any, "Call", Progress], Any]

_COMMANDS: Final[dict[str, Command]] = {}


class CommandFailed(Exception):
    """A request that fails as its client expects: with an ERR, or a class derived from it.

    ``name`` is what programs look at; ``message`` is among the parameters, where
    clients look for it.
    """

    def __init__(
        self,
        name: str,
        message: str,
        *,
        category: str | None = None,
        parameters: Mapping[str, str] | None = None,
        response: Callable[..., Any] = omero.cmd.ERR,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.category = category
        self.parameters = dict(parameters or {})
        self._response = response

    def response(self, request: Any) -> Any:
        """What the client gets."""
        category = self.category or request.ice_id()
        parameters = {"message": self.message, "stacktrace": ""} | self.parameters
        extra = () if self._response is omero.cmd.ERR else (self.message,)
        return self._response(category, self.name, parameters, *extra)


def graph_failed(message: str, name: str = "graph-fail") -> CommandFailed:
    """A graph request that cannot be: GraphException."""
    return CommandFailed(name, message, response=omero.cmd.GraphException)


def command(request_class: type) -> Callable[[Command], Command]:
    """Register a function for a class of requests."""

    def register(function: Command) -> Command:
        name = request_class.ice_staticId()  # type: ignore[attr-defined]  # all slice classes have it
        if name in _COMMANDS:
            raise ValueError(f"{name} has two commands")
        _COMMANDS[name] = function
        return function

    return register


def execute(request: Any, call: Call, progress: Progress) -> Any:
    """Run a request here and now; its response.

    Raises:
        CommandFailed: and whatever else the command raises.
    """
    run = next((_COMMANDS[name] for name in _names(request) if name in _COMMANDS), None)
    if run is None:
        return omero.cmd.Unknown("unknown", request.ice_id(), {})
    if isinstance(request, _IN_ALL_GROUPS):
        check_permitted_group(call.session, ALL_GROUPS)
    return run(request, call, progress)


def _names(request: Any) -> list[str]:
    """The slice classes of a request, its own first."""
    return [class_.ice_staticId() for class_ in type(request).__mro__ if hasattr(class_, "ice_staticId")]


def failure(request: Any, error: Exception) -> Any:
    """The response for what a command raised."""
    if isinstance(error, CommandFailed):
        return error.response(request)
    if isinstance(error, Cancelled):
        return CommandFailed("cancel-called", "the request was cancelled").response(request)
    parameters = {
        "message": message_of(error),
        "exception": type(error).__name__,
        "stacktrace": "".join(traceback.format_exception(error)),
    }
    return omero.cmd.ERR(request.ice_id(), "error", parameters)
