"""What services have in common."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from omero_irods_sandbox.omero_server.errors import internal_error
from omero_irods_sandbox.omero_server.sessions.event_context import event_context

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session
    from omero_irods_sandbox.omero_server.store.store import Store


class Service:
    """A stateless service, one object for each client of a session.

    Operations are methods with the slice's names and arguments, and a Call
    behind them. Several threads may be in them at once.
    """

    def __init__(self, server: OmeroServer, session: Session) -> None:
        self.server = server
        self.session = session

    @property
    def store(self) -> Store:
        return self.server.store


class StatefulService(Service):
    """A service with a state: one object for each time that a client asks for one."""

    has_hibernate_session: ClassVar[bool] = False
    """Whether it keeps one between calls, and so is for one call at a time."""

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._is_busy = threading.Lock()
        self.identity: Any = None
        """Its name on the wire, set when it is published."""
        self._ending = threading.Lock()
        self._has_ended = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One call.

        SessionHandler of omero-server lets two threads into one Hibernate session, which breaks at one place
        or another, and refuses a third; here it is the second one, so that it always shows.

        Raises:
            InternalException: another call is under way.
        """
        if not self.has_hibernate_session:
            yield
            return
        if not self._is_busy.acquire(blocking=False):
            raise internal_error(
                "Hibernate session is not re-entrant.\n"
                "Either you have two threads operating on the same stateful object (don't do this)\n"
                " or you have a recursive call (recurse on the unwrapped object). "
            )
        try:
            yield
        finally:
            self._is_busy.release()

    def on_close(self) -> None:
        """Called when the service ends, by its client, with its session or with the server."""
        with self._ending:
            if self._has_ended:
                return
            self._has_ended = True
        self.release()

    def release(self) -> None:
        """Override it to give files back. Called exactly once."""

    def activate(self, call: Call) -> None:
        """Java's way of swapping state out; nothing to do."""

    def passivate(self, call: Call) -> None:
        """See :meth:`activate`."""

    def getCurrentEventContext(self, call: Call) -> Any:
        return event_context(call)

    def close(self, call: Call) -> None:
        """End the service; its proxy is of no use any more."""
        call.session.withdraw(self.identity)
