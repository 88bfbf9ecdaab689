"""Snapshots: searched for, and looked at one by one."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from omero_irods_bridge.agent.http.doors import Reader
from omero_irods_bridge.agent.http.job_bodies import ONE_LINE
from omero_irods_bridge.agent.http.job_routes import Number
from omero_irods_bridge.agent.http.site import snapshots_of
from omero_irods_bridge.agent.http.view_routes import patiently, whose
from omero_irods_bridge.agent.pages.refusals import PageRoute
from omero_irods_bridge.agent.pages.rendering import link, page
from omero_irods_bridge.agent.snapshots import with_text
from omero_irods_bridge.model.errors import BridgeError, Unreachable, UsageError
from omero_irods_bridge.operations.find import Criteria

router: Final = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=Response)

PAGE_LENGTH: Final = 25

_API: Final = "/api/v1/snapshots"

Text = Annotated[str, Query(max_length=200, pattern=ONE_LINE)]


@router.get("/snapshots")
async def search(  # noqa: PLR0913, PLR0917 -- the fields of the form
    request: Request,
    asker: Reader,
    q: Text = "",
    owner: Text = "",
    note: Text = "",
    image: Text = "",
    user: Text = "",
    skip: Number = 0,
) -> Response:
    """Those that fulfil all that is filled in; what goes wrong is said, and the form stays."""
    asked = {"q": q, "owner": owner, "note": note, "image": image, "user": user}
    asked = {name: value.strip() for name, value in asked.items()}
    found, error = None, None
    try:
        wanted, who = _criteria(asked), whose(asker, asked["user"] or None)
        snapshots = snapshots_of(request)
        found = await patiently(lambda: snapshots.search(who, wanted, skip=skip, limit=PAGE_LENGTH))
    except BridgeError as failure:
        error = failure
    return page(
        request,
        "snapshots.html",
        asker,
        twin=link(_API, {**asked, "skip": skip, "limit": PAGE_LENGTH}),
        status=503 if isinstance(error, Unreachable) else 422 if error else 200,
        asked=asked,
        found=found,
        error=error,
        skip=skip,
    )


@router.get("/snapshots/at")
async def show(
    request: Request,
    asker: Reader,
    path: Annotated[str, Query(max_length=1_100, pattern=ONE_LINE)],
    user: Text = "",
) -> Response:
    """One snapshot, by its path."""
    snapshots = snapshots_of(request)
    who = whose(asker, user or None)
    found = await patiently(lambda: snapshots.at(who, path))
    twin = link(f"{_API}/at", {"path": path, "user": user})
    return page(request, "snapshot.html", asker, twin=twin, snapshot=found)


def _criteria(asked: dict[str, str]) -> Criteria:
    image = asked["image"].removeprefix("Image:").strip()
    if image and not (image.isascii() and image.isdecimal() and len(image) < 18):
        raise UsageError(f"{asked['image']!r} is not the id of an image.", hint="Write a number.")
    wanted = Criteria(
        owner=asked["owner"] or None, image=int(image) if image else None, note=asked["note"] or None
    )
    return with_text(wanted, asked["q"])
