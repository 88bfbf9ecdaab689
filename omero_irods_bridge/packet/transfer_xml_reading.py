"""Reads ``transfer.xml`` as rows in the form of ``bridge/omero.jsonl``, so that there is one way to rebuild.

Ids are those of the file. What has none there gets one: pixels that of their image, the file of a file
annotation that of the annotation, a transform that of its shape, links and enumerations one that is made up.
There are no rows of filesets and original files, for the file does not tell of them. ``@sets`` names the
collections of which it tells all there is.

Elements may come in any order, repeated ones must say the same. What nobody knows is noted with its text
(:class:`Unread`). What contradicts the schema or refers to what is not there is refused: nothing is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import Unread, UnreadParts
from omero_irods_bridge.packet.transfer_xml_rows_annotations import AnnotationRows
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import Bookkeeping, Origin
from omero_irods_bridge.packet.transfer_xml_rows_links import Links
from omero_irods_bridge.packet.transfer_xml_rows_objects import KINDS, ObjectRows
from omero_irods_bridge.packet.transfer_xml_rows_shapes import RoiRows
from omero_irods_bridge.packet.xml import iterate_inside, local_name

__all__ = ["Origin", "TransferXml", "Unread", "read_transfer_xml"]

_WRAPPERS: Final = ("OME", "StructuredAnnotations")


@dataclass(frozen=True, slots=True)
class TransferXml:
    """What a ``transfer.xml`` says.

    ``paths`` are those in the packet, of images, plates and file annotations, and ``origins`` those of images
    and plates, by reference. ``is_old`` is a file from before January 2024, ``is_prepared`` one that
    ``omero transfer prepare`` made of files that were in no OMERO.
    """

    graph: Graph
    paths: Mapping[str, str]
    origins: Mapping[str, Origin]
    is_old: bool
    is_prepared: bool
    unread: tuple[Unread, ...]


def read_transfer_xml(chunks: Iterable[bytes]) -> TransferXml:
    """All of a ``transfer.xml``, an element at a time; 10,000 images take about 40 MB.

    Raises:
        BadPacket: it is malformed, hostile, contradicts itself, or refers to what is not there.
    """
    reading = _Reading()
    for element in iterate_inside(chunks, _WRAPPERS):
        reading.read(element)
    return reading.done()


class _Reading:
    def __init__(self) -> None:
        self._graph, self._links, self._unread = Graph(), Links(), UnreadParts()
        self._bookkeeping = Bookkeeping()
        self._objects = ObjectRows(self._graph, self._links, self._unread)
        self._rois = RoiRows(self._graph, self._links, self._unread)
        self._annotations = AnnotationRows(self._graph, self._links, self._unread, self._bookkeeping)

    def read(self, element: Node) -> None:
        kind = local_name(element)
        if kind in KINDS:
            self._objects.read(element, kind)
        elif kind == "ROI":
            self._rois.read(element)
        elif kind.endswith("Annotation"):
            self._annotations.read(element)
        else:
            self._unread.add_element(f"a {kind[:100]}", element)

    def done(self) -> TransferXml:
        self._rois.finish()
        self._objects.check()
        self._links.check_rois(self._graph)
        for row in self._links.contained(self._graph):
            self._graph.add(row)
        self._annotations.link(self._rois.without_image)
        told = self._bookkeeping
        return TransferXml(
            self._graph, told.paths, told.origins, told.is_old, told.is_prepared, self._unread.all()
        )
