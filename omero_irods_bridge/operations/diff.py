"""Diff: what is otherwise in OMERO now, or in another packet, than in a snapshot. Changes nothing.

Objects are known again by their ids on the server that they were packed from, by the id map of a load
elsewhere, or else by name below an object that a person names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.loads import LoadRecord
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations.diffing.naming import seeds_by_name
from omero_irods_bridge.operations.matching import Change, Difference, What, difference, pair, same_ids, tell
from omero_irods_bridge.operations.matching.forms import check_rows
from omero_irods_bridge.operations.matching.rules import NOT_CARRIED, PEOPLE
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan, packet_sha256
from omero_irods_bridge.operations.unpacking.preparing import prepared
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import PacketContent, PacketForm, load_content, select
from omero_irods_bridge.packet.file_list import is_figure
from omero_irods_bridge.packet.graph import FAMILIES, Graph
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.ports import ImageServer, ObjectModel, Row

_COUNTED: Final = ("Project", "Dataset", "Screen", "Plate", "Image", "Roi", *FAMILIES["Annotation"])
_READ: Final = frozenset({*Kind, "Folder", *FAMILIES["Annotation"]})
"""Classes whose objects are looked for one by one: they may have been moved out of what held them."""

_BY_IMPORT: Final = "RenderingDef:"
"""Rendering settings, which OMERO makes of each image, also when somebody looks at it for the first time."""

_ONLY_BY_IMPORT: Final = "Channel:"
"""Nobody can add one to an image; packets of the stock tool do not tell of them."""

_WITH_IDS: Final = frozenset({"OMERO.tables", "application/json"})
"""Types of files that may hold ids of objects."""


class How(StrEnum):
    """By what objects were known again."""

    IDS = "ids"
    LOAD = "load"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out. ``first`` and ``second`` name the two in words.

    ``counts`` are how many objects are in both, by class. ``not_loaded`` is how many rows of the packet the
    load had left out: they are no change. ``load`` is the id of the load whose id map was used.
    """

    first: str
    second: str
    how: How
    changes: tuple[Change, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    load: str = ""
    not_loaded: int = 0

    @property
    def is_identical(self) -> bool:
        return not self.changes


@dataclass(frozen=True, slots=True)
class _Match:
    """Two graphs, and which objects are the same for certain."""

    first: Graph
    second: Graph
    seeds: Mapping[str, str]
    how: How
    load: str = ""
    not_loaded: int = 0


def with_server(
    path: str,
    packet: Packet,
    receiver: Receiver,
    *,
    object_there: ObjectRef | None = None,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Compared:
    """Compare the packet at ``path`` with OMERO now, or only with ``object_there``.

    Raises:
        NotFound: nothing in OMERO is known to be what is in the packet, or ``object_there`` is not there.
        UsageError: it is not known which part of the packet ``object_there`` is.
        BadPacket: the packet is damaged, hostile, or of an unknown form.
    """
    report(Step(f"Reading what is in {path}"))
    content = _read_packet(packet, receiver.model)
    report(Step("Reading what is in OMERO"))
    asking = _Asking(content, packet_sha256(packet), receiver, cancel)
    match = asking.match() if object_there is None else asking.match_object(object_there)
    host = receiver.server.identity.host
    second = f"{object_there} on {host}" if object_there else f"OMERO {host} now"
    return _compared(match, path, second, receiver.model, report)


def with_packet(
    path: str, packet: Packet, other_path: str, other: Packet, model: ObjectModel, *, report: Report = silent
) -> Compared:
    """Compare two packets; those of two servers by the names of what was packed.

    Raises:
        UsageError: they are of two servers and have other roots.
        BadPacket: one is damaged, hostile, or of an unknown form.
    """
    report(Step(f"Reading what is in {path} and {other_path}"))
    first, second = _read_packet(packet, model), _read_packet(other, model)
    if _server_of(first) and _server_of(first) == _server_of(second):
        seeds = same_ids(first.graph, second.graph)
        match = _Match(first.graph, second.graph, seeds, How.IDS)
    else:
        seeds = seeds_by_name(first.graph, second.graph, _roots_by_name(first, second))
        match = _Match(first.graph, second.graph, seeds, How.NAMES)
    return _compared(match, path, other_path, model, report)


def _read_packet(packet: Packet, model: ObjectModel) -> PacketContent:
    content = load_content(packet, places=False)
    check_rows(content.graph, model)
    return content


def _compared(match: _Match, first: str, second: str, model: ObjectModel, report: Report) -> Compared:
    report(Step("Comparing"))
    found = difference(pair(match.first, match.second, match.seeds, model))
    keys = found.pairs.keys()
    counts = {name: sum(1 for key in keys if key.startswith(f"{name}:")) for name in _COUNTED}
    return Compared(
        first,
        second,
        match.how,
        (*(one for one in tell(found) if _is_change(one, match.how)), *_other_bytes(found, match.how)),
        {name: count for name, count in counts.items() if count},
        match.load,
        match.not_loaded,
    )


def _is_change(change: Change, how: How) -> bool:
    """What every import makes unasked is none after a load."""
    by_import = (_ONLY_BY_IMPORT,) if how is How.IDS else (_ONLY_BY_IMPORT, _BY_IMPORT)
    return change.what is not What.ADDED or not change.object.startswith(by_import)


def _other_bytes(found: Difference, how: How) -> Iterator[Change]:
    """Attachments that have other bytes. A load puts new ids into tables and figures, so these have."""
    notes = found.pairs.source.graph.rows("FileAnnotation")
    figures = {row.get("file") for row in notes if is_figure(row)}  # transfer.xml tells of no types of files
    for source, target in found.unfilled:
        old, new = found.pairs.source.graph.one(source) or {}, found.pairs.target.graph.one(target) or {}
        has_ids = old.get("mimetype") in _WITH_IDS or source in figures
        if how is How.IDS or not has_ids:
            name = f"{target} '{old.get('name') or ''}'"
            yield Change(What.CHANGED, target, name, "", "content", _content(old), _content(new))


def _content(row: Row) -> str:
    return f"{row.get('size') or 0:,} bytes, {row.get('hash') or 'no hash'}"


class _Asking:
    """Finds in OMERO what is in a packet."""

    def __init__(
        self, content: PacketContent, sha256: str, receiver: Receiver, cancel: CancelToken | None
    ) -> None:
        self._content, self._receiver, self._cancel = content, receiver, cancel
        self._is_of_here = _server_of(content) == receiver.server.identity.uuid
        self._loads = [one for one in receiver.book.list_loads() if one.sha256 == sha256]

    def match(self) -> _Match:
        """All of the packet: by its ids, where it was packed and still is, else by the last load."""
        if self._is_of_here:
            match = self._by_ids(self._content)
            if any(str(root) in match.second for root in self._content.roots):
                return match
        for load in self._loads:
            id_map = dict(self._receiver.book.read_id_map(load.load))
            if id_map:
                return self._by_load(self._content, load, id_map)
        where = "is there any more" if self._is_of_here else "was loaded into it"
        raise NotFound(
            f"Nothing in OMERO is known to be {_listed(self._content.roots)}: nothing of the packet {where}.",
            hint="Name the object to compare with, for example: omero-irods diff SNAPSHOT Dataset:51",
        )

    def match_object(self, there: ObjectRef) -> _Match:
        """What ``there`` was in the packet, and no more."""
        for load in self._loads:
            id_map = dict(self._receiver.book.read_id_map(load.load))
            source = next((source for source, here in id_map.items() if here == str(there)), None)
            if source is not None:
                return self._by_load(_part(self._content, source), load, id_map)
        if self._is_of_here and str(there) in self._content.graph:
            return self._there(self._by_ids(_part(self._content, str(there))), there)
        return self._there(self._by_names(there), there)

    def _there(self, match: _Match, there: ObjectRef) -> _Match:
        if str(there) not in match.second:
            raise NotFound(f"There is no {there} that you may see.", hint="Check the id, and your group.")
        return match

    def _by_ids(self, content: PacketContent) -> _Match:
        target = _read(self._receiver.server, _whole(content), self._cancel)
        seeds = {key: key for key in _people(content.graph)} | same_ids(content.graph, target)
        return _Match(content.graph, target, seeds, How.IDS)

    def _by_load(self, content: PacketContent, load: LoadRecord, id_map: Mapping[str, str]) -> _Match:
        wanted = (id_map[key] for key in _whole(content) if key in id_map)
        found = _read(self._receiver.server, wanted, self._cancel)
        target = _without_own_tag_sets(found, load.reused, set(id_map.values()))
        graph = prepared(self._as_plan(content, load.load), id_map, {})
        seeds = {
            source: here
            for source, here in id_map.items()
            if here in target or here.partition(":")[0] in PEOPLE
        }
        lost = [key for key in self._loadable(graph) if key not in id_map]
        loaded = graph.changed(dict.fromkeys(lost)) if lost else graph
        return _Match(loaded, target, seeds, How.LOAD, load.load, len(lost))

    def _loadable(self, graph: Graph) -> Iterator[str]:
        """Keys of what a load can make or find; what OMERO has anyway, and history, is left out."""
        for name in graph.classes():
            shape = self._receiver.model.shape(name)
            if shape is not None and not shape.is_enumeration and shape.root not in {*NOT_CARRIED, *PEOPLE}:
                yield from (f"{name}:{number}" for number in graph.ids(name))

    def _by_names(self, there: ObjectRef) -> _Match:
        roots = [root for root in self._content.roots if root.kind is there.kind]
        if len(roots) != 1:
            found = f"{len(roots):,} of that kind" if roots else f"only {_listed(self._content.roots)}"
            raise UsageError(
                f"It is not known what {there} is in the packet: that has {found}, and was not loaded as"
                " that.",
                hint="Load the packet with omero-irods unpack; what that makes can be compared.",
            )
        content = _part(self._content, str(roots[0]))
        target = _read(self._receiver.server, [str(there)], self._cancel)
        seeds = seeds_by_name(content.graph, target, {str(roots[0]): str(there)})
        return _Match(content.graph, target, seeds, How.NAMES)

    def _as_plan(self, content: PacketContent, load: str) -> UnpackPlan:
        """What the load has made of the packet, with all that it may have left out."""
        request = UnpackRequest("", as_owner=True)
        identity = self._receiver.server.identity
        return UnpackPlan(request, identity, content, load, "", None, (), ())


# -- what is where


def _server_of(content: PacketContent) -> str | None:
    return content.header.server if content.header else content.origin.database_uuid


def _part(content: PacketContent, key: str) -> PacketContent:
    """Only what belongs to one object; of one that is no kind of its own all."""
    kind = key.partition(":")[0]
    if [key] == [str(root) for root in content.roots] or kind not in frozenset(Kind):
        return content
    return select(content, parse_objects([key]))


def _whole(content: PacketContent) -> Iterator[str]:
    """Keys of what the packet has with all that belongs to it, and not only as a row."""
    is_ours = content.form is PacketForm.OURS
    for name in content.graph.classes():
        if name in _READ:
            yield from (row["@"] for row in content.graph.rows(name) if not is_ours or "@sets" in row)


def _people(graph: Graph) -> Iterator[str]:
    return (f"{name}:{number}" for name in PEOPLE for number in graph.ids(name))


def _read(server: ImageServer, keys: Iterable[str], cancel: CancelToken | None) -> Graph:
    """All of these that are there, with what belongs to them."""
    found = Graph()
    server.read_graph((), found.add, also=list(keys), report=silent, cancel=cancel)
    return found


def _without_own_tag_sets(there: Graph, reused: Collection[str], of_load: Collection[str]) -> Graph:
    """``there`` without the tag sets that tags, which were there before a load, are in.

    Which these are is the user's affair (preparing.py); a set that hangs on something stays.
    """
    links = [
        row
        for row in there.rows("AnnotationAnnotationLink")
        if row["child"] in reused and (row["parent"] in reused or row["parent"] not in of_load)
    ]
    dropped = {row["@"] for row in links}
    hanging = {
        row["child"]
        for name in there.classes()
        if name.endswith("AnnotationLink")
        for row in there.rows(name)
        if row["@"] not in dropped
    }
    dropped |= {row["parent"] for row in links} - hanging - set(of_load)
    return there.changed(dict.fromkeys(dropped)) if dropped else there


def _roots_by_name(first: PacketContent, second: PacketContent) -> dict[str, str]:
    """Roots of the same kind and name, or the only one of its kind.

    Raises:
        UsageError: there are none.
    """
    seeds: dict[str, str] = {}
    for root in first.roots:
        fitting = [one for one in second.roots if one.kind is root.kind]
        named = [one for one in fitting if _name(second, one) == _name(first, root)]
        if len(fitting) == 1 or len(named) == 1:
            seeds[str(root)] = str((named or fitting)[0])
    if not seeds:
        raise UsageError(
            f"The packets are of different servers, and nothing says which object is which:"
            f" {_listed(first.roots)} there, {_listed(second.roots)} here.",
            hint="Compare each with the OMERO that it was packed from or loaded into.",
        )
    return seeds


def _name(content: PacketContent, root: ObjectRef) -> str | None:
    row = content.graph.one(str(root)) or {}
    return row.get("name")


def _listed(roots: Collection[ObjectRef]) -> str:
    return ", ".join(map(str, list(roots)[:5])) + (", ..." if len(roots) > 5 else "")
