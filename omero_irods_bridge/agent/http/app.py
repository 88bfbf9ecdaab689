"""The application: what is under ``/api/v1``, and around it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from omero_irods_bridge import __version__
from omero_irods_bridge.agent import metrics
from omero_irods_bridge.agent.auditing import AskedFrom
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http import (
    health_routes,
    job_routes,
    problems,
    session_routes,
    view_routes,
    wake_routes,
)
from omero_irods_bridge.agent.http.description import describe
from omero_irods_bridge.agent.http.headers import Headers
from omero_irods_bridge.agent.http.limits import Limits
from omero_irods_bridge.agent.http.methods import Methods
from omero_irods_bridge.agent.http.sign_in import NotSignedIn
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.http.streaming import Streams
from omero_irods_bridge.agent.http.throttle import TooManyAttempts
from omero_irods_bridge.agent.http.tokens import KnownTokens
from omero_irods_bridge.agent.pages.routes import add_pages
from omero_irods_bridge.model.errors import BridgeError


def create_app(desk: Desk, tokens: KnownTokens, site: Site | None = None) -> FastAPI:
    """The application over a desk. It keeps no job of its own; several may run beside each other.

    Without ``site``, or with one without ``sign_in``, only services with a token are let in.
    """
    app = _application()
    app.state.desk, app.state.tokens, app.state.streams = desk, tokens, Streams()
    (site or Site()).set_on(app)
    return app


def description() -> dict[str, Any]:
    """The OpenAPI description of the application, whatever it is over."""
    return _application().openapi()


def _application() -> FastAPI:
    app = _Application(
        title="omero-irods agent", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    _handle_errors(app)
    for routes in (job_routes, session_routes, view_routes, health_routes, metrics, wake_routes):
        app.include_router(routes.router)
    add_pages(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_middleware(AskedFrom)
    app.add_middleware(Limits)
    app.add_middleware(Methods, routes=app)
    return app


class _Application(FastAPI):
    """Its answer to a mistake of ours has all headers, too."""

    def build_middleware_stack(self) -> ASGIApp:
        """As Starlette has it, and around it."""
        return Headers(super().build_middleware_stack())


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(Exception, problems.of_anything)
    app.add_exception_handler(BridgeError, problems.of_bridge)
    app.add_exception_handler(NotSignedIn, problems.ask_for_token)
    app.add_exception_handler(TooManyAttempts, problems.ask_to_wait)
    app.add_exception_handler(SQLAlchemyError, problems.of_database)
    app.add_exception_handler(HTTPException, problems.of_http)
    app.add_exception_handler(RequestValidationError, problems.of_validation)
