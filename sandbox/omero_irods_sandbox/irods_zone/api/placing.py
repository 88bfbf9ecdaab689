"""Where a new replica goes, and its row in the catalog.

Source: ``irods_resource_redirect.cpp``, ``voting.cpp`` (create) and ``rsDataObjOpen.cpp`` of iRODS.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from omero_irods_sandbox.irods_zone.api.replica_choice import DOWN
from omero_irods_sandbox.irods_zone.catalog.paths import name_of, timestamp
from omero_irods_sandbox.irods_zone.catalog.resources import STORAGE_TYPE
from omero_irods_sandbox.irods_zone.catalog.values import (
    AccessLevel,
    Collection,
    Replica,
    ReplicaStatus,
    Resource,
)
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_MINIMUM_FREE: Final = re.compile(r"(?:^|;)minimum_free_space_for_create_in_bytes=([^;]*)")
_DEFAULT_TYPE: Final = "generic"


def named_resource(session: Session, keywords: dict[str, str]) -> str:
    """The resource that a new replica is asked for: by keyword, else the zone's default.

    Raises:
        ZoneError: SYS_RESC_DOES_NOT_EXIST; DIRECT_CHILD_ACCESS when it is below another resource.
    """
    name = keywords.get("destRescName") or keywords.get("rescName") or keywords.get("defRescName")
    resource = session.catalog.resources.get(name or session.catalog.resources.default)
    if resource.parent_id is not None:
        raise ZoneError("DIRECT_CHILD_ACCESS", f"{resource.name} is part of a tree; name its root.")
    return resource.name


def leaf_for(session: Session, keywords: dict[str, str]) -> Resource:
    """The storage resource for a new replica.

    That is the one of ``resc_hier``, else the first below the named resource that is up and
    has room for ``dataSize`` bytes.

    Raises:
        ZoneError: SYS_RESC_IS_DOWN, USER_FILE_TOO_LARGE, HIERARCHY_ERROR (no storage below), and what
            :func:`named_resource` raises.
    """
    resources = session.catalog.resources
    if "resc_hier" in keywords:
        candidates = [resources.get(keywords["resc_hier"].rsplit(";", 1)[-1])]
    else:
        candidates = resources.leaves(resources.get(named_resource(session, keywords)))
    candidates = [leaf for leaf in candidates if leaf.type == STORAGE_TYPE]
    if not candidates:
        raise ZoneError("HIERARCHY_ERROR", "There is no storage below the resource that was asked for.")
    return _first_usable(candidates, _announced_size(keywords))


def _announced_size(keywords: dict[str, str]) -> int:
    text = keywords.get("dataSize", "")
    return int(text) if text.isdecimal() else 0


def _first_usable(leaves: list[Resource], size: int) -> Resource:
    refusal: ZoneError | None = None
    for leaf in leaves:
        try:
            _require_usable(leaf, size)
        except ZoneError as error:
            refusal = refusal or error
        else:
            return leaf
    assert refusal is not None
    raise refusal


def _require_usable(leaf: Resource, size: int) -> None:
    if leaf.status == DOWN:
        raise ZoneError("SYS_RESC_IS_DOWN", f"Resource {leaf.name} is down.")
    limit = _MINIMUM_FREE.search(leaf.context)
    if limit is not None and not _has_room(leaf.free_space, limit.group(1), size):
        raise ZoneError("USER_FILE_TOO_LARGE", f"Resource {leaf.name} has no room for {size} bytes more.")


def _has_room(free: str, minimum: str, size: int) -> bool:
    """A limit or a free space that is no number refuses, as on a real server."""
    return free.isdecimal() and minimum.isdecimal() and int(free) - int(minimum) >= size


def new_replica(  # noqa: PLR0913 (a replica has that many properties, and all but the first six have a default)
    session: Session,
    path: str,
    collection: Collection,
    replicas: list[Replica],
    leaf: Resource,
    keywords: dict[str, str],
    *,
    physical_path: str | None = None,
    size: int = 0,
    status: ReplicaStatus = ReplicaStatus.INTERMEDIATE,
    checksum: str = "",
    modify_time: str | None = None,
    owner_name: str | None = None,
) -> Replica:
    """Insert a row for one more replica of ``path``, the first one when ``replicas`` is empty.

    Call it inside a transaction. With the first replica the session's user owns the data object,
    which inherits access from the collection; ``owner_name`` changes only whose name is recorded.
    No file is made, and without ``physical_path`` no other replica has the one that is chosen.

    Raises:
        ZoneError: CAT_INVALID_DATA_TYPE for a ``dataType`` that the zone does not know.
    """
    catalog, now = session.catalog, modify_time or timestamp()
    first = replicas[0] if replicas else None
    replica = Replica(
        data_id=first.data_id if first else catalog.database.next_id(),
        number=max((existing.number for existing in replicas), default=-1) + 1,
        collection_path=collection.path,
        name=name_of(path),
        type=_data_type(session, keywords, first),
        size=size,
        physical_path=physical_path or free_vault_path(session, leaf, path),
        owner_name=owner_name or (first.owner_name if first else session.user.name),
        owner_zone=first.owner_zone if first else session.user.zone,
        status=status,
        checksum=checksum,
        mode="0",
        create_time=now,
        modify_time=now,
        access_time=now,
        resource_id=leaf.id,
    )
    catalog.data_objects.insert(replica, collection)
    if first is None:
        catalog.permissions.grant(replica.data_id, session.user.id, AccessLevel.OWN)
        catalog.permissions.inherit(collection, replica.data_id, session.user.id)
    return replica


def _data_type(session: Session, keywords: dict[str, str], first: Replica | None) -> str:
    name = keywords.get("dataType") or (first.type if first else _DEFAULT_TYPE)
    if not session.catalog.data_objects.has_type(name):
        raise ZoneError("CAT_INVALID_DATA_TYPE", f"No such data type: {name}")
    return name


def free_vault_path(session: Session, leaf: Resource, path: str) -> str:
    """The usual place in the vault, with a number behind it when it is taken.

    By the file of another replica, or by the folder of a collection that was once called so.
    """
    wanted = session.catalog.resources.vault_path(leaf, path)
    free = wanted
    while session.catalog.data_objects.is_path_registered(free) or Path(free).is_dir():
        free = f"{wanted}.{secrets.randbelow(10**9)}"
    return free
