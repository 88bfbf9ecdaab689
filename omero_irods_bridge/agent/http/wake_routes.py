"""Wake-ups: a rule in iRODS says that something arrived."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from omero_irods_bridge.agent.http.doors import Waker
from omero_irods_bridge.agent.http.site import waking_of
from omero_irods_bridge.agent.waking import Waking

router: Final = APIRouter(prefix="/api/v1", tags=["ingest"])

TheWaking = Annotated[Waking, Depends(waking_of)]


@router.post("/wake", status_code=HTTPStatus.NO_CONTENT)
def wake(waking: TheWaking, _: Waker) -> None:
    """Have what rules told of in iRODS looked at soon. One job does for all wake-ups until it begins.

    For services and administrators; no server but the database is asked.
    """
    waking.wake()
