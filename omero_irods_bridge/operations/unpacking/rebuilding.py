"""Make the graph in OMERO equal to that of the packet, in as many rounds as it takes.

A round reads what there is, pairs it with the packet, and makes what is missing. The last one has nothing to
make: so what was made is also what was compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step, silent
from omero_irods_bridge.model.imports import MARK_NAMESPACE, ImportMark
from omero_irods_bridge.model.loads import mark_pairs
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations.matching.batches import batches
from omero_irods_bridge.operations.matching.difference import Difference, difference
from omero_irods_bridge.operations.matching.pairing import pair
from omero_irods_bridge.operations.unpacking.importing import Arrived
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.operations.unpacking.seeds import (
    MARKED_KINDS,
    Known,
    containers_made,
    rendering_settings,
)
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import Draft

MOST_ROUNDS: Final = 4
"""The first makes, the second finds nothing left; more only when somebody else changes the same objects."""

_NAMED: Final = 5
"""Of what OMERO does not become."""

_KINDS: Final = frozenset(Kind)


@dataclass(slots=True)
class Rebuilt:
    """``last`` is the difference that had nothing left to make, ``made`` counts by class."""

    last: Difference
    made: Counter[str] = field(default_factory=Counter)


def rebuild(
    plan: UnpackPlan, arrived: Arrived, known: Known, receiver: Receiver, report: Report, cancel: CancelToken
) -> Rebuilt:
    """Make all that is missing, except for the bytes of attachments.

    Raises:
        BridgeError: OMERO refuses something, or does not become what it was asked to be.
    """
    made: Counter[str] = Counter()
    found = compare(plan, arrived, known, receiver, report, cancel)
    for _ in range(MOST_ROUNDS):
        if not (found.created or found.changed):
            break
        _make(found, plan, receiver, made, report, cancel)
        found = compare(plan, arrived, known, receiver, report, cancel)
    if not (found.created or found.changed):
        return Rebuilt(found, made)
    raise BridgeError(
        f"OMERO does not become what the packet says, after {MOST_ROUNDS} rounds: {_left(found)}.",
        hint="Somebody may be changing the same objects. Run the same command again to go on.",
    )


def _left(found: Difference) -> str:
    """What is still to be done, by the keys of the packet."""
    key = found.pairs.source.key
    told = [f"{key(node)} is missing" for node in found.created[:_NAMED]]
    told += [f"{key(one.source)} has another {' and '.join(one.fields)}" for one in found.changed[:_NAMED]]
    more = len(found.created) + len(found.changed) - len(told[:_NAMED])
    return "; ".join(told[:_NAMED]) + (f"; and {more:,} more" if more else "")


def compare(
    plan: UnpackPlan, arrived: Arrived, known: Known, receiver: Receiver, report: Report, cancel: CancelToken
) -> Difference:
    """What the packet has and OMERO has not."""
    report(Step("Reading what OMERO has of this load"))
    containers = containers_made(receiver.book.find_marked(plan.load, MARKED_KINDS))
    seeds = {**known.seeds, **arrived.seeds, **containers}
    there = Graph()
    others = [key for key in containers.values() if key.partition(":")[0] not in _KINDS]
    receiver.server.read_graph(
        _objects(arrived, containers), there.add, also=others, report=silent, cancel=cancel
    )
    for row in receiver.links.find(list(known.untouched), list(seeds.values())):
        there.add(row)
    seeds |= rendering_settings(plan.content.graph, there, arrived.seeds)
    return difference(
        pair(
            plan.content.graph,
            there,
            seeds,
            receiver.model,
            untouched=known.untouched,
            by_owner=plan.request.as_owner,
            me=f"Experimenter:{receiver.server.identity.user_id}",
        )
    )


def _objects(arrived: Arrived, containers: Mapping[str, str]) -> list[ObjectRef]:
    found = [ObjectRef(Kind.IMAGE, number) for number in arrived.images]
    found += [ObjectRef(Kind.PLATE, number) for number in arrived.plates]
    for key in containers.values():
        kind, _, number = key.partition(":")
        if kind in _KINDS:
            found.append(ObjectRef(Kind(kind), int(number)))
    return found


def _make(
    found: Difference,
    plan: UnpackPlan,
    receiver: Receiver,
    made: Counter[str],
    report: Report,
    cancel: CancelToken,
) -> None:
    total = len(found.created) + len(found.changed)
    report(Step("Making what OMERO does not have yet", items_total=total))
    done = 0
    for batch in batches(found, _marker(plan)):
        cancel.check()
        batch.saved(receiver.writer.save(batch.drafts))
        made.update(source.partition(":")[0] for source in batch.sources.values())
        done += len(batch.drafts)
        report(Progress(items_done=min(done, total)))


def _marker(plan: UnpackPlan) -> Callable[[str], Draft]:
    def mark(source: str) -> Draft:
        pairs = mark_pairs(ImportMark(plan.load, plan.request.packet, source))
        return {"@": "MapAnnotation:_0", "ns": MARK_NAMESPACE, "mapValue": [list(one) for one in pairs]}

    return mark
