"""Ingest: what lies in iRODS, in collections that opted in, appears in OMERO; each content once.

Marks that rules set and wake-ups are hints. What counts is the catalog: a scan finds what opted in, leaves
what is in OMERO already, waits for what is not complete, and imports the rest in place or by copy.
"""

from __future__ import annotations

from omero_irods_bridge.model.events import CancelToken, Report, silent
from omero_irods_bridge.model.ingest import IngestOptions, IngestResult
from omero_irods_bridge.operations.ingesting.applying import carry_out
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.ingesting.planning import IngestPlan, make_plan
from omero_irods_bridge.operations.ingesting.probing import Places
from omero_irods_bridge.ports import Clock, TreeStore

__all__ = ["Hands", "IngestPlan", "IngestSide", "apply", "plan", "scan"]


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

    Raises:
        NotFound: the collection is not there.
        Unreachable: iRODS does not answer.
    """
    return make_plan(
        store, collection, hands, options, clock=clock, report=report, cancel=cancel or CancelToken()
    )


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
    places = Places(plan.options.paths, hands, report)
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
