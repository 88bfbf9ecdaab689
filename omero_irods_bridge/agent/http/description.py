"""The OpenAPI description of what is under ``/api/v1``, and of who lives and is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from omero_irods_bridge.agent.http.answers import Problem
from omero_irods_bridge.agent.http.cookies import COOKIE
from omero_irods_bridge.agent.http.doors import SESSION_HEADER
from omero_irods_bridge.agent.http.job_bodies import EXAMPLES, job_schema
from omero_irods_bridge.agent.http.problems import MEDIA_TYPE

JOBS: Final = "/api/v1/jobs"
SESSION: Final = "/api/v1/session"
WAKE: Final = "/api/v1/wake"

_ABOUT: Final = """\
Hand in jobs that pack, unpack and verify snapshots of OMERO in iRODS, and ask after them.

A service sends a token, a user a session of OMERO, or the cookie of the page. Errors are
`application/problem+json` with a `code` that keeps its meaning.
"""
_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "Of a service: `omero-irods agent token`."},
    "session": {
        "type": "apiKey",
        "in": "header",
        "name": SESSION_HEADER,
        "description": "The key of a session of the user in OMERO.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Of who signed in at /api/v1/session. What changes something needs an Origin, too.",
    },
}
_PROBLEMS: Final = {
    400: "The request is no HTTP, or its body no JSON.",
    401: "Nobody knows who asks.",
    403: "It is known who asks, and it is not for him: a token without the scope, somebody else's name.",
    404: "There is nothing like that, or it is somebody else's.",
    408: "The body took too long.",
    409: "It contradicts what is there: another job has this request_id, or somebody is at it.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "It is wrong in itself; `title` says where.",
    429: "Too many attempts to sign in failed, or streams are open; `Retry-After` says when to try again.",
    500: "Something went wrong in the agent; its log says what.",
    503: "The database, OMERO or iRODS does not answer; try again later.",
}
_ALWAYS: Final = (500, 503)
_OF_SIGNED_IN: Final = (401, 403, 429)
_OF_BODIES: Final = (400, 408, 413, 415, 422)


def describe(app: FastAPI) -> dict[str, Any]:
    """Made once for each application, and kept."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
        components = made.setdefault("components", {})
        components["securitySchemes"] = _SCHEMES
        _describe_bodies(made)
        for path, method, operation in _operations(made):
            _describe_operation(path, method, operation)
        schemas = components["schemas"]
        schemas["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _describe_bodies(made: dict[str, Any]) -> None:
    schema, parts = job_schema()
    made["components"].setdefault("schemas", {}).update(parts)
    content = {"application/json": {"schema": schema, "examples": EXAMPLES}}
    made["paths"][JOBS]["post"]["requestBody"] = {"required": True, "content": content}


def _describe_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    is_signed_in = path.startswith("/api/v1") and not (path == SESSION and method != "get")
    operation["security"] = [{name: []} for name in _SCHEMES] if is_signed_in else []
    for status in _statuses(path, method, operation, is_signed_in=is_signed_in):
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        described: dict[str, Any] = {"description": _PROBLEMS[status], "content": content}
        if status == 401:
            described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        if status == 429:
            described["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        operation["responses"][str(status)] = described
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _statuses(path: str, method: str, operation: dict[str, Any], *, is_signed_in: bool) -> set[int]:
    found = {*_ALWAYS}
    if is_signed_in or path == SESSION:
        found |= {*_OF_SIGNED_IN}
    if "requestBody" in operation:
        found |= {*_OF_BODIES}
    if operation.get("parameters"):
        found |= {422}
    if "{" in path or path.startswith(("/api/v1/snapshots", "/api/v1/queues", "/api/v1/health", "/readyz")):
        found |= {404}
    if path == WAKE:
        found |= {404, 409}
    if path.startswith(JOBS) and method != "get":
        found |= {409}
    return found
