"""The part of a packet that some of its objects need: what pack would have put in for them alone.

An object is *whole*, with what it owns, or a *row*, which says what it is. Who owns whom is told by the field
in which what is owned points back (``_OWNERS``): a region to its image, a link to its parent. From a whole
row all references lead to whole rows, but those back to an owner to a row alone: a well says which plate it
is of without all of that plate. Filesets and instruments stay together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.packet.content_values import PacketContent
from omero_irods_bridge.packet.graph import Graph, split_reference
from omero_irods_bridge.ports import Row

_OWNERS: Final = frozenset(
    {
        "parent",
        "plate",
        "plateAcquisition",
        "well",
        "screen",
        "image",
        "pixels",
        "roi",
        "fileset",
        "instrument",
        "renderingDef",
        "channelBinding",
    }
)
"""Fields in which an object of any class points back to its owner."""
_NOT_OWNERS: Final = frozenset({("WellSample", "image"), ("Image", "instrument"), ("Mask", "pixels")})
_OTHER_OWNERS: Final = frozenset(
    {("PixelsOriginalFileMap", "child"), ("FolderImageLink", "child"), ("FolderRoiLink", "child")}
)
_NOT_FROM: Final = frozenset({"PixelsOriginalFileMap", "FolderImageLink", "FolderRoiLink"})
"""Links that belong to their child: the parent holds other things too."""
_KEPT_TOGETHER: Final = frozenset({"fileset", "instrument"})
_TAGGING: Final = "AnnotationAnnotationLink"
_TEXTS: Final = frozenset(
    {"@", "@sets", "name", "description", "textValue", "termValue", "ns", "value", "points", "path", "hash"}
    | {
        "clientPath",
        "omeName",
        "firstName",
        "middleName",
        "lastName",
        "institution",
        "lsid",
        "uuid",
        "message",
    }
    | {"externalIdentifier", "externalDescription", "model", "serialNumber", "lotNumber"}
)
"""Fields in which people write what they like, also what looks like a reference."""
_TEXTS_OF_SOME: Final = frozenset(
    {("Event", "status"), ("Plate", "status"), ("Screen", "type"), ("Well", "status"), ("Well", "type")}
)
"""The same, where the field of that name refers to an enumeration in other classes."""
_NO_TEXTS: Final = frozenset({("RenderingDef", "model")})
"""The other way round."""
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,63}:(0|[1-9][0-9]{0,18})", re.ASCII)


def select(content: PacketContent, only: Sequence[ObjectRef]) -> PacketContent:
    """What ``only`` these objects need, as if they had been packed alone.

    Images of one fileset stay together, for they are in the same files. Problems and notices stay all.

    Raises:
        NotFound: one of them is not in the packet; all such are named.
    """
    missing = [str(one) for one in only if str(one) not in content.graph]
    if missing:
        raise NotFound(
            f"The packet does not have {', '.join(missing[:10])}{', ...' if len(missing) > 10 else ''}.",
            hint="See what it has: omero-irods show --tree",
        )
    walk = _Walk(content.graph, _siblings(content))
    walk.go(map(str, only))
    return replace(
        content,
        graph=walk.graph(),
        roots=tuple(only),
        filesets=tuple(one for one in content.filesets if _images(one.images) & walk.whole),
        attachments=tuple(one for one in content.attachments if one.annotation in walk.whole),
        origins={key: origin for key, origin in content.origins.items() if key in walk.whole},
    )


def without_files(graph: Graph, annotations: Sequence[str]) -> Graph:
    """The graph without these file annotations, their files, and the links to them."""
    gone = set(annotations)
    gone |= {str(row.get("file")) for key in annotations if (row := graph.one(key))}
    found = Graph()
    for name in graph.classes():
        for row in graph.rows(name):
            is_link = name.endswith("Link")
            if row["@"] not in gone and not (
                is_link and {str(row.get("parent")), str(row.get("child"))} & gone
            ):
                found.add(row)
    return found


def _images(images: Mapping[int, int]) -> set[str]:
    return {f"Image:{number}" for number in images.values()}


def _siblings(content: PacketContent) -> dict[str, set[str]]:
    """For each image of a fileset with several, all of them."""
    found: dict[str, set[str]] = {}
    for fileset in content.filesets:
        images = _images(fileset.images)
        found.update(dict.fromkeys(images, images) if len(images) > 1 else {})
    return found


@dataclass(slots=True)
class _Walk:
    source: Graph
    siblings: dict[str, set[str]]
    whole: set[str] = field(default_factory=set)
    """Also those that have no row."""
    rows: set[str] = field(default_factory=set)

    def go(self, start: Iterable[str]) -> None:
        """From ``start``, step by step; a step goes through the rows as they lie, which is quick."""
        owned = _owned(self.source)
        step = set(start)
        while step:
            self.whole |= step
            found: set[str] = set()
            for key in sorted(step, key=split_reference):
                found.update(owned.get(key, ()), self.siblings.get(key, ()), self._forward(key))
            step = found - self.whole
        self._follow_rows()

    def _forward(self, key: str) -> Iterator[str]:
        """What a whole object refers to; a reference back to an owner is kept for later."""
        row = self.source.one(key) or {}
        name = split_reference(key)[0]
        for told, reference in _references(row):
            if told == "details" or (told not in _KEPT_TOGETHER and _is_owner(name, told)):
                self.rows.add(reference)
            else:
                yield reference

    def _follow_rows(self) -> None:
        """Rows that others refer to, and what these refer to."""
        step = self.rows - self.whole
        self.rows = set()
        while step:
            self.rows |= step
            rows = (_bare(self.source.one(key) or {}) for key in sorted(step, key=split_reference))
            found = {reference for row in rows for _, reference in _references(row)}
            step = found - self.rows - self.whole

    def graph(self) -> Graph:
        found = Graph()
        for name in self.source.classes():
            for row in self.source.rows(name):
                if row["@"] in self.whole:
                    found.add(row)
                elif row["@"] in self.rows:
                    found.add(_bare(row))
        return found


def _owned(graph: Graph) -> dict[str, list[str]]:
    """What each object owns, by the references that point back."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in graph.classes():
        for row in graph.rows(name):
            for told, value in row.items():
                if isinstance(value, str) and _is_owner(name, told):
                    found[value].append(row["@"])
            if name == _TAGGING and str(row.get("parent")).startswith("TagAnnotation:"):
                found[str(row.get("child"))].append(row["@"])  # a tag says which sets it is in
    return found


def _is_owner(name: str, told: str) -> bool:
    if (name, told) in _OTHER_OWNERS:
        return True
    return (
        told in _OWNERS and (name, told) not in _NOT_OWNERS and not (name in _NOT_FROM and told == "parent")
    )


def _references(row: Row) -> Iterator[tuple[str, str]]:
    """Fields, and what they refer to."""
    name = row["@"].partition(":")[0] if row else ""
    for told, value in row.items():
        if _is_text(name, told):
            continue
        for one in _flat(value):
            if isinstance(one, str) and _REFERENCE.fullmatch(one):
                yield told, one


def _is_text(name: str, told: str) -> bool:
    return (name, told) in _TEXTS_OF_SOME or (told in _TEXTS and (name, told) not in _NO_TEXTS)


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    else:
        yield value


def _bare(row: Row) -> dict[str, Any]:
    """Without its collections: not all that is in them is here."""
    return {told: value for told, value in row.items() if told != "@sets" and not _is_list(value)}


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(one is None or isinstance(one, str) for one in value)
