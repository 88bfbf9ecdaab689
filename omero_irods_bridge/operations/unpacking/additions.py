"""Rows that a load adds to those of the packet: where it goes, and the marks that the stock tool looks for.

Their ids are made up, beyond those that a packet can have, and the same each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.operations.unpacking.owners import NOBODY, owner_of
from omero_irods_bridge.packet.content_of_packet import PacketContent
from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.packet.transfer_xml_bookkeeping import NAMESPACE
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import Origin
from omero_irods_bridge.ports import Row

_FIRST_ID: Final = 8 * 10**18

HOLDS: Final = {Kind.PROJECT: Kind.DATASET, Kind.DATASET: Kind.IMAGE, Kind.SCREEN: Kind.PLATE}
"""What a container takes."""

_LINKS: Final = {
    Kind.PROJECT: "ProjectDatasetLink",
    Kind.DATASET: "DatasetImageLink",
    Kind.SCREEN: "ScreenPlateLink",
}


def stand_in(target: ObjectRef) -> str:
    """The key, in the packet's graph, of a container that is on the server and in no packet."""
    return f"{target.kind}:{_FIRST_ID + target.id}"


def add_target(graph: Graph, roots: tuple[ObjectRef, ...], into: ObjectRef) -> None:
    """Let all roots that ``into`` takes be in it."""
    graph.add({"@": stand_in(into)})
    for root in roots:
        if root.kind is HOLDS[into.kind]:
            key = f"{_LINKS[into.kind]}:{_FIRST_ID + root.id}"
            graph.add({"@": key, "parent": stand_in(into), "child": str(root)})


def add_markers(graph: Graph, content: PacketContent) -> None:
    """Give each image and plate the map annotation by which the stock tool knows what was transferred.

    As ``omero transfer unpack`` writes it, which makes one of each provenance annotation; of the same owner
    as what it is on.
    """
    for kind in ("Image", "Plate"):
        for reference in [f"{kind}:{number}" for number in graph.ids(kind)]:
            owner = owner_of(graph.one(reference))
            details = {"details": {"owner": owner}} if owner != NOBODY else {}
            for row in _marker(kind, reference, content.origins.get(reference, content.origin)):
                graph.add({**row, **details})


def _marker(kind: str, reference: str, origin: Origin) -> Iterator[Row]:
    number = _FIRST_ID + 2 * id_of(reference) + (kind == "Plate")
    pairs = list(_told(kind.lower(), id_of(reference), origin))
    yield {"@": f"MapAnnotation:{number}", "ns": NAMESPACE, "mapValue": pairs}
    yield {"@": f"{kind}AnnotationLink:{number}", "parent": reference, "child": f"MapAnnotation:{number}"}


def _told(kind: str, number: int, origin: Origin) -> Iterator[list[str]]:
    told: dict[str, Any] = {
        f"origin_{kind}_id": origin.id or number,
        "packing_timestamp": origin.packed_at and origin.packed_at.strftime("%d/%m/%Y, %H:%M:%S"),
        "software": origin.software,
        "version": origin.version,
        "origin_hostname": origin.host,
        "original_user": origin.user,
        "original_group": origin.group,
        "database_id": origin.database_uuid,
    }
    return ([key, str(value)] for key, value in told.items() if value)
