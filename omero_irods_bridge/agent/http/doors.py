"""Who asks, and what for: a token of a service, a session in OMERO, or the cookie of the page."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from omero_irods_bridge.agent.auditing import audit
from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http.origins import check_origin
from omero_irods_bridge.agent.http.sign_in import NotSignedIn, SignIn
from omero_irods_bridge.agent.http.tokens import KnownTokens, Scope
from omero_irods_bridge.model.errors import AccessDenied

SESSION_HEADER: Final = "X-OMERO-Session"

_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]{1,200})", re.ASCII | re.IGNORECASE)
_NO_TOKEN: Final = "There is no valid token."  # noqa: S105 -- what is said of it
_HOW: Final = "Send Authorization: Bearer TOKEN, or X-OMERO-Session: KEY, or sign in at /api/v1/session."


async def who_asks(request: Request, *scopes: Scope) -> Requester:
    """Whoever sent the request: a service whose token has one of these scopes, or a user for what is his own.

    The first of token, session and cookie that is there counts, and has to be good.

    Raises:
        NotSignedIn: nobody, or somebody whose token, session or cookie is not good any more.
        AccessDenied: a token without the scope, a user whom the agent does not let in, or a page of others.
        Unreachable: OMERO cannot be asked whose session it is.
        TooManyAttempts: too many were wrong.
    """
    if "authorization" in request.headers:
        return _service(request, scopes)
    sign_in: SignIn | None = request.app.state.sign_in
    if sign_in is None:
        raise NotSignedIn(_NO_TOKEN, hint="Send: Authorization: Bearer TOKEN")
    key = request.headers.get(SESSION_HEADER)
    if key is not None:
        return await sign_in.by_session(key, address_of(request))
    user = await run_in_threadpool(sign_in.cookies.user_of, request.cookies)
    if user is None:
        raise NotSignedIn("You are not signed in.", hint=_HOW)
    check_origin(request)
    return sign_in.requester(user)


def address_of(request: Request) -> str:
    """Where the request comes from; behind a proxy on this computer, what that says."""
    return request.client.host if request.client else ""


def _service(request: Request, scopes: tuple[Scope, ...]) -> Requester:
    tokens: KnownTokens = request.app.state.tokens
    match = _BEARER.fullmatch(request.headers["authorization"])
    service = tokens.service_of(match[1]) if match else None
    if service is None:
        raise NotSignedIn(_NO_TOKEN, hint=_HOW)
    if service.scopes.isdisjoint(scopes):
        refused = f"The token of {service.name} has not the scope {' or '.join(scopes)}."
        audit(f"token:{service.name}", f"{request.method} {request.url.path}", refused=refused)
        raise AccessDenied(refused)
    return Requester(f"token:{service.name}", is_admin=True, is_service=True)


class Door:
    """Lets in a service whose token has one of these scopes, and users; these get at their own jobs alone."""

    def __init__(self, *scopes: Scope) -> None:
        self._scopes = scopes

    async def __call__(self, request: Request) -> Requester:
        """See :func:`who_asks`."""
        return await who_asks(request, *self._scopes)


class AdministratorsDoor(Door):
    """Lets in such a service, and users whom ``admins`` of users.toml names."""

    async def __call__(self, request: Request) -> Requester:
        """See :func:`who_asks`."""
        found = await super().__call__(request)
        found.check_admin()
        return found


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


TheDesk = Annotated[Desk, Depends(_desk)]
Submitter = Annotated[Requester, Depends(Door(Scope.SUBMIT))]
Reader = Annotated[Requester, Depends(Door(Scope.READ))]
Keeper = Annotated[Requester, Depends(Door(Scope.MANAGE))]
Waker = Annotated[Requester, Depends(AdministratorsDoor(Scope.WAKE, Scope.SUBMIT))]
Admin = Annotated[Requester, Depends(AdministratorsDoor(Scope.MANAGE))]
"""A service with the scope ``manage``, or a user whom ``admins`` of users.toml names."""
