"""Describe a written packet and give it its final name."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from omero_irods_bridge.model.errors import BridgeError, TargetExists, Unreachable
from omero_irods_bridge.model.events import Notice, Report
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Description, listed, to_avus
from omero_irods_bridge.model.stored import Avu, Collection, DataObject, name_of
from omero_irods_bridge.operations.packing.destination import Stored
from omero_irods_bridge.operations.packing.planning import SOFTWARE, PackPlan, target_exists
from omero_irods_bridge.operations.targets import next_version
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import ObjectStore, Row


def describe(plan: PackPlan, stored: Stored) -> Description:
    """What the AVUs of the snapshot say."""
    images = sorted(plan.graph.ids("Image"))
    root = plan.graph.one(str(plan.request.objects[0])) or {}
    return Description(
        server=plan.identity.uuid,
        host=plan.identity.host,
        sources=listed(tuple(map(str, plan.request.objects))),
        name=plan.name,
        owner=_named(plan.graph, root, "owner", "omeName"),
        group=_named(plan.graph, root, "group", "name"),
        packed_by=plan.identity.user,
        images=len(images),
        files=sum(one.role is not FileRole.METADATA for one in plan.files),
        size=stored.size,
        sha256=stored.sha256.hex,
        packed_at=plan.moment,
        software=SOFTWARE,
        note=plan.request.note,
        job=plan.request.job,
        image_ids=listed(images),
    )


def _named(graph: Graph, row: Row, detail: str, field: str) -> str:
    """The name of the owner or group of an object."""
    found = graph.one(row.get("details", {}).get(detail)) or {}
    return str(found.get(field, ""))


def annotate(
    store: ObjectStore, path: str, description: Description, prefix: str, *, more: Iterable[Avu] = ()
) -> None:
    """Give the packet its AVUs, all in one call; what an earlier run may have left under our prefix goes."""
    wanted = {*to_avus(description, prefix), *more}
    present = {avu for avu in store.avus(path) if avu.attribute.startswith(prefix)}
    store.change_avus(path, add=sorted(wanted - present), remove=sorted(present - wanted))


def seal(store: ObjectStore, path: str, plan: PackPlan, report: Report) -> str:
    """Give the packet its final name, the next free one where others were quicker; nothing is overwritten.

    Raises:
        TargetExists: the name was taken meanwhile and the request says to refuse.
    """
    packet = store.find(path)
    for version in count(plan.version):
        target = next_version(plan.wanted, version)
        try:
            rename(store, path, target, packet)
        except TargetExists:
            if plan.request.existing is Existing.REFUSE:
                raise target_exists(target) from None
            continue
        if version != plan.version:
            report(Notice(f"{name_of(plan.target)} was taken meanwhile; the snapshot is {name_of(target)}."))
        return target
    raise AssertionError("count() does not end")


def rename(store: ObjectStore, path: str, target: str, packet: DataObject | Collection | None) -> None:
    """Rename; when the answer is lost, look whether ``packet``, and nothing else, has arrived.

    Raises:
        TargetExists: there is something at ``target``.
    """
    try:
        store.move(path, target)
    except Unreachable:
        if packet is None or not _is_at(store, target, packet):
            raise


def _is_at(store: ObjectStore, target: str, packet: DataObject | Collection) -> bool:
    try:
        found = store.find(target)
    except BridgeError:
        return False
    return found is not None and (type(found), found.id) == (type(packet), packet.id)
