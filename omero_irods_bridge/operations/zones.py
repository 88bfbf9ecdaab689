"""Paths of another zone than the one that we are logged in to."""

from __future__ import annotations

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.ports import ObjectStore


def in_another_zone(store: ObjectStore, path: str) -> UsageError | None:
    """Why ``path`` is out of reach, and what to do; none when it is in the zone of ``store``.

    A zone answers for a federated one only where it is asked to, and knows no rename from one to the other:
    all that is done here is done in one zone. Only for a path of another one the zone is asked.
    """
    zone = path.split("/")[1]
    if zone == store.zone:
        return None
    if zone in store.known_zones():
        return UsageError(
            f"{path} is in the zone {zone}, and {store.user} is logged in to {store.zone}.",
            hint=f"Name a path that begins with /{store.zone}/, or log in to {zone}: let "
            "IRODS_ENVIRONMENT_FILE name an irods_environment.json of it.",
        )
    return UsageError(
        f"{path} cannot be: {store.zone} knows no zone {zone}.",
        hint=f"Name a path that begins with /{store.zone}/.",
    )
