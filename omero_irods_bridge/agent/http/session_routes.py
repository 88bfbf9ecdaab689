"""Sign in and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from omero_irods_bridge.agent.http.answers import SessionAnswer
from omero_irods_bridge.agent.http.doors import Reader, address_of
from omero_irods_bridge.agent.http.job_bodies import Name
from omero_irods_bridge.agent.http.origins import check_origin
from omero_irods_bridge.agent.http.sign_in import NotSignedIn, SignIn

router: Final = APIRouter(prefix="/api/v1/session", tags=["session"])


class Credentials(BaseModel):
    """A user of OMERO, and his password there; it is used once and kept nowhere."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    user: Annotated[Name, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=1_000, repr=False)]


@router.post("", response_model=SessionAnswer)
async def sign_in(request: Request, response: Response, credentials: Credentials) -> Any:
    """Sign in with a password of OMERO; the answer sets the cookie of the page."""
    known: SignIn | None = request.app.state.sign_in
    if known is None:
        raise NotSignedIn("Users cannot sign in here.", hint="Send: Authorization: Bearer TOKEN")
    if "origin" in request.headers:
        check_origin(request)
    asker = await known.by_password(credentials.user, credentials.password, address_of(request))
    known.cookies.set(response, asker.user)
    return {"user": asker.user, "admin": asker.is_admin}


@router.get("", response_model=SessionAnswer)
async def who_am_i(asker: Reader) -> Any:
    """Who is signed in."""
    return {"user": asker.user, "admin": asker.is_admin}


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
def sign_out(request: Request, response: Response) -> None:
    """End the sign-in of the cookie, and of each copy of it; done when there is none."""
    known: SignIn | None = request.app.state.sign_in
    if known is not None and request.cookies:
        check_origin(request)
        known.sign_out(request.cookies, response)
