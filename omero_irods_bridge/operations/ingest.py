"""Ingest: what lies in iRODS, in collections that opted in, appears in OMERO; each content once.

Marks that rules set and wake-ups are hints. What counts is the catalog: a scan finds what opted in, leaves
what is in OMERO already, waits for what is not complete, and imports the rest in place or by copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.events import CancelToken, Report, silent
from omero_irods_bridge.model.ingest import IngestOptions, IngestResult, IngestState
from omero_irods_bridge.model.stored import is_sendable, parent_of
from omero_irods_bridge.operations.ingesting.applying import carry_out
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.ingesting.links import (
    LinkFault,
    Relink,
    check_links,
    find_linked,
    gone,
    plan_relinks,
    release,
    repair_links,
)
from omero_irods_bridge.operations.ingesting.opt_ins import all_with, topmost
from omero_irods_bridge.operations.ingesting.planning import IngestPlan, make_plan
from omero_irods_bridge.operations.ingesting.probing import Places
from omero_irods_bridge.operations.ingesting.standing import (
    Standing,
    collection_of,
    standing_of,
    try_again,
)
from omero_irods_bridge.operations.ingesting.within import only_within
from omero_irods_bridge.ports import AvuCondition, Clock, TreeStore

__all__ = [
    "Checked",
    "Hands",
    "IngestPlan",
    "IngestSide",
    "apply",
    "check",
    "hinted",
    "plan",
    "relink",
    "retry",
    "scan",
    "status",
]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at linked objects has found; ``released`` were released by it."""

    checked: int
    faults: tuple[LinkFault, ...]
    released: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relinked:
    """Paths of objects whose links were repaired, and of those of which that failed, with the reason."""

    planned: tuple[Relink, ...]
    done: tuple[str, ...] = ()
    failed: tuple[tuple[str, BridgeError], ...] = ()


def plan(
    store: TreeStore,
    collection: str,
    hands: Hands,
    options: IngestOptions,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> IngestPlan:
    """What a scan of a collection would do; nothing is changed, but for a mark that tells iRODS' time.

    A set of which a part is in the collection is planned whole.

    Raises:
        NotFound: the collection is not there.
        Unreachable: iRODS does not answer.
    """
    cancel = cancel or CancelToken()
    made = make_plan(store, collection, hands, options, clock=clock, report=report, cancel=cancel)
    return made if made.collection == collection else only_within(made, collection)


def apply(
    plan: IngestPlan,
    store: TreeStore,
    hands: Hands,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> IngestResult:
    """Carry out ``plan``. Safe to repeat after any interruption, and beside others that do the same.

    A set that fails never stops the others. When OMERO or iRODS is away, what is left waits, and ``stopped``
    of the result says why.
    """
    places = Places(plan.options, hands, report)
    work = Work(store, hands, plan.options, places, clock, report, cancel or CancelToken())
    return carry_out(plan, work)


def scan(
    store: TreeStore,
    collection: str,
    hands: Hands,
    options: IngestOptions,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> IngestResult:
    """Plan and apply: what a job of the agent calls."""
    made = plan(store, collection, hands, options, clock=clock, report=report, cancel=cancel)
    return apply(made, store, hands, clock=clock, report=report, cancel=cancel)


def hinted(store: TreeStore, options: IngestOptions, *, below: str | None = None) -> list[str]:
    """Collections with objects that say that they wait, as rules let them: what to scan after a wake-up.

    So are those that a scan has left queued: it is at them, or was killed.
    A collection that is in another one of these is left out, and one whose path cannot be asked for, of which
    a scan of what is above it tells. Hints may be lost: scan all now and then.
    """
    found: set[str] = set()
    for state in (IngestState.WAITING, IngestState.QUEUED):
        condition = AvuCondition(options.name("ingest_state"), equals=state)
        found |= {parent_of(path) for path in all_with(store, condition, below)}
    return topmost(set(filter(is_sendable, found)))


def status(store: TreeStore, path: str, hands: Hands, options: IngestOptions, *, clock: Clock) -> Standing:
    """How things stand with a data object, or with all in a collection.

    Raises:
        NotFound: nothing is there.
    """
    collection = collection_of(store, path)
    return standing_of(path, plan(store, collection, hands, options, clock=clock))


def retry(store: TreeStore, path: str, options: IngestOptions) -> list[str]:
    """Let what failed at and below ``path`` be taken by the next scan, also what was deleted in OMERO.

    Raises:
        NotFound: nothing is there.
    """
    return try_again(store, path, options)


def check(
    store: TreeStore,
    collection: str,
    hands: Hands,
    options: IngestOptions,
    *,
    is_release: bool = False,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Checked:
    """Look whether what OMERO links to is where it was, as it was, and has enough replicas.

    With ``is_release`` objects whose image was deleted in OMERO lose their AVUs, and so their protection.
    """
    linked = find_linked(store, collection, options)
    with hands.witness() as side:
        faults = check_links(linked, side, options, report, cancel or CancelToken())
        lost = gone(linked, side) if is_release else []
    released = release(lost, store, options)
    left = [one for one in faults if one.path not in released]
    return Checked(len(linked), tuple(left), tuple(released))


def relink(
    store: TreeStore,
    collection: str,
    hands: Hands,
    options: IngestOptions,
    *,
    dry_run: bool = False,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Relinked:
    """Let OMERO's links lead to where the objects at and below a collection are now.

    For administrators, after a rename of what was linked in place. A link is changed only where a file of the
    same size is.
    """
    linked = find_linked(store, collection, options)
    with hands.witness() as side:
        planned = plan_relinks(linked, side, options)
        if dry_run:
            return Relinked(tuple(planned))
        done, failed = repair_links(planned, side, store, options, report, cancel or CancelToken())
    return Relinked(tuple(planned), tuple(done), tuple(failed))
