"""Errors over HTTP: ``application/problem+json`` (RFC 9457), with the codes of the bridge."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from omero_irods_bridge.agent.http.methods import allowed
from omero_irods_bridge.agent.http.throttle import TooManyAttempts
from omero_irods_bridge.model.errors import BridgeError

MEDIA_TYPE: Final = "application/problem+json"

_STATUSES: Final[Mapping[str, HTTPStatus]] = {
    "usage": HTTPStatus.UNPROCESSABLE_ENTITY,
    "bad-name": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not-found": HTTPStatus.NOT_FOUND,
    "access-denied": HTTPStatus.FORBIDDEN,
    "busy": HTTPStatus.CONFLICT,
    "conflict": HTTPStatus.CONFLICT,
    "unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
}


def problem(status: int, code: str, title: str, hint: str = "", **headers: str) -> JSONResponse:
    """The answer that says what failed and what to do."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "code": code}
    if hint:
        body["hint"] = hint
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body, status, named, MEDIA_TYPE)


def status_of(error: BridgeError) -> HTTPStatus:
    """The status of HTTP that comes nearest to an error."""
    if isinstance(error, TooManyAttempts):
        return HTTPStatus.TOO_MANY_REQUESTS
    return _STATUSES.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)


async def of_bridge(_request: Request, error: Exception) -> JSONResponse:
    """Of what the bridge refuses or fails at."""
    assert isinstance(error, BridgeError)
    return problem(status_of(error), error.code, error.message, error.hint)


async def ask_for_token(_request: Request, error: Exception) -> JSONResponse:
    """Of who is not signed in."""
    assert isinstance(error, BridgeError)
    status = HTTPStatus.UNAUTHORIZED
    return problem(status, error.code, error.message, error.hint, WWW_Authenticate="Bearer")


async def ask_to_wait(_request: Request, error: Exception) -> JSONResponse:
    """Of who failed to sign in too often."""
    assert isinstance(error, TooManyAttempts)
    status = HTTPStatus.TOO_MANY_REQUESTS
    return problem(status, error.code, error.message, error.hint, Retry_After=str(error.wait_s))


async def of_database(_request: Request, error: Exception) -> JSONResponse:
    """Of a database that does not answer, or has no room."""
    return problem(*told_of_database(error))


def told_of_database(error: Exception) -> tuple[HTTPStatus, str, str, str]:
    """Status, code, title and hint of what the database raised; what it says itself stays here."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if _is_full(error):
        title = "The disk of the agent's database is full: nothing was kept."
        return status, "no-space", title, "Ask the administrator of the agent to make room."
    return status, "unreachable", "The database of the agent does not answer.", "Try again later."


def _is_full(error: Exception) -> bool:
    """As SQLite and PostgreSQL (class 53, disk_full) say it."""
    said = getattr(error, "orig", None)
    return getattr(said, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(said, "sqlstate", "") == "53100"


async def of_http(request: Request, error: Exception) -> JSONResponse:
    """Of what the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed(request.app, request.scope))
    return problem(error.status_code, "http", str(error.detail), **headers)


async def of_anything(_request: Request, _error: Exception) -> JSONResponse:
    """Of a mistake of ours; what it was stays in the log."""
    error = defect()
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, error.message, error.hint)


def defect() -> BridgeError:
    """What is said of a mistake of ours."""
    hint = "Its log says more. Tell its administrator."
    return BridgeError("Something went wrong in the agent.", hint=hint)


async def of_validation(_request: Request, error: Exception) -> JSONResponse:
    """Of parameters; their values are not repeated."""
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "usage", told)
