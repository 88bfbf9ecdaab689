"""Who asks: the token of a request, and what it is good for."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Depends, Request

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http.tokens import Scope, Tokens
from omero_irods_bridge.model.errors import AccessDenied

_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,200})", re.ASCII | re.IGNORECASE)


class NotSignedIn(AccessDenied):
    """There is no token, or one that nobody has."""

    code = "not-signed-in"


class Door:
    """Lets in whose token has this scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, request: Request) -> Requester:
        """Raises NotSignedIn, AccessDenied."""
        tokens: Tokens = request.app.state.tokens
        match = _BEARER.fullmatch(request.headers.get("authorization", ""))
        service = tokens.service_of(match[1]) if match else None
        if service is None:
            raise NotSignedIn("There is no valid token.", hint="Send: Authorization: Bearer TOKEN")
        if self._scope not in service.scopes:
            raise AccessDenied(f"The token of {service.name} has not the scope {self._scope}.")
        return Requester(f"token:{service.name}", is_admin=True)


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


TheDesk = Annotated[Desk, Depends(_desk)]
Submitter = Annotated[Requester, Depends(Door(Scope.SUBMIT))]
Reader = Annotated[Requester, Depends(Door(Scope.READ))]
Keeper = Annotated[Requester, Depends(Door(Scope.MANAGE))]
