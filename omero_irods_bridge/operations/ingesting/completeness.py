"""Whether an object is at rest: what iRODS says of its replicas, and since when nothing changed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.ingest import OptIn, When
from omero_irods_bridge.model.stored import DataObject, ReplicaStatus

_BUSY: Final = frozenset({ReplicaStatus.INTERMEDIATE, ReplicaStatus.WRITE_LOCKED, ReplicaStatus.READ_LOCKED})


@dataclass(frozen=True, slots=True)
class Patience:
    """``now`` by the server's clock, ``quiet_s`` how long nothing may have changed; both in seconds.

    ``is_handed_over`` tells of a path whether somebody said that it is complete, by the AVU ``ready``.
    """

    now: float
    quiet_s: float
    is_handed_over: Callable[[str], bool]
    ready: str


def why_wait(members: Sequence[DataObject], opt_in: OptIn, patience: Patience) -> str:
    """Why a set is not to be imported yet; "" when it is."""
    reason = _not_whole(members)
    if reason:
        return reason
    card = opt_in.card.complete if opt_in.card is not None else None
    if card is True or all(patience.is_handed_over(one.path) for one in members):
        return ""
    if card is False:
        return f"the card {opt_in.card.path if opt_in.card else ''} says that it is not complete"
    if opt_in.when is When.HANDOVER:
        return f"nobody has handed it over ({patience.ready})"
    return _not_quiet(members, patience)


def quiet_in(members: Sequence[DataObject], opt_in: OptIn, patience: Patience) -> float | None:
    """Seconds after which a set that waits may be complete by itself; none when time alone does not help."""
    says_no = opt_in.card is not None and opt_in.card.complete is False
    if _not_whole(members) or says_no or opt_in.when is When.HANDOVER:
        return None
    return max(_left(members, patience), 0.0)


def _not_whole(members: Iterable[DataObject]) -> str:
    for one in members:
        if any(replica.status in _BUSY for replica in one.replicas):
            return f"{one.path} is being written"
        if one.good is None:
            return f"{one.path} has no good replica"
        if one.size == 0:
            return f"{one.path} is empty"
    return ""


def _not_quiet(members: Iterable[DataObject], patience: Patience) -> str:
    if patience.quiet_s <= 0:
        return ""
    left = _left(members, patience)
    return f"it changed just now: it has to be quiet for another {left:.0f} s" if left > 0 else ""


def _left(members: Iterable[DataObject], patience: Patience) -> float:
    """Seconds until all have been quiet for long enough."""
    latest = max((replica.modified or 0.0) for one in members for replica in one.replicas)
    return latest + patience.quiet_s - patience.now
