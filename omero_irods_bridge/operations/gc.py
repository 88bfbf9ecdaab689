"""Remove what broken runs left behind in the ``.incoming`` collections, and nothing else.

Work under way lies in ``<collection>/.incoming/<plan id>``, a data object or a collection, beside a lock that
its run holds (incoming.py), until one rename puts it at its final name. A leftover is old, not open for
writing anywhere, and this user's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omero_irods_bridge.model.errors import BridgeError, Busy, NotFound, UsageError
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step, silent
from omero_irods_bridge.model.stored import Collection, DataObject, ReplicaStatus, name_of, parent_of
from omero_irods_bridge.operations.incoming import INCOMING, LOCK_ENDING, PLAN_ID_LENGTH, Incoming, held
from omero_irods_bridge.operations.zones import in_another_zone
from omero_irods_bridge.ports import Clock, ObjectStore

DEFAULT_AGE_S: Final = 24 * 3600.0

_PLAN_ID: Final = re.compile(rf"[0-9a-f]{{{PLAN_ID_LENGTH}}}")
_AT_REST: Final = frozenset({ReplicaStatus.GOOD, ReplicaStatus.STALE})


class Verdict(StrEnum):
    """What is to be done with a leftover, and why."""

    REMOVE = "remove"
    IN_USE = "in use"
    """A replica is open for writing, or was when its server died: only an administrator can tell."""
    FRESH = "fresh"
    """It changed a short while ago, so its run may still go on."""
    NOT_YOURS = "not yours"
    """It, or a part of it, belongs to somebody else."""
    AGE_UNKNOWN = "age unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of a leftover as the catalog had it; equal as long as nobody touched it."""

    path: str
    id: int
    size: int
    owner: str
    modified: float | None
    at_rest: bool


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something in an ``.incoming`` collection: a data object, or a collection with all that is in it.

    Its lock (incoming.py) is one of the parts, and may be the only one.
    """

    path: str
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """In bytes, of one replica of each object."""
        return sum(part.size for part in self.parts)

    @property
    def modified(self) -> float | None:
        """When its newest part changed; none when that is not known of a part."""
        times = [part.modified for part in self.parts]
        known = [time for time in times if time is not None]
        return max(known) if len(known) == len(times) else None


@dataclass(frozen=True, slots=True)
class Judged:
    """A leftover, how old it is in seconds (none: unknown), and what is to be done with it."""

    leftover: Leftover
    age_s: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class GcPlan:
    """What lies in ``.incoming`` collections at and below ``collection``, sorted by path.

    ``incoming`` are those collections that belong to this user: removed once they are empty.
    """

    collection: str
    judged: tuple[Judged, ...]
    incoming: tuple[str, ...]

    @property
    def removable(self) -> tuple[Leftover, ...]:
        return tuple(one.leftover for one in self.judged if one.verdict is Verdict.REMOVE)

    @property
    def size(self) -> int:
        """Bytes that :func:`apply` sets free, of one replica of each object."""
        return sum(leftover.size for leftover in self.removable)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, and what was not although the plan named it, each with the reason."""

    removed: tuple[Leftover, ...]
    kept: tuple[tuple[Leftover, str], ...]

    @property
    def size(self) -> int:
        """Bytes that were set free, of one replica of each object."""
        return sum(leftover.size for leftover in self.removed)


def plan(store: ObjectStore, collection: str, *, clock: Clock, older_than_s: float = DEFAULT_AGE_S) -> GcPlan:
    """List what broken runs left at and below ``collection``; changes nothing.

    Raises:
        NotFound: there is no such collection.
        UsageError: ``collection`` is inside an ``.incoming`` collection or in another zone, or the age is
            negative.
    """
    if older_than_s < 0:
        raise UsageError("The age of what is removed cannot be negative.")
    if INCOMING in parent_of(collection).split("/"):
        raise UsageError(f"{collection} is itself work under way.", hint="Name a collection above it.")
    if not isinstance(store.find(collection), Collection):
        raise in_another_zone(store, collection) or NotFound(
            f"There is no collection {collection}, or {store.user} may not see it.",
            hint="Name one that snapshots are packed into, or one above it.",
        )
    found = _survey(store, collection)
    me = f"{store.user}#{store.zone}"
    now = clock.now()
    judged = (judge(one, user=me, now=now, older_than_s=older_than_s) for one in found.leftovers)
    return GcPlan(collection, tuple(judged), tuple(one.path for one in found.incoming if one.owner == me))


def judge(leftover: Leftover, *, user: str, now: float, older_than_s: float) -> Judged:
    """What is to be done with a leftover at the time ``now``, by ``user`` (``name#zone``)."""
    modified = leftover.modified
    age = None if modified is None else now - modified
    return Judged(leftover, age, _verdict(leftover, user, age, older_than_s))


def _verdict(leftover: Leftover, user: str, age: float | None, older_than_s: float) -> Verdict:
    if not all(part.at_rest for part in leftover.parts):
        return Verdict.IN_USE
    if any(part.owner != user for part in leftover.parts):
        return Verdict.NOT_YOURS
    if age is None:
        return Verdict.AGE_UNKNOWN
    return Verdict.REMOVE if age >= older_than_s else Verdict.FRESH


