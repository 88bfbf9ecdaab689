"""One session: its user and group, its limits, and all that it has published."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import Ice

from omero_irods_sandbox.omero_server.model.types import Proxy, RType
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.directory import Directory
from omero_irods_sandbox.omero_server.services.registry import DEFINITIONS, proxy_type

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer

Implementation = TypeVar("Implementation")


@dataclass(frozen=True, slots=True)
class Limits:
    """When a session ends by itself, in milliseconds; 0 is never."""

    idle_ms: int
    live_ms: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """Something that clients can call; it ends when its client leaves, and with the session."""

    identity: Any
    implementation: object
    client_id: str
    is_stateful: bool


@dataclass(eq=False)
class Session:
    """A session as the server keeps it; its row in the database is ``id``."""

    server: OmeroServer
    uuid: str
    id: int
    user_id: int
    group_id: int
    limits: Limits
    started_ms: int
    agent: str = ""
    sudoer_id: int | None = None
    permitted_groups: frozenset[int] | None = None
    """The only groups this session may use, when the owner of a group made it for a member."""
    event_type: str = "User"
    has_password: bool = False
    """Whether a password was given for it, now or at login: some things need that."""
    last_used_ms: int = 0
    is_closed: bool = False
    clients: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)
    """Clients that leave the session alive when they go."""
    closing: set[str] = field(default_factory=set)
    """Clients that end the session when they go, whoever else is in it."""
    callbacks: dict[str, Proxy] = field(default_factory=dict)
    inputs: dict[str, RType] = field(default_factory=dict)
    outputs: dict[str, RType] = field(default_factory=dict)
    _published: dict[str, Published] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def caller(self, directory: Directory) -> Caller:
        """The session's user in the session's group."""
        return directory.caller(
            self.user_id,
            self.group_id,
            session_id=self.id,
            sudoer_id=self.sudoer_id,
            event_type=self.event_type,
        )

    # -- publishing

    def publish(
        self,
        skeleton: type,
        implementation: object,
        label: str,
        *,
        client_id: str = "",
        name: str | None = None,
    ) -> Proxy:
        """Let clients call ``implementation`` as a ``skeleton``; a proxy of that type."""
        identity = Ice.Identity(name or f"{uuid.uuid4()}{client_id}{label}", self.uuid)
        if getattr(implementation, "identity", self) is None:
            implementation.identity = identity  # type: ignore[attr-defined]  # a StatefulService learns its name
        with self._lock:
            self._published[identity.name] = Published(identity, implementation, client_id, name is None)
        return proxy_type(skeleton).uncheckedCast(self.server.publish(skeleton, implementation, identity))

    def service_proxy(self, getter: str, client_id: str) -> Proxy:
        """What ``getter`` of the ServiceFactory returns; stateless services are made once a client."""
        definition = DEFINITIONS[getter]
        implementation = definition.implementation(self.server, self)
        label = f"omero.api.{definition.skeleton.__name__}"
        if definition.is_stateful:
            return self.publish(definition.skeleton, implementation, label, client_id=client_id)
        name = f"{client_id}{label}"
        with self._lock:
            known = self._published.get(name)
            if known is None:
                return self.publish(
                    definition.skeleton, implementation, label, client_id=client_id, name=name
                )
        return proxy_type(definition.skeleton).uncheckedCast(self.server.proxy(known.identity))

    def service(self, implementation: type[Implementation]) -> Implementation:
        """A service of this session for use within the server."""
        return implementation(self.server, self)  # type: ignore[call-arg]  # all services are made like this

    @property
    def active_services(self) -> list[str]:
        """The names of the stateful services that are open."""
        with self._lock:
            return [name for name, published in self._published.items() if published.is_stateful]

    def withdraw(self, identity: Any) -> None:
        """End one published object; nothing happens when it has ended already."""
        with self._lock:
            published = self._published.pop(identity.name, None)
        if published is not None:
            self.server.unpublish(published.identity)
            _end(published)

    def withdraw_all(self, client_id: str | None = None) -> None:
        """End what a client published, or everything."""
        with self._lock:
            ending = [one for one in self._published.values() if client_id in (None, one.client_id)]
            for published in ending:
                del self._published[published.identity.name]
        for published in ending:
            self.server.unpublish(published.identity)
            _end(published)

    def end_services(self) -> None:
        """Release what services hold, but leave their doors: a call then hears what became of the session."""
        with self._lock:
            ending = list(self._published.values())
        for published in ending:
            _end(published)


def _end(published: Published) -> None:
    end = getattr(published.implementation, "on_close", None)
    if end is not None:
        end()


def proxy_for(call: Call, skeleton: type, implementation: object, label: str) -> Proxy:
    """Publish for the client of a call."""
    return call.session.publish(skeleton, implementation, label, client_id=call.client_id)
