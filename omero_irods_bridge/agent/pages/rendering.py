"""Makes pages of templates. All that is put into one is escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from omero_irods_bridge import __version__
from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.http.cookies import COOKIE
from omero_irods_bridge.agent.pages import words
from omero_irods_bridge.model.jobs import JobKind, JobState

_PLACES: Final = (
    ("/jobs", "Jobs"),
    ("/snapshots", "Snapshots"),
    ("/queues", "Queues"),
    ("/days", "30 days"),
    ("/health", "Health"),
)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("omero_irods_bridge.agent.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": words.size,
        "duration": words.duration,
        "moment": words.moment,
        "day": words.day,
        "last_of": words.last_of,
    }
    kinds, states = words.KINDS, words.STATES
    made.globals |= {"KINDS": kinds, "STATES": states, "JobKind": JobKind, "JobState": JobState}
    made.globals |= {"PLACES": _PLACES, "VERSION": __version__, "count": words.count, "link": link}
    return made


def page(
    request: Request, template: str, asker: Requester | None = None, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page of a template.

    ``twin``, if given, is where programs get the same as JSON. ``asker`` is who is signed in.
    """
    known = {"asker": asker, "place": request.url.path, "twin": "", "token": form_token(request)}
    text = _templates().get_template(template).render(**{**known, **values})
    return HTMLResponse(text, status)


def go_to(where: str) -> RedirectResponse:
    """Let the browser get ``where``, after a form was taken."""
    return RedirectResponse(where, 303)


def link(path: str, parameters: Mapping[str, Any]) -> str:
    """A path with those parameters that say something."""
    told = urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
    return f"{path}?{told}" if told else path


def form_token(request: Request) -> str:
    """What a form has to bring along: only who can read pages of this session knows it."""
    cookie = request.cookies.get(COOKIE, "")
    return hashlib.sha256(b"form:" + cookie.encode("utf-8", "replace")).hexdigest()[:32]
