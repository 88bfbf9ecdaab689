"""Annotations in ``transfer.xml`` (stock: ``add_annotation``).

Six kinds, those that stock unpack makes anew. It fails on references to others, so these are in
``omero.jsonl`` alone. Namespaces and descriptions are told of every kind, though stock pack drops most.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Callable, Container, Iterator, Mapping
from datetime import datetime
from typing import Final

from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.packet.graph import Graph, id_of, split_reference
from omero_irods_bridge.packet.transfer_xml_bookkeeping import NAMESPACE, Entry, entry_id, path_node
from omero_irods_bridge.packet.transfer_xml_nodes import Node, node, reference
from omero_irods_bridge.ports import Row

Files = Mapping[int, SourceFile]
"""By the id of the file annotation."""


def writable_annotations(graph: Graph, files: Files) -> set[int]:
    """Those that an object may refer to. Figures are told of, but not by objects: unpack may skip them."""
    found = {number for number, file in files.items() if file.role is FileRole.ATTACHMENT}
    for kind in _VALUES:
        found.update(id_of(row["@"]) for row in graph.rows(kind) if _value(row) is not None)
    return found


def file_paths(files: Files, used: Container[int]) -> Iterator[Node]:
    """Where the files of annotations are: figures say it in a namespace of their own."""
    for number, file in files.items():
        if file.role is FileRole.FIGURE:
            yield path_node(Entry.FILE_PATH, number, file.member, f"Annotation:{number}")
        elif number in used:
            yield path_node(Entry.FILE_PATH, number, file.member, NAMESPACE)


def annotation_nodes(graph: Graph, files: Files, used: Container[int]) -> Iterator[Node]:
    """All figures, and of the others those that are ``used``, kind by kind as stock has them."""
    for row in graph.rows("FileAnnotation"):
        file = files.get(id_of(row["@"]))
        if file is not None and (file.role is FileRole.FIGURE or id_of(row["@"]) in used):
            yield _file_annotation(row, graph.one(row["file"]) or {})
    for kind in _VALUES:
        for row in graph.rows(kind):
            if id_of(row["@"]) in used and (value := _value(row)) is not None:
                yield _annotation(row, [], value)


def _annotation(row: Row, references: list[Node], value: Node) -> Node:
    kind, number = split_reference(row["@"])
    description = [node("Description", text=row["description"])] if row.get("description") else []
    attributes = {"ID": f"Annotation:{number}", "Namespace": row.get("ns")}
    return node(kind, attributes, [*description, *references, value])


def _file_annotation(row: Row, file: Row) -> Node:
    """``BinData`` has the folder that the file was attached from, in base64 twice; its bytes are a member."""
    path = file.get("path") or ""
    coded = base64.b64encode(path.encode(errors="replace"))
    binary = node("BinData", {"BigEndian": True, "Length": len(coded)}, text=base64.b64encode(coded).decode())
    attributes = {"FileName": posixpath.join(path, file.get("name") or ""), "Size": file.get("size") or 0}
    path_reference = reference("Annotation", entry_id(Entry.FILE_PATH, id_of(row["@"])))
    return _annotation(row, [path_reference], node("BinaryFile", attributes, [binary]))


def _value(row: Row) -> Node | None:
    """None where there is no value that the schema takes."""
    return _VALUES[split_reference(row["@"])[0]](row)


def _text(row: Row) -> Node:
    return node("Value", text=row.get("textValue") or "")


def _long(row: Row) -> Node | None:
    return None if row.get("longValue") is None else node("Value", text=row["longValue"])


def _time(row: Row) -> Node | None:
    """In the local time of this machine, without a zone: what stock unpack takes it for."""
    try:
        time = datetime.fromtimestamp(row["timeValue"] / 1000)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
    return node("Value", text=time.isoformat(timespec="milliseconds" if time.microsecond else "seconds"))


def _map(row: Row) -> Node:
    """Pairs in their order, the repeated ones too."""
    pairs = [pair for pair in row.get("mapValue") or () if pair]
    return node("Value", children=[node("M", {"K": key}, text=value or "") for key, value in pairs])


_VALUES: Final[Mapping[str, Callable[[Row], Node | None]]] = {
    "LongAnnotation": _long,
    "CommentAnnotation": _text,
    "TimestampAnnotation": _time,
    "TagAnnotation": _text,
    "MapAnnotation": _map,
}
