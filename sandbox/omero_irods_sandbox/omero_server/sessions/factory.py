"""omero.api.ServiceFactory: a client's door into its session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.requests.handle import submit
from omero_irods_sandbox.omero_server.services.registry import DEFINITIONS, getter_of


class ServiceFactory:
    """The operations of a session. ``getXService`` and ``createX`` come from the registry of services."""

    def __getattr__(self, name: str) -> Callable[[Call], Proxy]:
        if name not in DEFINITIONS:
            raise AttributeError(name)
        return lambda call: call.session.service_proxy(name, call.client_id)

    def getByName(self, name: str, call: Call) -> Proxy:
        return self._by_name(name, call)

    def createByName(self, name: str, call: Call) -> Proxy:
        return self._by_name(name, call)

    def _by_name(self, name: str, call: Call) -> Proxy:
        getter = getter_of(name)
        if getter is None:
            raise api_usage(f"there is no service {name}")
        return call.session.service_proxy(getter, call.client_id)

    # -- the session's group

    def getSecurityContexts(self, call: Call) -> list[IObject]:
        """The caller's groups."""
        found = (call.store.find("ExperimenterGroup", group, call.caller) for group in call.caller.member_of)
        return [group for group in found if group is not None]

    def setSecurityContext(self, group: IObject, call: Call) -> IObject:
        """Work in another group from now on; the group until now.

        Raises:
            SecurityViolation: services with a state are open, or the user is not in the group.
        """
        session, caller = call.session, call.caller
        if session.active_services:
            raise security_violation(f"close these services first: {', '.join(session.active_services)}")
        group_id = group.id.val
        if not (caller.is_admin or caller.is_in(group_id)) or group_id not in caller.groups:
            raise security_violation(f"User {caller.user_id} is not a member of group {group_id}")
        before, session.group_id = session.group_id, group_id
        return omero.model.ExperimenterGroupI(before, False)

    def setSecurityPassword(self, password: str, call: Call) -> None:
        if not call.server.passwords.check(call.session.user_id, password):
            raise security_violation("Bad password")
        call.session.has_password = True

    # -- the client

    def setCallback(self, callback: Proxy, call: Call) -> None:
        """Remember how to reach the client: through the connection it has opened."""
        if callback is not None and call.connection is not None:
            back = call.connection.createProxy(callback.ice_getIdentity())
            call.session.callbacks[call.client_id] = omero.api.ClientCallbackPrx.uncheckedCast(back)

    def keepAlive(self, proxy: Proxy, call: Call) -> bool:
        """To be called is to be alive."""
        return True

    def keepAllAlive(self, proxies: list[Proxy], call: Call) -> int:
        """A bit for each proxy that is alive."""
        return (1 << len(proxies)) - 1

    def activeServices(self, call: Call) -> list[str]:
        return call.session.active_services

    def closeOnDestroy(self, call: Call) -> None:
        """End the session when this client goes."""
        call.session.detached.discard(call.client_id)
        call.session.closing.add(call.client_id)

    def detachOnDestroy(self, call: Call) -> None:
        """Leave the session alive when this client goes."""
        call.session.closing.discard(call.client_id)
        call.session.detached.add(call.client_id)

    def destroy(self, call: Call) -> None:
        """The client goes."""
        call.server.sessions.leave(call.client_id)

    def subscribe(self, topic: str, proxy: Proxy, call: Call) -> None:
        """Topics of a grid; there is none."""

    def submit(self, request: Any, call: Call) -> Proxy:
        return submit(call, request)
