"""What ``transfer.xml`` keeps in annotations for itself: where files are, where objects come from.

Since January 2024 in an ``XMLAnnotation``. Before that a path was a ``CommentAnnotation`` with a negative id
and the object in its namespace, an origin a ``MapAnnotation`` with a negative id (omero-cli-transfer PR 75).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.names import quoted, unsafe
from omero_irods_bridge.packet.transfer_xml_bookkeeping import NAMESPACE
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.transfer_xml_rows import any_id, child, children, refuse, text_of
from omero_irods_bridge.packet.xml import local_name

PREPARED_NAMESPACE: Final = f"{NAMESPACE}/prepare"
"""Of what ``omero transfer prepare`` says of files that were in no OMERO yet."""

_PATH: Final = "CLITransferServerPath"
_ORIGIN: Final = "CLITransferMetadata"
_TARGET: Final = re.compile(r"(Image|Plate|Annotation):([0-9]{1,18})", re.ASCII)
_TIME: Final = "%d/%m/%Y, %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object comes from, as whoever packed it says; none for what is not said.

    ``id`` is what it had there. ``packed_at`` is the local time of the machine that packed, without a zone.
    """

    id: int | None = None
    host: str | None = None
    database_uuid: str | None = None
    user: str | None = None
    group: str | None = None
    packed_at: datetime | None = None
    software: str | None = None
    version: str | None = None


@dataclass(slots=True)
class Bookkeeping:
    """All of it in one file, and after :meth:`assign` of which objects it is.

    ``paths`` and ``origins`` are by reference (``Image:5``, ``FileAnnotation:7``). A path has no ``./``
    before it and no ``/`` behind it, and is safe (names.py).
    """

    paths: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    is_old: bool = False
    is_prepared: bool = False
    _paths: dict[int, str] = field(default_factory=dict)
    _origins: dict[int, Origin] = field(default_factory=dict)
    _named: dict[tuple[str, int], str] = field(default_factory=dict)

    def read(self, element: Node) -> bool:
        """Take an annotation if it is of this kind; whether it is."""
        number = any_id(element, "Annotation")
        kind, namespace = local_name(element), element.get("Namespace", "")
        if kind == "XMLAnnotation":
            return self._read_xml(element, number, namespace)
        if kind == "CommentAnnotation" and number < 0:
            self.is_old = True
            self._add_path(element, number, namespace, text_of(element, "Value") or "")
            return True
        if kind == "MapAnnotation" and number < 0 and namespace == NAMESPACE:
            value = child(element, "Value")
            pairs = [] if value is None else children(value, "M")
            self._add_origin(element, number, {one.get("K", ""): one.text or "" for one in pairs})
            return True
        return False

    def _read_xml(self, element: Node, number: int, namespace: str) -> bool:
        value = child(element, "Value")
        if value is None or not (namespace.startswith(NAMESPACE) or _TARGET.fullmatch(namespace)):
            return False
        path, origin = child(value, _PATH), child(value, _ORIGIN)
        if path is not None:
            self._add_path(element, number, namespace, (text_of(path, "Path") or "").strip())
        elif origin is not None:
            self.is_prepared = self.is_prepared or namespace == PREPARED_NAMESPACE
            told = {local_name(one): (one.text or "").strip() for one in origin.iterchildren()}
            self._add_origin(element, number, told)
        return path is not None or origin is not None

    def _add_path(self, element: Node, number: int, namespace: str, text: str) -> None:
        path = text.removeprefix("./").rstrip("/")
        if problem := unsafe(path):
            refuse(element, f"has a path that is not read: {quoted(path)} {problem}")
        if self._paths.setdefault(number, path) != path or number in self._origins:
            refuse(element, "has the ID of another annotation")
        if target := _TARGET.fullmatch(namespace):
            self._named[target[1], int(target[2])] = path

    def _add_origin(self, element: Node, number: int, told: Mapping[str, str]) -> None:
        origin = _origin(told)
        if self._origins.setdefault(number, origin) != origin or number in self._paths:
            refuse(element, "has the ID of another annotation")

    def __contains__(self, annotation: int) -> bool:
        return annotation in self._paths or annotation in self._origins

    def assign(self, kind: str, number: int, annotation: int) -> None:
        """An object refers to an annotation that is in here.

        Raises:
            BadPacket: it has another path already. That of a plate says nothing: stock gives it the path of
                the image that was packed last.
        """
        key = f"{kind}:{number}"
        if (origin := self._origins.get(annotation)) is not None:
            self.origins.setdefault(key, origin)
        elif (
            self.paths.setdefault(key, self._paths[annotation]) != self._paths[annotation] and kind == "Image"
        ):
            raise BadPacket(
                f"transfer.xml: {key} has two paths, {quoted(self.paths[key])} and "
                f"{quoted(self._paths[annotation])}."
            )

    def assign_named(self, graph: Graph, annotations: Mapping[int, str]) -> None:
        """Give those that a namespace names their paths; ``annotations`` has references by id.

        What names a figure wins: stock also gives it a path at which it puts nothing.
        """
        for (kind, number), path in self._named.items():
            key = annotations.get(number) if kind == "Annotation" else f"{kind}:{number}"
            if key is not None and key in graph:
                self.paths[key] = path


def _origin(told: Mapping[str, str]) -> Origin:
    number = told.get("origin_image_id", told.get("origin_plate_id", ""))
    return Origin(
        id=int(number) if re.fullmatch("[0-9]{1,18}", number, re.ASCII) else None,
        host=told.get("origin_hostname") or None,
        database_uuid=told.get("database_id") or None,
        user=told.get("original_user") or None,
        group=told.get("original_group") or None,
        packed_at=_time(told.get("packing_timestamp", "")),
        software=told.get("software") or None,
        version=told.get("version") or None,
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIME)
    except ValueError:
        return None


def common_origin(origins: Mapping[str, Origin]) -> Origin:
    """What all objects have in common, without their ids; none of what they differ in."""
    found: Origin | None = None
    for one in origins.values():
        found = replace(one, id=None) if found is None else _common(found, one)
    return found or Origin()


def _common(found: Origin, other: Origin) -> Origin:
    names = ("host", "database_uuid", "user", "group", "packed_at", "software", "version")
    differing = {name: None for name in names if getattr(found, name) != getattr(other, name)}
    return replace(found, **differing) if differing else found
