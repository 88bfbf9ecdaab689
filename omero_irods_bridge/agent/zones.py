"""Jobs name places in one zone, that of the agent."""

from __future__ import annotations

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import GcWork, IngestWork, PackWork, Work

ANY_ZONE = "{zone}"
"""How a template names the zone."""


def check_zone(work: Work, zone: str) -> None:
    """Refuse a path that is not in this zone; one that is none, for the usual place, is.

    Raises:
        UsageError: the path is in another zone, or names none.
    """
    path = _place(work)
    named = path.split("/")[1] if path.startswith("/") else ""
    if path and named not in {zone, ANY_ZONE}:
        raise UsageError(
            f"{path} is not in the zone {zone}, and the agent works in no other.",
            hint=f"Name a path that begins with /{zone}/.",
        )


def _place(work: Work) -> str:
    if isinstance(work, PackWork):
        return work.target
    return work.collection if isinstance(work, GcWork | IngestWork) else work.path
