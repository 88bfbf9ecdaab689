"""The application: what is under ``/api/v1``, and around it."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from omero_irods_bridge import __version__
from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http import job_routes, problems, session_routes
from omero_irods_bridge.agent.http.doors import TheDesk
from omero_irods_bridge.agent.http.sign_in import NotSignedIn, SignIn
from omero_irods_bridge.agent.http.throttle import TooManyAttempts
from omero_irods_bridge.agent.http.tokens import Tokens
from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.errors import BridgeError

PUBLIC_URL = "http://127.0.0.1:8640"


def create_app(
    desk: Desk, tokens: Tokens, sign_in: SignIn | None = None, *, public_url: str = PUBLIC_URL
) -> FastAPI:
    """The application over a desk. It keeps no job of its own; several may run beside each other.

    Without ``sign_in`` only services with a token are let in. Links begin with ``public_url``.
    """
    app = FastAPI(title="omero-irods agent", version=__version__, docs_url=None, redoc_url=None)
    app.state.desk, app.state.tokens, app.state.sign_in = desk, tokens, sign_in
    app.state.public_url = public_url.rstrip("/")
    _handle_errors(app)
    app.include_router(job_routes.router)
    app.include_router(session_routes.router)
    app.add_api_route("/healthz", _healthz)
    return app


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(BridgeError, problems.of_bridge)
    app.add_exception_handler(NotSignedIn, problems.ask_for_token)
    app.add_exception_handler(TooManyAttempts, problems.ask_to_wait)
    app.add_exception_handler(SQLAlchemyError, problems.of_database)
    app.add_exception_handler(HTTPException, problems.of_http)
    app.add_exception_handler(RequestValidationError, problems.of_validation)


def _healthz(desk: TheDesk) -> dict[str, bool]:
    """Whether the database answers."""
    desk.list_jobs(JobFilter(), Requester("healthz"), limit=1)
    return {"ok": True}
