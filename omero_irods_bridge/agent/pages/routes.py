"""All pages, and what they are drawn with."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, FastAPI, Response
from starlette.exceptions import HTTPException

from omero_irods_bridge.agent.pages import job_pages, place_pages, signing_in, snapshot_pages
from omero_irods_bridge.agent.pages.refusals import errors_as_pages

router: Final = APIRouter(include_in_schema=False)
for _one in (signing_in, job_pages, snapshot_pages, place_pages):
    router.include_router(_one.router)

_TYPES: Final = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HEADERS: Final = {"Cache-Control": "max-age=3600"}


@router.get("/static/{name}")
def static(name: str) -> Response:
    """One of the three files that pages need; they are of the package."""
    if name not in _TYPES:
        raise HTTPException(404)
    data = files("omero_irods_bridge.agent.pages").joinpath("static", name).read_bytes()
    return Response(data, media_type=_TYPES[name], headers=_HEADERS)


def add_pages(app: FastAPI) -> None:
    """Let an application answer people too. Its handlers of errors are there already."""
    app.include_router(router)
    errors_as_pages(app)
