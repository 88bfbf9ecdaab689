"""Whether a request that changes something comes from a page of ours: browsers send cookies with any."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from omero_irods_bridge.model.errors import AccessDenied

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(request: Request) -> None:
    """Refuse what a page of somebody else sends with the cookie of a user.

    A browser says of each request that changes something where it comes from: ``Sec-Fetch-Site``, which no
    script can set, or ``Origin``. One of them has to be there and to name this host, as the browser called it
    or as ``agent.public_url`` has it.

    Raises:
        AccessDenied: it comes from elsewhere, or does not say.
    """
    if request.method in SAFE or _is_ours(request):
        return
    raise AccessDenied(
        "The request does not come from the page of this agent.",
        hint="A program sends a token or X-OMERO-Session instead of the cookie.",
    )


def _is_ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
    is_host = bool(host) and origin.partition("://")[2] == host
    return is_host or origin == origin_of(request.app.state.public_url)


def origin_of(url: str) -> str:
    """Scheme, host and port, as browsers say it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
