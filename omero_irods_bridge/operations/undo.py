"""Undo: remove from OMERO just what one load has made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.loads import LoadRecord
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.operations.unpacking.seeds import MARKED_KINDS
from omero_irods_bridge.packet.graph import Graph, id_of

_TAG = "TagAnnotation"


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What will be deleted. ``objects`` are ids by class; ``tags`` go too if nobody else has used them."""

    load: str
    record: LoadRecord | None
    objects: Mapping[str, tuple[int, ...]]
    tags: tuple[str, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each class are named; what belongs to them goes with them."""
        return {name: len(ids) for name, ids in self.objects.items()}


def plan(load: str, receiver: Receiver, *, cancel: CancelToken | None = None) -> UndoPlan:
    """Find what a load has made. Changes nothing.

    Raises:
        NotFound: there is no such load, or this user may not see it.
    """
    record = receiver.book.find(load)
    objects: dict[str, list[int]] = defaultdict(list)
    images: list[int] = []
    for fileset in receiver.importer.find_marked(load):
        objects["Fileset"].append(fileset.id)
        objects["Plate"] += fileset.plates
        images += fileset.images
    for one in receiver.book.find_marked(load, MARKED_KINDS):
        objects[one.key.partition(":")[0]].append(id_of(one.key))
    if record is None and not objects:
        raise NotFound(f"There is no load {load}.", hint="See which there are: omero-irods loads")
    found = {name: tuple(sorted(set(ids))) for name, ids in sorted(objects.items()) if ids}
    return UndoPlan(load, record, found, _tags(load, record, found, images, receiver, cancel))


def apply(plan: UndoPlan, receiver: Receiver, *, report: Report = silent) -> None:
    """Delete what the plan names, in one request, then its tags, then what OMERO remembers of the load.

    Safe to repeat. Contents of its containers that somebody else put there stay, without a container.

    Raises:
        AccessDenied: OMERO does not let this user delete some of it; then all stays.
    """
    report(Step("Removing what the load has made"))
    if plan.record is not None and plan.tags:
        receiver.book.write_id_map(plan.load, [(tag, tag) for tag in plan.tags])
    receiver.writer.delete(plan.objects, keep=(_TAG,))
    unused = receiver.links.unused(plan.tags)
    if unused:
        receiver.writer.delete({_TAG: [id_of(tag) for tag in unused]})
    receiver.book.forget(plan.load)


def _tags(
    load: str,
    record: LoadRecord | None,
    objects: Mapping[str, tuple[int, ...]],
    images: list[int],
    receiver: Receiver,
    cancel: CancelToken | None,
) -> tuple[str, ...]:
    """Tags that the load has made: those of its objects but for those that were there before."""
    refs = [ObjectRef(Kind.IMAGE, number) for number in images]
    refs += [ObjectRef(kind, number) for kind in Kind for number in objects.get(kind, ())]
    graph = Graph()
    if refs:
        receiver.server.read_graph(refs, graph.add, cancel=cancel)
    me = f"Experimenter:{receiver.server.identity.user_id}"
    made = {row["@"] for row in graph.rows(_TAG) if (row.get("details") or {}).get("owner") == me}
    made |= {here for there, here in receiver.book.read_id_map(load) if here.startswith(_TAG)}
    return tuple(sorted(made - set(record.reused if record else ()), key=id_of))