def apply(
    plan: GcPlan, store: ObjectStore, *, report: Report = silent, cancel: CancelToken | None = None
) -> Collected:
    """Remove what ``plan`` lists as removable and is still as it was then.

    What changed since, or cannot be removed, stays and is told of; it does not stop the others. Safe to
    repeat after any interruption: a leftover that was half removed is a leftover.

    Raises:
        Interrupted: ``cancel`` asked to stop; what was removed by then is gone.
    """
    report(Step("Removing leftovers", bytes_total=plan.size, items_total=len(plan.removable)))
    removed: list[Leftover] = []
    kept: list[tuple[Leftover, str]] = []
    for leftover in plan.removable:
        if cancel is not None:
            cancel.check()
        reason = _remove(store, leftover)
        if reason:
            kept.append((leftover, reason))
            report(Notice(f"Kept {leftover.path}: {reason}"))
        else:
            removed.append(leftover)
        report(Progress(sum(one.size for one in removed), len(removed) + len(kept)))
    _remove_empty(store, plan.incoming, report)
    return Collected(tuple(removed), tuple(kept))


def _remove(store: ObjectStore, leftover: Leftover) -> str:
    """Why it was not removed; "" when it was, or was gone already."""
    try:
        return _remove_held(store, leftover)
    except Busy:
        return "a run is at work there."
    except BridgeError as error:
        return error.message


def _remove_held(store: ObjectStore, leftover: Leftover) -> str:
    """Look again as the only one who may write there: a run of the same plan now finds it busy."""
    if _read(store, leftover.path) != leftover:
        return "" if store.find(leftover.path) is None else "it changed after the plan was made."
    lock = leftover.path + LOCK_ENDING
    with held(store, Incoming(parent_of(leftover.path), leftover.path, lock)):
        now = _read(store, leftover.path)
        if _without(now, lock) != _without(leftover, lock):
            return "somebody began to write to it."
        store.remove(leftover.path)
    return ""


def _without(leftover: Leftover, path: str) -> tuple[Part, ...]:
    return tuple(part for part in leftover.parts if part.path != path)


def _remove_empty(store: ObjectStore, incoming: Iterable[str], report: Report) -> None:
    for path in incoming:
        try:
            store.remove_if_empty(path)
        except BridgeError as error:
            report(Notice(f"Kept {path}: {error.message}"))


# -- reading the catalog


@dataclass(frozen=True, slots=True)
class _Survey:
    incoming: tuple[Collection, ...]
    leftovers: tuple[Leftover, ...]


def _survey(store: ObjectStore, collection: str) -> _Survey:
    top = store.find(collection)
    everything = [*([top] if top is not None else []), *store.children(collection, recursive=True)]
    roots: dict[str, list[Part]] = defaultdict(list)
    for one in everything:
        root = leftover_root(one)
        if root is not None:
            roots[root].append(_part(one))
    leftovers = tuple(_leftover(root, roots[root]) for root in sorted(roots))
    return _Survey(tuple(_incoming(everything)), leftovers)


def _incoming(found: Iterable[DataObject | Collection]) -> Iterator[Collection]:
    """The outermost ``.incoming`` collections."""
    for one in found:
        if isinstance(one, Collection) and name_of(one.path) == INCOMING and leftover_root(one) is None:
            yield one


def leftover_root(found: DataObject | Collection) -> str | None:
    """The child of an ``.incoming`` collection that this is, is in, or locks; none for anything else.

    What has no name of ours there is somebody's own.
    """
    parts = found.path.split("/")
    try:
        end = parts.index(INCOMING) + 2
    except ValueError:
        return None
    if end > len(parts):
        return None
    root = "/".join(parts[:end])
    is_lock = isinstance(found, DataObject) and found.path == root
    root = root.removesuffix(LOCK_ENDING) if is_lock else root
    return root if _PLAN_ID.fullmatch(name_of(root)) else None


def _read(store: ObjectStore, path: str) -> Leftover:
    """A leftover as it is now; without parts when it is gone."""
    found, lock = store.find(path), store.find(path + LOCK_ENDING)
    below = store.children(path, recursive=True) if isinstance(found, Collection) else ()
    first = [] if found is None else [found]
    locks = [lock] if isinstance(lock, DataObject) else []
    return _leftover(path, [_part(one) for one in (*first, *below, *locks)])


def _leftover(path: str, parts: Sequence[Part]) -> Leftover:
    return Leftover(path, tuple(sorted(parts, key=lambda part: part.path)))


def _part(found: DataObject | Collection) -> Part:
    if isinstance(found, Collection):
        return Part(found.path, found.id, 0, found.owner, found.modified, at_rest=True)
    times = [replica.modified for replica in found.replicas]
    known = [time for time in times if time is not None]
    modified = max(known) if len(known) == len(times) else None
    at_rest = all(replica.status in _AT_REST for replica in found.replicas)
    return Part(found.path, found.id, found.size, found.owner, modified, at_rest)
