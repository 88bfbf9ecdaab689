"""Annotations of ``transfer.xml`` as rows: the other way of ``transfer_xml_annotations``.

Besides the six kinds that stock has also the others of the OME schema that OMERO has.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from lxml import etree

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import (
    FIRST_MADE_UP,
    UnreadParts,
    any_id,
    boolean_of,
    child,
    children,
    double_of,
    kept,
    object_id,
    refuse,
    text_of,
    whole,
    whole_of,
    xml_of,
)
from omero_irods_bridge.packet.transfer_xml_rows_bookkeeping import Bookkeeping
from omero_irods_bridge.packet.transfer_xml_rows_links import Links, not_there
from omero_irods_bridge.packet.xml import local_name

Told = dict[str, Any]
_Read: TypeAlias = Callable[[Node, int], tuple[Told, Told | None]]
"""Of an element and its id: the fields of its row, and another row where there is one."""


@dataclass(slots=True)
class AnnotationRows:
    """Makes rows of annotations as they come; ``skipped`` are ids of those that have none.

    One of a kind that OMERO has not becomes an XML annotation that says it, unless it is large.
    """

    graph: Graph
    links: Links
    unread: UnreadParts
    bookkeeping: Bookkeeping
    skipped: set[int] = field(default_factory=set)

    def read(self, element: Node) -> None:
        """Add an annotation, or take it for bookkeeping."""
        kind = local_name(element)
        if kind not in _KINDS:
            self._keep(element, f"an annotation {kind[:100]}")
        elif not self.bookkeeping.read(element):
            self._add(element, *_KINDS[kind])

    def _keep(self, element: Node, place: str) -> None:
        number, xml = any_id(element, "Annotation"), xml_of(element)
        if xml is None or not 0 <= number < FIRST_MADE_UP:
            self.skipped.add(number)
            self.unread.add_element(f"{place}, large or of an odd ID", element)
            return
        self._add_row(element, number, kept(number, xml))
        self.unread.add_kept(place, xml)

    def _add(self, element: Node, kind: str, read: _Read) -> None:
        number = object_id(element, "Annotation")
        value, other = read(element, number)
        row = {"@": f"{kind}:{number}", **value}
        if namespace := element.get("Namespace"):
            row["ns"] = namespace
        if description := text_of(element, "Description"):
            row["description"] = description
        self._add_row(element, number, row)
        if other is not None:
            self.graph.add(other)
        self.links.annotate("Annotation", number, element)
        inner = ("Description", "AnnotationRef", "Value", "BinaryFile")
        self.unread.add_rest(element, ("ID", "Namespace"), inner)

    def _add_row(self, element: Node, number: int, row: Told) -> None:
        if row["@"] not in self.graph and f"Annotation:{number}" in self.graph:
            refuse(element, "has the ID of another annotation")
        self.graph.add(row)

    def kinds(self) -> dict[int, str]:
        """The reference of each annotation that has a row, by its id."""
        classes = {kind for kind, _ in _KINDS.values()}
        return {number: f"{kind}:{number}" for kind in classes for number in self.graph.ids(kind)}

    def link(self, left_out: Container[int]) -> None:
        """Add a link for each object and annotation, and give the bookkeeping to whom it belongs.

        ``left_out`` are regions that have no row.

        Raises:
            BadPacket: an annotation is referred to that is not there.
        """
        kinds = self._kinds()
        for kind, number, annotation in self.links.annotated():
            if kind == "Roi" and number in left_out:
                continue
            holder = kinds[number] if kind == "Annotation" else f"{kind}:{number}"
            if annotation in self.bookkeeping:
                self.bookkeeping.assign(holder.partition(":")[0], number, annotation)
            elif annotation in kinds:
                self.graph.add(self.links.row(f"{kind}AnnotationLink", holder, kinds[annotation]))
            elif annotation not in self.skipped:
                raise not_there(holder, f"Annotation:{annotation}")
        self.bookkeeping.assign_named(self.graph, kinds)

    def _kinds(self) -> dict[int, str]:
        """The reference of each annotation that has a row, by its id."""
        classes = {kind for kind, _ in _KINDS.values()}
        found = {number: f"{kind}:{number}" for kind in sorted(classes) for number in self.graph.ids(kind)}
        for number in found:
            if number in self.bookkeeping:
                raise BadPacket(f"transfer.xml has two annotations of the ID Annotation:{number}.")
        return found


def _value(element: Node) -> str:
    value = text_of(element, "Value")
    if value is None:
        refuse(element, "has no Value")
    return value


def _text(field_name: str) -> _Read:
    return lambda element, _number: ({field_name: _value(element)}, None)


def _long(element: Node, _number: int) -> tuple[Told, None]:
    return {"longValue": whole_of(element, "Value", _value(element), 64)}, None


def _double(element: Node, _number: int) -> tuple[Told, None]:
    return {"doubleValue": double_of(element, "Value", _value(element))}, None


def _boolean(element: Node, _number: int) -> tuple[Told, None]:
    return {"boolValue": boolean_of(element, "Value", _value(element))}, None


def _time(element: Node, _number: int) -> tuple[Told, None]:
    """Without a zone it is the local time of this machine, as stock unpack takes it."""
    text = _value(element).strip()
    try:
        return {"timeValue": round(datetime.fromisoformat(text).timestamp() * 1000)}, None
    except (ValueError, OverflowError, OSError):
        refuse(element, f"has the Value {quoted(text)}, which is no time")


def _list(_element: Node, _number: int) -> tuple[Told, None]:
    return {}, None


def _map(element: Node, _number: int) -> tuple[Told, None]:
    value = child(element, "Value")
    pairs = [] if value is None else children(value, "M")
    return {"mapValue": [[one.get("K", ""), one.text or ""] for one in pairs]}, None


def _xml(element: Node, _number: int) -> tuple[Told, None]:
    value = child(element, "Value")
    parts = [] if value is None else [etree.tostring(one, encoding="unicode") for one in value.iterchildren()]
    text = "" if value is None else value.text or ""
    return {"textValue": (text + "".join(parts)).strip()}, None


def _file(element: Node, number: int) -> tuple[Told, Told]:
    """The file has the id of its annotation: it has none of its own in ``transfer.xml``."""
    binary = child(element, "BinaryFile")
    if binary is None:
        refuse(element, "has no BinaryFile")
    full_name, size = binary.get("FileName", ""), whole(binary, "Size", 64, least=0)
    if not full_name or size is None:
        refuse(element, "does not say the FileName and Size of its file")
    folder = _folder(binary)
    if folder is None or not full_name.startswith(folder):
        folder = posixpath.dirname(full_name)
    file = {"@": f"OriginalFile:{number}", "path": folder, "size": size}
    file["name"] = full_name[len(folder) :].lstrip("/") or posixpath.basename(full_name.rstrip("/"))
    return {"file": file["@"]}, file


def _folder(binary: Node) -> str | None:
    """``BinData`` has the folder that the file was attached from, in base64 twice; none for anything else."""
    text = text_of(binary, "BinData")
    try:
        return None if text is None else base64.b64decode(base64.b64decode(text), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


_KINDS: Final[Mapping[str, tuple[str, _Read]]] = {
    "TagAnnotation": ("TagAnnotation", _text("textValue")),
    "MapAnnotation": ("MapAnnotation", _map),
    "CommentAnnotation": ("CommentAnnotation", _text("textValue")),
    "LongAnnotation": ("LongAnnotation", _long),
    "TimestampAnnotation": ("TimestampAnnotation", _time),
    "FileAnnotation": ("FileAnnotation", _file),
    "BooleanAnnotation": ("BooleanAnnotation", _boolean),
    "DoubleAnnotation": ("DoubleAnnotation", _double),
    "TermAnnotation": ("TermAnnotation", _text("termValue")),
    "ListAnnotation": ("ListAnnotation", _list),
    "XMLAnnotation": ("XmlAnnotation", _xml),
}
"""The class in OMERO, and what it says besides namespace and description."""
