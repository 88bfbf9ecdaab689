"""Undo: remove from OMERO just what one load has made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass
from math import inf
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.loads import LoadRecord, LoadState, MarkedObject
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.operations.unpacking.seeds import MARKED_KINDS
from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.ports import Row

SHARED: Final = ("FileAnnotation", "TagAnnotation", "TermAnnotation")
"""Annotations that may hang on several objects, and on what is not the load's."""

_UNKNOWN: Final[Row] = {"experimenter": "", "time": inf}
"""An event of which nothing is known."""

_LINK: Final = "AnnotationAnnotationLink"
"""Named too: one may hold a tag of the load in a tag set that was there before."""


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What will be deleted: ``objects`` are ids by class, ``shared`` annotations go if nobody uses them.

    With ``problems`` it cannot be carried out.
    """

    load: str
    record: LoadRecord | None
    objects: Mapping[str, tuple[int, ...]]
    shared: tuple[str, ...]
    problems: tuple[BridgeError, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each class are named; what belongs to them goes with them."""
        return {name: len(ids) for name, ids in self.objects.items()}


def plan(load: str, receiver: Receiver, *, cancel: CancelToken | None = None) -> UndoPlan:
    """Find what a load has made. Changes nothing.

    Raises:
        NotFound: there is no such load, or this user may not see it.
        UsageError: it is in another group than the session, which sees only a part of it.
    """
    record = receiver.book.find(load)
    _check_group(record, receiver)
    objects: dict[str, list[int]] = defaultdict(list)
    images: list[int] = []
    filesets = receiver.importer.find_marked(load)
    refused = [f"Fileset:{one.id}" for one in filesets if not one.may_delete]
    for fileset in filesets:
        objects["Fileset"].append(fileset.id)
        objects["Plate"] += fileset.plates
        images += fileset.images
    id_map = {here for _, here in receiver.book.read_id_map(load)}
    made = {here for here in id_map if here.startswith((*SHARED, _LINK))}
    for one in _marked(load, record, id_map, receiver):
        if one.key.startswith(SHARED):
            made.add(one.key)
        else:
            objects[one.key.partition(":")[0]].append(id_of(one.key))
            refused += [] if one.may_delete else [one.key]
    if record is None and not (objects or made):
        raise NotFound(f"There is no load {load}.", hint="See which there are: omero-irods loads")
    found = {name: tuple(sorted(set(ids))) for name, ids in sorted(objects.items()) if ids}
    if record is None or record.state is LoadState.RUNNING:
        refs = [ObjectRef(Kind.IMAGE, number) for number in images]
        refs += [ObjectRef(kind, number) for kind in Kind for number in found.get(kind, ())]
        made.update(_made_by_caller(refs, receiver, cancel))
    made -= set(record.reused if record else ())
    if links := sorted(id_of(key) for key in made if key.startswith(_LINK)):
        found[_LINK] = tuple(links)
    shared = (key for key in made if not key.startswith(_LINK))
    return UndoPlan(load, record, found, tuple(sorted(shared, key=id_of)), _problems(refused))


def _marked(
    load: str, record: LoadRecord | None, id_map: Set[str], receiver: Receiver
) -> Iterator[MarkedObject]:
    """What carries the mark of the load; of one that is done no duplicates, which have marks too."""
    is_done = record is not None and record.state is LoadState.DONE and bool(id_map)
    for one in receiver.book.find_marked(load, MARKED_KINDS):
        if not is_done or one.key in id_map:
            yield one


def _problems(refused: Sequence[str]) -> tuple[BridgeError, ...]:
    if not refused:
        return ()
    what = ", ".join(refused[:5]) + (", ..." if refused[5:] else "")
    hint = "Ask the owner of the group, or an administrator with the privilege DeleteOwned."
    return (AccessDenied(f"OMERO does not let you delete {what}: others own them.", hint=hint),)


def _check_group(record: LoadRecord | None, receiver: Receiver) -> None:
    group = receiver.server.identity.group
    if record is not None and record.group != group:
        raise UsageError(
            f"The load {record.load} is in the group {record.group}, and you work in {group}.",
            hint=f"Say so: omero-irods undo {record.load} --group '{record.group}'",
        )


def apply(plan: UndoPlan, receiver: Receiver, *, report: Report = silent) -> None:
    """Delete what the plan names in one request, then what it shares, then what OMERO remembers of the load.

    Safe to repeat. Contents of its containers that somebody else put there stay, without a container.

    Raises:
        Busy: a process is carrying out the load at the moment.
        AccessDenied: OMERO does not let this user delete some of it; then all stays.
    """
    if plan.problems:
        raise plan.problems[0]
    report(Step("Removing what the load has made"))
    with receiver.book.claim(plan.load) if plan.record else nullcontext():
        _apply_alone(plan, receiver)


def _apply_alone(plan: UndoPlan, receiver: Receiver) -> None:
    _remember(plan, receiver)
    receiver.writer.delete(plan.objects, keep=SHARED)
    left = set(plan.shared)
    while unused := receiver.links.unused(sorted(left, key=id_of)):
        receiver.writer.delete(_by_class(unused), keep=SHARED)
        left -= set(unused)  # what hung on them may hang on nothing now
    receiver.book.forget(plan.load)


def _remember(plan: UndoPlan, receiver: Receiver) -> None:
    """Nothing leads to a shared annotation when the objects are gone and this process dies."""
    if plan.record is not None:
        known = receiver.book.read_id_map(plan.load)
        missing = set(plan.shared) - {here for _, here in known}
        if missing:  # links are found again by what they lead to
            receiver.book.write_id_map(plan.load, [*known, *((key, key) for key in sorted(missing))])


def _made_by_caller(
    refs: Sequence[ObjectRef], receiver: Receiver, cancel: CancelToken | None
) -> Iterator[str]:
    """Shared annotations of a load that broke off, and links to them: events say who made them, and when.

    What is older than all that the load has made for them to hang on was there before it.
    """
    if not refs:
        return
    graph = Graph()
    receiver.server.read_graph(refs, graph.add, cancel=cancel)
    me = f"Experimenter:{receiver.server.identity.user_id}"
    began = min(_event_of(graph.one(str(ref)) or {}, graph)["time"] for ref in refs)
    for name in (*SHARED, _LINK):
        for row in graph.rows(name):
            event = _event_of(row, graph)
            if event["experimenter"] == me and event["time"] >= began:
                yield row["@"]


def _event_of(row: Row, graph: Graph) -> Row:
    return graph.one((row.get("details") or {}).get("creationEvent")) or _UNKNOWN


def _by_class(keys: Iterable[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        found[key.partition(":")[0]].append(id_of(key))
    return found
