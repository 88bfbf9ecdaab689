"""Which replica of a data object an operation works on.

Source: ``voting.cpp`` and ``irods_resource_redirect.cpp`` of iRODS: good replicas vote higher than
others, replicas on a resource that is down do not vote, keywords narrow or prefer.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError

DOWN: Final = "down"

_RANKS: Final = {
    ReplicaStatus.GOOD: 0,
    ReplicaStatus.INTERMEDIATE: 1,
    ReplicaStatus.STALE: 2,
    ReplicaStatus.READ_LOCKED: 3,
    ReplicaStatus.WRITE_LOCKED: 3,
}


def choose(
    catalog: Catalog, replicas: list[Replica], keywords: dict[str, str], *, for_writing: bool
) -> list[Replica]:
    """The replicas that ``keywords`` allow and that can be reached, the best first; may be empty.

    ``resc_hier``, ``replNum`` and ``rescName`` narrow. ``destRescName`` narrows ``for_writing`` (what
    is created on that resource, or overwritten there) and else decides among replicas of the same
    state, as ``defRescName`` does. Among equals the lower number wins.

    Raises:
        ZoneError: SYS_RESC_DOES_NOT_EXIST, or SYS_INVALID_INPUT_PARAM for a replica number that is none.
    """
    allowed = _allowed(catalog, replicas, keywords, for_writing=for_writing)
    if "resc_hier" not in keywords:
        allowed = [replica for replica in allowed if not is_down(catalog, replica)]
    preferred = _preferred(catalog, keywords)
    return sorted(allowed, key=lambda r: (_RANKS[r.status], r.resource_id not in preferred, r.number))


def best(
    catalog: Catalog, replicas: list[Replica], keywords: dict[str, str], *, for_writing: bool
) -> Replica:
    """The first that :func:`choose` finds.

    Raises:
        ZoneError: SYS_REPLICA_DOES_NOT_EXIST, SYS_REPLICA_INACCESSIBLE or HIERARCHY_ERROR when there is
            none, and what :func:`choose` raises.
    """
    chosen = choose(catalog, replicas, keywords, for_writing=for_writing)
    if chosen:
        return chosen[0]
    raise _nothing_chosen(replicas, keywords)


def is_down(catalog: Catalog, replica: Replica) -> bool:
    """Whether the resource of the replica is marked down."""
    return catalog.resources.by_id(replica.resource_id).status == DOWN


def replica_number(keywords: dict[str, str]) -> int:
    """The value of ``replNum``. Raises ZoneError SYS_INVALID_INPUT_PARAM."""
    try:
        return int(keywords["replNum"])
    except ValueError as error:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"No replica number: {keywords['replNum']!r}") from error


def _allowed(
    catalog: Catalog, replicas: list[Replica], keywords: dict[str, str], *, for_writing: bool
) -> list[Replica]:
    if "resc_hier" in keywords:
        hierarchy = keywords["resc_hier"]
        return [r for r in replicas if catalog.resources.hierarchy(r.resource_id) == hierarchy]
    if "replNum" in keywords:
        number = replica_number(keywords)
        named = [replica for replica in replicas if replica.number == number]
        _require_no_archive(catalog, named)
        return named
    name = keywords.get("rescName") or (keywords.get("destRescName") if for_writing else None)
    if not name:
        return list(replicas)
    leaf_ids = catalog.resources.leaf_ids(name)
    return [replica for replica in replicas if replica.resource_id in leaf_ids]


def _require_no_archive(catalog: Catalog, named: list[Replica]) -> None:
    """It is read by way of its cache (``throw_error_if_archive_replica_requested`` of compound.cpp)."""
    for replica in named:
        if catalog.resources.by_id(replica.resource_id).parent_context == "archive":
            raise ZoneError("DIRECT_ARCHIVE_ACCESS", f"Replica {replica.number} is in an archive.")


def _preferred(catalog: Catalog, keywords: dict[str, str]) -> set[int]:
    name = keywords.get("destRescName") or keywords.get("defRescName") or ""
    return catalog.resources.leaf_ids(name) if catalog.resources.named(name) else set()


def _nothing_chosen(replicas: list[Replica], keywords: dict[str, str]) -> ZoneError:
    path = replicas[0].path if replicas else "the data object"
    if "resc_hier" in keywords:
        return ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{path} has no replica on {keywords['resc_hier']}.")
    if "replNum" in keywords:
        number = replica_number(keywords)
        if all(replica.number != number for replica in replicas):
            return ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{path} has no replica {number}.")
        return ZoneError("SYS_REPLICA_INACCESSIBLE", f"Replica {number} of {path}: its resource is down.")
    name = keywords.get("rescName") or keywords.get("destRescName")
    if name:
        return ZoneError("SYS_REPLICA_INACCESSIBLE", f"{path} has no replica on {name} that can be reached.")
    return ZoneError("HIERARCHY_ERROR", f"No resource that {path} is on can be reached.")
