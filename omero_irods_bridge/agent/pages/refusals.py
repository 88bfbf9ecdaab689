"""What cannot be done, as a page: what, the code, and what to do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from omero_irods_bridge.agent.http.problems import defect, status_of, told_of_database
from omero_irods_bridge.agent.http.sign_in import NotSignedIn
from omero_irods_bridge.agent.pages.rendering import go_to, page
from omero_irods_bridge.model.errors import BridgeError

Handler = Callable[[Request, Any], Awaitable[Response]]

_OF_THE_BRIDGE: Final = (BridgeError, SQLAlchemyError, HTTPException, RequestValidationError)
_NOT_HERE: Final = ("There is no such page.", "Start from the list of jobs.")


class PageRoute(APIRoute):
    """A route whose errors are pages, and where who is not signed in is asked to do so."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """As FastAPI wants it."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except NotSignedIn:
                return ask_to_sign_in(request)
            except _OF_THE_BRIDGE as error:
                return refusal(request, error)

        return answered


def ask_to_sign_in(request: Request) -> Response:
    """The way to the sign-in, and back here afterwards.

    A browser that follows a link from elsewhere, such as from a mail, keeps a strict cookie to itself: it is
    sent here once more, from here.
    """
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        return page(request, "again.html", where=where)
    return go_to(f"/sign-in?next={quote(where if request.method == 'GET' else '/jobs')}")


def refusal(request: Request, error: Exception) -> HTMLResponse:
    """The page that says what is wrong."""
    status, code, title, hint = _told(error)
    return page(request, "error.html", status=status, code=code, number=status, title=title, hint=hint)


def _told(error: Exception) -> tuple[int, str, str, str]:
    if isinstance(error, BridgeError):
        return status_of(error), error.code, error.message, error.hint
    if isinstance(error, SQLAlchemyError):
        return told_of_database(error)
    if isinstance(error, RequestValidationError):
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5])
        return HTTPStatus.UNPROCESSABLE_ENTITY, "usage", told, "Check the address."
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return error.status_code, "not-found", *_NOT_HERE
    return error.status_code, "http", str(error.detail), ""


def errors_as_pages(app: FastAPI) -> None:
    """Have what is not there, and what nobody foresaw, told as a page, unless a program asked the API."""
    for kind in (HTTPException, Exception):
        app.add_exception_handler(kind, _as_page_or(app.exception_handlers[kind]))


def _as_page_or(tell_programs: Callable[[Request, Any], Any]) -> Handler:
    async def of_error(request: Request, error: Exception) -> Response:
        if _is_for_programs(request):
            answer: Response = await tell_programs(request, error)
            return answer
        return refusal(request, error if isinstance(error, HTTPException) else defect())

    return of_error


def _is_for_programs(request: Request) -> bool:
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.url.path.startswith("/api/") or not wants_page
