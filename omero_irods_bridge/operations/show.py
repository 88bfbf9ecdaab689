"""What is in a packet, read from its end: the directory, the manifest, and the graph only for the tree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind
from omero_irods_bridge.packet.graph import Graph, lines_of, read_jsonl
from omero_irods_bridge.packet.manifest import Manifest, ManifestMember, read_manifest, unlisted
from omero_irods_bridge.packet.reading import GRAPH, Container, Packet
from omero_irods_bridge.ports import Row


@dataclass(frozen=True, slots=True)
class ShownMember:
    """A member; ``packed`` is what the manifest says of it, none for one that it does not name."""

    path: str
    size: int
    packed: ManifestMember | None


@dataclass(frozen=True, slots=True)
class Contents:
    """A packet. ``manifest`` is none for one that the stock tool made; ``members`` are sorted by path."""

    container: Container
    manifest: Manifest | None
    members: tuple[ShownMember, ...]
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members)

    @property
    def roles(self) -> Mapping[FileRole, int]:
        """How many members the manifest names for each role."""
        return Counter(member.packed.role for member in self.members if member.packed is not None)


@dataclass(frozen=True, slots=True)
class Branch:
    """An object in the tree of a packet; ``depth`` is 0 for one that nothing in the packet holds."""

    depth: int
    ref: str
    name: str


def show(packet: Packet) -> Contents:
    """What is in a packet; reads its directory, which is open already, and the manifest.

    Raises:
        BadPacket: the manifest is malformed, or not the one of this packet.
    """
    manifest = read_manifest(packet) if packet.has_manifest else None
    packed = {} if manifest is None else {member.path: member for member in manifest.members}
    members = (ShownMember(path, one.size, packed.get(path)) for path, one in packet.members.items())
    notes = list(packet.notes)
    if manifest is not None:
        notes += [
            f"{path} is not in the manifest: it was added later." for path in unlisted(manifest, packet)
        ]
    return Contents(
        packet.container, manifest, tuple(sorted(members, key=lambda one: one.path)), tuple(notes)
    )


_HOLDING: Final = (
    ("ProjectDatasetLink", "parent", "child"),
    ("DatasetImageLink", "parent", "child"),
    ("ScreenPlateLink", "parent", "child"),
    ("Well", "plate", "@"),
    ("WellSample", "well", "image"),
)
"""Rows of which class say what holds what, and in which fields."""


_KINDS: Final = tuple(map(str, Kind))


def tree(packet: Packet) -> tuple[Branch, ...]:
    """Projects, datasets, screens, plates, wells and images, each below what holds it; reads the whole graph.

    Raises:
        NotFound: the packet has no graph; the stock tool made it.
        BadPacket: the graph is malformed.
    """
    if GRAPH not in packet.members:
        raise NotFound(
            f"The packet has no {GRAPH}, from which the tree is drawn: omero-irods did not pack it.",
            hint="Show it without --tree.",
        )
    _header, graph = read_jsonl(lines_of(packet.chunks(GRAPH)))
    children = _children(graph)
    held = {ref for refs in children.values() for ref in refs}
    tops = (f"{kind}:{number}" for kind in Kind for number in graph.ids(kind))
    return tuple(branch for ref in tops if ref not in held for branch in _below(graph, children, ref, 0))


def _below(graph: Graph, children: Mapping[str, list[str]], ref: str, depth: int) -> Iterator[Branch]:
    yield Branch(depth, ref, _name(graph.one(ref) or {}))
    for child in children.get(ref, ()):
        yield from _below(graph, children, child, depth + 1)


def _children(graph: Graph) -> Mapping[str, list[str]]:
    """The objects directly below each one, in the order of their rows."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for table, parent, child in _HOLDING:
        for row in graph.rows(table):
            holder, held = row.get(parent), row.get(child)
            if holder and held and holder in graph and held in graph and _is_within(held, holder):
                found[holder].append(held)
    return found


def _is_within(held: str, holder: str) -> bool:
    """Whether their kinds can be so; in a hostile packet something may hold itself."""
    inner, outer = held.partition(":")[0], holder.partition(":")[0]
    return inner in _KINDS and outer in _KINDS and _KINDS.index(outer) < _KINDS.index(inner)


def _name(row: Row) -> str:
    """What OMERO.web calls it: a well by row and column."""
    if row.get("name"):
        return str(row["name"])
    line, column = row.get("row"), row.get("column")
    return f"{_letters(line)}{column + 1}" if isinstance(line, int) and isinstance(column, int) else ""


def _letters(row: int) -> str:
    """``A`` for 0, ``Z`` for 25, ``AA`` for 26."""
    return (_letters(row // 26 - 1) if row >= 26 else "") + chr(ord("A") + row % 26)
