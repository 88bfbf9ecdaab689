"""Sign in and out, by forms."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from omero_irods_bridge.agent.http.doors import address_of
from omero_irods_bridge.agent.http.origins import check_origin
from omero_irods_bridge.agent.http.problems import status_of
from omero_irods_bridge.agent.http.sign_in import NotSignedIn, SignIn
from omero_irods_bridge.agent.pages.forms import Posted
from omero_irods_bridge.agent.pages.refusals import PageRoute
from omero_irods_bridge.agent.pages.rendering import go_to, page
from omero_irods_bridge.model.errors import AccessDenied, BridgeError

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=Response)

_LONGEST: Final = 2_000


@router.get("/sign-in")
def ask(request: Request, next: str = "/jobs") -> Response:  # noqa: A002 -- as it is in the address
    """The form."""
    return _form(request, inside(next))


@router.post("/sign-in")
async def sign_in(request: Request, values: Posted) -> Response:
    """Sign in, and go where the reader wanted to."""
    where, user = inside(values.get("next", "")), values.get("user", "").strip()
    known: SignIn | None = request.app.state.sign_in
    if known is None:
        raise AccessDenied("Users cannot sign in at this agent.", hint="Tell its administrator.")
    check_origin(request)
    try:
        asker = await known.by_password(user[:100], values.get("password", "")[:1_000], address_of(request))
    except BridgeError as error:
        return _form(request, where, user, error)
    answer = go_to(where)
    known.cookies.set(answer, asker.user)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, _values: Posted) -> Response:
    """End it, here and for whoever has a copy of the cookie."""
    check_origin(request)
    answer = go_to("/sign-in")
    known: SignIn | None = request.app.state.sign_in
    if known is not None:
        known.sign_out(request.cookies, answer)
    return answer


def inside(where: str) -> str:
    """A path of this page, whatever the address said; nobody is led elsewhere."""
    is_path = where.startswith("/") and not where.startswith(("//", "/\\", "/sign-"))
    return where if is_path and where.isprintable() and len(where) <= _LONGEST else "/jobs"


def _form(request: Request, where: str, user: str = "", error: BridgeError | None = None) -> Response:
    if error is None:
        return page(request, "sign_in.html", next=where, user=user, error="")
    # What NotSignedIn hints at is for programs.
    text = error.message if isinstance(error, NotSignedIn) else f"{error.message} {error.hint}".strip()
    status = 401 if isinstance(error, NotSignedIn) else status_of(error)
    return page(request, "sign_in.html", status=status, next=where, user=user, error=text)
