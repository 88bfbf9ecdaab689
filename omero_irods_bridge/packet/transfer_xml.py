"""Writes ``transfer.xml``, which ``omero transfer unpack`` and our own reader read.

Element for element what omero-cli-transfer 1.3 writes of the same objects. Where that loses something and its
own reader takes it, it is written; each such difference is listed with its reason in
``tests/interop/accepted_differences.py``. What XML or the reader cannot take is in ``omero.jsonl`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from lxml import etree

from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.packet.file_list import FileList
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_annotations import (
    annotation_nodes,
    file_paths,
    writable_annotations,
)
from omero_irods_bridge.packet.transfer_xml_bookkeeping import Provenance, fileset_paths
from omero_irods_bridge.packet.transfer_xml_nodes import OME, SCHEMA_LOCATION, XSI, Node
from omero_irods_bridge.packet.transfer_xml_objects import Objects
from omero_irods_bridge.packet.transfer_xml_selection import select
from omero_irods_bridge.packet.transfer_xml_shapes import writable_rois

__all__ = ["Provenance", "write_transfer_xml"]

_PIECE_BYTES: Final = 64 << 10
_ATTRIBUTES: Final = {SCHEMA_LOCATION: f"{OME} {OME}/ome.xsd"}


def write_transfer_xml(
    graph: Graph, roots: Iterable[ObjectRef], files: FileList, provenance: Provenance
) -> Iterator[bytes]:
    """``transfer.xml`` of what is below ``roots``, in pieces of about 64 KiB, in UTF-8.

    ``files`` are those of the packet. Valid against the OME 2016-06 schema but for one thing that only the
    server's users can mend: a namespace of an annotation may be no URI. Takes time in proportion to the rows,
    and memory for the ids alone. The same arguments give the same bytes.
    """
    rois = writable_rois(graph)
    selection = select(graph, roots, writable_annotations(graph, files.annotations), rois)
    objects = Objects(graph, selection, fileset_paths(files.files), provenance)
    used = selection.used_annotations()
    annotations = chain(
        objects.bookkeeping(),
        file_paths(files.annotations, used),
        annotation_nodes(graph, files.annotations, used),
    )
    sink = _Sink()
    with etree.xmlfile(sink, encoding="UTF-8") as out:
        out.write_declaration()
        with out.element(f"{{{OME}}}OME", _ATTRIBUTES, nsmap={None: OME, "xsi": XSI}):
            out.write("\n")
            yield from _written(out, sink, objects.nodes())
            yield from _structured(out, sink, annotations)
            yield from _written(out, sink, objects.rois())
    yield sink.take()


class _Sink:
    """Where lxml writes to."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)

    @property
    def is_full(self) -> bool:
        return self._size >= _PIECE_BYTES

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return taken


def _written(out: etree._IncrementalFileWriter, sink: _Sink, nodes: Iterable[Node]) -> Iterator[bytes]:
    for one in nodes:
        out.write(one, pretty_print=True)
        if sink.is_full:
            yield sink.take()


def _structured(out: etree._IncrementalFileWriter, sink: _Sink, nodes: Iterator[Node]) -> Iterator[bytes]:
    first = next(nodes, None)
    if first is not None:
        with out.element("StructuredAnnotations"):
            out.write("\n")
            yield from _written(out, sink, chain([first], nodes))
        out.write("\n")
